//! Notes of running gateways: whose are believed, whose are obeyed, and to whom a key is shown.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use testkit::vendor::{Act, Vendor};

/// The program in a home of its own.
fn openai_proxy(home: &Path, arguments: &[&str]) -> Output {
    command(home, arguments).output().unwrap()
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
    command.args(arguments).env_clear().env("HOME", home).current_dir(home);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// A gateway in the background, stopped at the end.
struct Started(tempfile::TempDir);

impl Started {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let output = openai_proxy(home.path(), &["start", "--listen", "127.0.0.1:0"]);
        assert!(output.status.success(), "{}", said(&output));
        Self(home)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join(".local/state/openai-proxy/run")
    }

    fn note(&self) -> PathBuf {
        std::fs::read_dir(self.folder()).unwrap().next().unwrap().unwrap().path()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(openai_proxy(self.0.path(), &["stop", "--now"]));
    }
}

/// A stranger's process, and a note that calls it a gateway.
fn forged(model: &str) -> (Child, String) {
    let sleep = Command::new("sleep").arg("60").spawn().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", sleep.id())).unwrap();
    let born = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_owned();
    let mut note: serde_json::Value = serde_json::from_str(model).unwrap();
    note["pid"] = sleep.id().into();
    note["born"] = born.parse::<u64>().unwrap().into();
    (sleep, note.to_string())
}

#[test]
fn a_note_that_somebody_else_could_have_written_commands_nothing() {
    let real = Started::new();
    let note = std::fs::read_to_string(real.note()).unwrap();
    let (mut sleep, forged) = forged(&note);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".local/state/openai-proxy/run");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("1.json");
    std::fs::write(&file, &forged).unwrap();

    // Writable by everybody.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let stopped = openai_proxy(home.path(), &["stop", "--url", "http://127.0.0.1:9"]);
    assert!(said(&stopped).contains("Not running"), "{}", said(&stopped));
    assert_eq!(openai_proxy(home.path(), &["status"]).status.code(), Some(3));
    // A link, and a pipe that nobody writes to.
    std::fs::rename(&file, home.path().join("elsewhere.json")).unwrap();
    symlink(home.path().join("elsewhere.json"), &file).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("2.json")).status().unwrap().success());
    std::fs::write(folder.join("3.json"), "nonsense").unwrap();
    assert_eq!(openai_proxy(home.path(), &["status"]).status.code(), Some(3));
    // Another user's: only root can make one here.
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &forged).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    if chown(&file, Some(12345), Some(12345)).is_ok() {
        assert_eq!(
            openai_proxy(home.path(), &["status"]).status.code(),
            Some(3),
            "its process is not that user's"
        );
    }
    assert!(sleep.try_wait().unwrap().is_none(), "a process that was never a gateway was ended");
    sleep.kill().unwrap();
    sleep.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_only_to_a_gateway_that_is_known() {
    let stranger =
        Vendor::start(|_| Act::json(200, &serde_json::json!({"status": "ready", "data": []}))).await;
    let home = tempfile::tempdir().unwrap();
    let listen = format!("server: {{listen: \"127.0.0.1:{}\"}}\n", stranger.port());
    std::fs::write(home.path().join("openai-proxy.yaml"), listen).unwrap();
    let ask = |arguments: &[&str]| {
        let output =
            command(home.path(), arguments).env("OPENAI_API_KEY", "sk-canary-of-mine").output().unwrap();
        said(&output)
    };
    for arguments in [&["status"][..], &["stop"], &["models"], &["connect", "codex"], &["chat", "hi"]] {
        ask(arguments);
    }
    assert!(stranger.ledger().entries().len() >= 4);
    assert!(!stranger.ledger().entries().iter().any(|entry| entry.seen.contains(b"canary")));
    ask(&["models", "--url", &stranger.url()]);
    assert!(stranger.ledger().last().unwrap().seen.contains(b"canary"), "named by the person, it is shown");
}

#[test]
fn a_secret_does_not_go_onto_a_command_line() {
    let home = tempfile::tempdir().unwrap();
    let refused = openai_proxy(home.path(), &["start", "--set", "providers.openai.api_key=sk-canary-0123"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("${NAME}") && !said(&refused).contains("canary"), "{}", said(&refused));
}

#[test]
fn what_could_not_be_printed_was_not_done() {
    let home = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(home.path(), &["completion", "bash"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("cannot be written"), "{}", said(&output));
    // A reader that has seen enough is none of our business.
    let piped = Command::new("sh")
        .args(["-c", "\"$0\" man | head -c 1 >/dev/null", env!("CARGO_BIN_EXE_openai-proxy")])
        .output()
        .unwrap();
    assert!(piped.stderr.is_empty(), "{}", said(&piped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_now_waits_for_nobody() {
    let vendor = Vendor::start(|_| Act::Hang).await;
    let home = tempfile::tempdir().unwrap();
    let yaml = format!(
        "server: {{listen: \"127.0.0.1:0\"}}\nproviders: {{openai: {{base_url: \"{}/v1\", api_key: sk-1234}}}}\n",
        vendor.url()
    );
    std::fs::write(home.path().join("openai-proxy.yaml"), yaml).unwrap();
    let started = openai_proxy(home.path(), &["start"]);
    let told = said(&started);
    let address = told.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let mut call = tokio::task::JoinSet::new();
    call.spawn(async move {
        testkit::caller::ask(address, "POST", "/v1/chat/completions", &[], crate::house::chat("m", false))
            .await
    });
    vendor.ledger().wait_for(|ledger| ledger.entries().len() == 1, Duration::from_secs(10)).await;
    let began = Instant::now();
    let stopped = openai_proxy(home.path(), &["stop", "--now"]);
    assert!(stopped.status.success() && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
