//! What the program logs, where it is found, and that no call ever waits for it (T-49, F-70).

use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::Value;
use testkit::caller::{Caller, ask};
use testkit::until::until;

use crate::house::chat;
use crate::starting::{Program, command, run};

const BASE: &str =
    "server: {listen: \"127.0.0.1:0\", workers: 2}\nproviders: {mock: {}}\nstorage: {database: memory}\n";
const JSON: (&str, &str) = ("content-type", "application/json");

fn program(logging: &str) -> Program {
    Program::configured(&format!("{BASE}logging: {{{logging}}}\n"))
}

async fn call(address: SocketAddr, model: &str) -> u16 {
    ask(address, "POST", "/v1/chat/completions", &[JSON], chat(model, false)).await.status
}

async fn stop(program: &mut Program) -> Vec<String> {
    program.signal("TERM");
    let (status, said) = program.ends_within(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
    said
}

/// A log and what was put aside of it, oldest line first.
fn whole(log: &Path) -> String {
    let mut text = String::new();
    for number in (1..=999).rev() {
        let plain = log.with_file_name(format!("{}.{number}", log.file_name().unwrap().to_str().unwrap()));
        let packed = plain.with_file_name(format!("{}.gz", plain.file_name().unwrap().to_str().unwrap()));
        // Where the program ended while it packed there may be both.
        if let Ok(mut plain) = File::open(&plain) {
            plain.read_to_string(&mut text).unwrap();
        } else if let Ok(packed) = File::open(&packed) {
            GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        }
    }
    text + &fs::read_to_string(log).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(read).collect()
}

fn whole_lines(file: &Path) -> Vec<Value> {
    lines(&fs::read_to_string(file).unwrap())
}

/// Waits until a file holds a text.
async fn holds(file: &Path, text: &str) -> String {
    let read = || fs::read_to_string(file).unwrap_or_default();
    let written = until(Duration::from_secs(10), async || read().contains(text)).await;
    let all = read();
    assert!(written, "`{text}` is never in {}:\n{all}", file.display());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_file_logs_where_it_says_and_everything_said_is_there_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("config")).unwrap();
    let older = "logging:\n  level: \"INFO\"\n  file: \"../logs/app.log\"\n  max_size: 5242880  # 5MB\n  backup_count: 3\n";
    fs::write(dir.path().join("config/openai-proxy.yaml"), format!("{BASE}{older}")).unwrap();
    let mut program = Program::start(dir, &["serve", "--config", "config/openai-proxy.yaml"], &[]);
    let address = program.address();
    assert_eq!(call(address, "mock").await, 200);
    let (code, shown, _) = run(program.folder(), &["logs"], &[]);
    assert_eq!((code, shown), (Some(0), String::new()), "nothing has been said so far");
    program.signal("HUP");
    program.says("read anew");
    assert!(run(program.folder(), &["logs"], &[]).1.contains("read anew"), "`logs` finds it");
    let said = stop(&mut program).await;
    let log = lines(&whole(&program.folder().join("logs/app.log")));
    assert_eq!(log.last().unwrap()["message"], "stopped");
    assert!(said.iter().any(|line| line.contains("stopped")), "standard error has it, too");
    assert!(!said.iter().any(|line| line.contains("not in use yet")), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_every_call_has_its_line_across_the_files_put_aside() {
    const CALLS: usize = 600;
    let mut program =
        program("file: app.log, access_log: json, max_size: 20000, backup_count: 100, level: warn");
    let address = program.address();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        callers.spawn(async move {
            for _ in 0..CALLS / 6 {
                assert_eq!(call(address, "mock").await, 200);
            }
        });
    }
    callers.join_all().await;
    stop(&mut program).await;
    let log = lines(&whole(&program.folder().join("app.log")));
    let mut ids: Vec<&str> = log
        .iter()
        .filter(|line| line["target"] == "access")
        .map(|line| line["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), CALLS);
    assert!(program.folder().join("app.log.5.gz").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_moved_away_is_begun_anew_with_a_signal_and_without() {
    let mut program = program("file: app.log, access_log: json");
    let address = program.address();
    let log = program.folder().join("app.log");
    let moved = |name: &str| fs::rename(&log, program.folder().join(name)).unwrap();
    assert_eq!(call(address, "mock").await, 200);
    holds(&log, "\"call\"").await;
    moved("first");
    assert_eq!(call(address, "mock").await, 200);
    holds(&log, "\"call\"").await;
    moved("second");
    program.signal("HUP");
    assert_eq!(lines(&holds(&log, "read anew").await).len(), 1);
    for name in ["first", "second"] {
        assert_eq!(lines(&fs::read_to_string(program.folder().join(name)).unwrap()).len(), 1, "{name}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_told_at_start() {
    for (setting, told) in [
        ("file: link", "symbolic link"),
        ("file: folder", "irectory"),
        ("access_log: on, access_log_file: openai-proxy.yaml/app.log", "logging.access_log_file"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("openai-proxy.yaml"), format!("{BASE}logging: {{{setting}}}\n")).unwrap();
        symlink("elsewhere", dir.path().join("link")).unwrap();
        fs::create_dir(dir.path().join("folder")).unwrap();
        let (code, _, words) = run(dir.path(), &["serve"], &[]);
        assert_eq!(code, Some(78), "{setting}: {words}");
        assert!(words.contains(told) && words.lines().count() <= 4, "{setting}: {words}");
        assert!(!dir.path().join("elsewhere").exists(), "the link was followed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_lines_and_no_call_and_the_log_goes_on_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = format!("{BASE}logging: {{file: app.log, access_log: json}}\n");
    fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    // No file may become larger than some kilobytes: to whoever writes, that is a full disk.
    let mut shell = Command::new("sh");
    let start = format!("trap '' XFSZ; ulimit -f 8; exec {} serve", env!("CARGO_BIN_EXE_openai-proxy"));
    shell.args(["-c", &start]).env_clear().env("HOME", dir.path()).env("PATH", "/usr/bin:/bin");
    shell.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = Program::of(dir, shell);
    let address = program.address();
    let log = program.folder().join("app.log");
    for _ in 0..60 {
        assert_eq!(call(address, "mock").await, 200);
    }
    program.says("cannot be written and lines are dropped");
    // Somebody makes room.
    let full = program.folder().join("full.log");
    fs::rename(&log, &full).unwrap();
    assert_eq!(call(address, "mock").await, 200);
    holds(&log, "log lines are missing here").await;
    let said = stop(&mut program).await;
    assert_eq!(said.iter().filter(|line| line.contains("lines are dropped")).count(), 1, "once a minute");
    let (kept, after) = (whole_lines(&full), whole_lines(&log));
    let missing = after.iter().find_map(|line| line["lines"].as_u64()).unwrap();
    let calls = kept.iter().chain(&after).filter(|line| line["target"] == "access").count();
    assert_eq!(calls as u64 + missing, 61, "each is there, whole, or counted: {after:?}");
    assert!(missing > 20, "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_error_nobody_reads_holds_neither_calls_nor_the_file_nor_the_end_up() {
    const CALLS: usize = 300;
    let dir = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = testkit::nobody::Nobody::new();
    let gone = nobody.address();
    let yaml = format!(
        "server: {{listen: \"{address}\", workers: 1}}\nstorage: {{database: memory}}\nproviders: {{gone: {{type: openai-compatible, base_url: \"http://{gone}/v1\", breaker: {{min_requests: 1000000}}}}}}\nlogging: {{file: app.log, access_log: json}}\n"
    );
    fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    let mut child = command(dir.path(), &["serve"]).spawn().unwrap();
    let listens = async || tokio::net::TcpStream::connect(address).await.is_ok();
    assert!(until(Duration::from_secs(10), listens).await, "it never listens");
    // Each is worth two lines of more than 300 bytes, and the pipe takes 64 KiB.
    for number in 0..CALLS {
        let answer = tokio::time::timeout(Duration::from_secs(10), call(address, "a"));
        assert_eq!(answer.await.ok(), Some(502), "call {number}");
    }
    let asked = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(begun.elapsed() < Duration::from_secs(8), "it does not end"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(status.code(), Some(0));
    let log = lines(&fs::read_to_string(dir.path().join("app.log")).unwrap());
    let of = |target: &str| log.iter().filter(|line| line["target"] == target).count();
    assert_eq!((of("access"), of("gateway::relay")), (CALLS, CALLS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_changes_what_each_part_says_at_once() {
    let with = |level: &str| format!("{BASE}logging: {{level: {level}}}\n");
    let mut program = Program::configured(&with("{default: info, listen: debug}"));
    let address = program.address();
    let nonsense = async || {
        let mut caller = Caller::connect(address).await;
        caller.send("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n").await.unwrap();
        assert_eq!(caller.read_answer().await.status, 400);
    };
    nonsense().await;
    program.says("refused a request's framing");
    program.write(&with("{default: debug, listen: info}"));
    program.signal("HUP");
    program.says("read anew");
    nonsense().await;
    program.write(&with("debug"));
    program.signal("HUP");
    program.says("read anew");
    nonsense().await;
    program.says("refused a request's framing");
    let said = stop(&mut program).await;
    assert_eq!(said.iter().filter(|line| line.contains("framing")).count(), 2, "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_forms_change_with_a_reload_and_a_bad_place_changes_nothing() {
    let with = |logging: &str| format!("{BASE}logging: {{{logging}}}\n");
    let mut program = Program::configured(&with("file: one.log"));
    let address = program.address();
    let at = |program: &Program, name: &str| program.folder().join(name);
    program.write(&with("file: two.log, access_log: common, access_log_file: calls.log"));
    program.signal("HUP");
    program.says("read anew");
    assert_eq!(call(address, "mock").await, 200);
    holds(&at(&program, "calls.log"), "\"POST /v1/chat/completions HTTP/1.1\" 200 ").await;
    fs::create_dir(at(&program, "folder")).unwrap();
    program.write(&with("file: folder"));
    program.signal("HUP");
    assert!(program.says("log lines go where they went").contains("folder"));
    assert_eq!(call(address, "mock").await, 200);
    stop(&mut program).await;
    let two = fs::read_to_string(at(&program, "two.log")).unwrap();
    assert!(two.contains("log lines go where they went") && two.contains("stopped"), "{two}");
    assert!(!two.contains("POST"), "calls have a file of their own");
    assert_eq!(
        fs::read_to_string(at(&program, "one.log")).unwrap(),
        "",
        "that was over before anything was said"
    );
}

/// How programs that read Apache's combined format tell its pieces apart.
const COMBINED: &str = r#"^[0-9.]+ - [^ ]+ \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} \+0000\] "([^"\\]|\\.)+" [0-9]{3} ([0-9]+|-) "([^"\\]|\\.)+" "([^"\\]|\\.)+"$"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_combined_line_is_read_by_those_who_read_apaches() {
    let mut program = program("access_log: combined, access_log_file: calls.log");
    let address = program.address();
    let agents = [
        "curl/8.5.0",
        "a \"quoted\" one",
        "back\\slash\\",
        "tab\there",
        "é\u{202e}evil",
        "\" 200 1 \"-\" \"-",
    ];
    for agent in agents {
        let head = [JSON, ("user-agent", agent), ("referer", "http://page/?secret=1")];
        let path = "/v1/chat/completions?secret=1";
        assert_eq!(ask(address, "POST", path, &head, chat("mock", false)).await.status, 200, "{agent}");
    }
    let plain = ask(address, "POST", "/v1/nowhere at all", &[], "").await.status;
    assert_eq!(plain, 400, "a request line nobody may log");
    stop(&mut program).await;
    let log = program.folder().join("calls.log");
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().count(), agents.len(), "{text}");
    let fit = Command::new("grep").args(["-cE", COMBINED]).arg(&log).env("LC_ALL", "C").output().unwrap();
    assert_eq!(String::from_utf8(fit.stdout).unwrap().trim(), agents.len().to_string(), "{text}");
    assert!(!text.contains("secret") && text.contains("\"http://page/\" \"curl/8.5.0\""), "{text}");
    assert!(text.starts_with("127.0.0.1 - open ["), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_names_a_model_cannot_forge_a_line() {
    // Controls in a model's name are refused at the door; what turns text around or ends lines elsewhere is none.
    let evil = r#"x\",\"level\":\"ERROR\",\"message\":\"forged\u202e\u2028\u2066"#;
    for format in ["auto", "human"] {
        let mut program = program(&format!("format: {format}, access_log: on, file: app.log"));
        let address = program.address();
        assert_eq!(call(address, evil).await, 200);
        let said = stop(&mut program).await;
        let log = fs::read_to_string(program.folder().join("app.log")).unwrap();
        let told = said.iter().map(String::as_str).chain(log.lines());
        let told: Vec<&str> = told.filter(|line| line.contains("forged")).collect();
        assert_eq!(told.len(), 2, "once in each place: {told:#?}");
        for line in told {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"call".into()));
            assert!(line["model"].as_str().unwrap().starts_with("x\",\"level\""));
        }
        let steers = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{2028}'));
        assert!(!log.contains(steers), "{log:?}");
    }
}
