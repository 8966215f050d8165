//! The program as a person starts it: what it says, what it refuses, and how it ends (D-2 to D-4, T-50).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a set-up that fails must fail its test loudly")]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::caller::{Caller, ask};
use tokio::net::UnixStream;

use crate::house::chat;

const PATIENCE: Duration = Duration::from_secs(10);

/// The real binary, in a directory of its own and with nothing of our environment.
pub(crate) struct Program {
    child: Child,
    dir: TempDir,
    lines: Receiver<String>,
    said: Vec<String>,
}

/// A command in a directory of its own.
pub(crate) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
    command.args(arguments).env_clear().env("HOME", dir).current_dir(dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    /// `serve` with the file `openai-proxy.yaml` of this text.
    pub(crate) fn configured(yaml: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
        Self::start(dir, &["serve"], &[])
    }

    /// The program with these arguments and these variables only.
    pub(crate) fn start(dir: TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(dir.path(), arguments);
        command.envs(environment.iter().copied());
        Self::of(dir, command)
    }

    /// A command that becomes the program.
    pub(crate) fn of(dir: TempDir, command: Command) -> Self {
        let (child, lines) = spawned(command);
        Self { child, dir, lines, said: Vec::new() }
    }

    /// Starts another one in its folder, when it has ended.
    pub(crate) fn start_again(&mut self, arguments: &[&str]) {
        (self.child, self.lines) = spawned(command(self.dir.path(), arguments));
    }

    /// Waits for a line on standard error that holds this text.
    pub(crate) fn says(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("`{text}` was never said, only:\n{}", self.said.join("\n"));
            };
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Where it listens, from its first screen.
    pub(crate) fn address(&mut self) -> SocketAddr {
        let line = self.says("Ready    http");
        let from = line.find("://").unwrap() + 3;
        line[from..].split('/').next().unwrap().parse().unwrap()
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Writes its file anew.
    pub(crate) fn write(&self, yaml: &str) {
        std::fs::write(self.dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    }

    /// Takes its file away.
    pub(crate) fn remove_file(&self) {
        std::fs::remove_file(self.dir.path().join("openai-proxy.yaml")).unwrap();
    }

    /// What of it is in memory, in KiB (proc(5), `VmRSS`).
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().split(' ').next().unwrap().parse().unwrap()
    }

    /// Whether it catches HUP, INT and TERM by now (proc(5), `SigCgt`); else they would end it.
    fn hears_signals(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        let wanted = 1 | 1 << 1 | 1 << 14;
        caught & wanted == wanted
    }

    /// Sends a signal, by name, once the program listens for signals.
    pub(crate) fn signal(&self, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.hears_signals() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends one signal right behind another.
    pub(crate) fn signal_both(&self, first: &str, second: &str) {
        let id = self.child.id();
        let both = format!("kill -s {first} {id}; kill -s {second} {id}");
        assert!(Command::new("sh").args(["-c", &both]).status().unwrap().success());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, at most so long; and everything it said.
    pub(crate) async fn ends_within(&mut self, limit: Duration) -> (ExitStatus, Vec<String>) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.said.extend(self.lines.iter());
                return (status, std::mem::take(&mut self.said));
            }
            assert!(begun.elapsed() < limit, "still running after {limit:?}:\n{}", self.said.join("\n"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A child, and the lines it says on standard error.
fn spawned(mut command: Command) -> (Child, Receiver<String>) {
    let mut child = command.spawn().unwrap();
    let (out, lines) = channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            drop(out.send(line));
        }
    });
    (child, lines)
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where a test went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs it to its end: exit code, standard output, standard error.
pub(crate) fn run(
    dir: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let mut child = command(dir, arguments).envs(environment.iter().copied()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                drop(child.kill());
                panic!("{arguments:?} does not end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (status.code(), out, err)
}

fn configured(yaml: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    run(dir.path(), arguments, &[])
}

/// What of its words is the screen and not the log.
fn screen(said: &[String]) -> Vec<&String> {
    said.iter().filter(|line| !line.starts_with('{')).collect()
}

fn assert_fits(said: &[String]) {
    let screen = screen(said);
    assert!((1..=20).contains(&screen.len()), "{} lines:\n{screen:#?}", screen.len());
    for line in screen {
        assert!(line.chars().count() <= 90, "{} columns: {line}", line.chars().count());
        assert!(!line.contains('\x1b'), "colour in a pipe: {line:?}");
    }
}

const ANY_PORT: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_file_and_a_key_the_mock_answers() {
    let mut program = Program::start(tempfile::tempdir().unwrap(), ANY_PORT, &[]);
    let address = program.address();
    for stream in [false, true] {
        let json = [("content-type", "application/json")];
        let answer = ask(address, "POST", "/v1/chat/completions", &json, chat("mock", stream)).await;
        assert!(answer.status == 200 && answer.complete, "{}", answer.text());
        assert!(answer.text().contains(if stream { "data: [DONE]" } else { "chat.completion" }));
    }
    assert_eq!(ask(address, "GET", "/readyz", &[], "").await.status, 200);
    program.signal("TERM");
    let (status, said) = program.ends_within(Duration::from_secs(2)).await;
    assert_eq!(status.code(), Some(0));
    assert_fits(&said);
    let screen = screen(&said).iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n");
    assert!(screen.contains("no configuration file") && screen.contains("mock"), "{screen}");
    assert!(screen.contains(&format!("http://{address}/v1")), "{screen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_on_the_first_screen_works_as_it_stands() {
    let mut program = Program::start(tempfile::tempdir().unwrap(), ANY_PORT, &[]);
    let line = program.says("Next ");
    let words = line.split_whitespace().nth(1).zip(line.split('"').nth(1));
    assert_eq!(words, Some(("openai-proxy", "hello")), "{line}");
    let (code, out, err) = run(program.dir.path(), &["chat", "hello"], &[]);
    assert!(code == Some(0) && out.contains("This is the mock"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_the_environment_are_on_the_screen_without_being_shown() {
    let keys = [
        ("OPENAI_API_KEY", "sk-canary-openai-0123456789"),
        ("ANTHROPIC_API_KEY", "sk-canary-anthropic-0123456789"),
    ];
    let mut program = Program::start(tempfile::tempdir().unwrap(), ANY_PORT, &keys);
    program.address();
    program.signal("TERM");
    let (status, said) = program.ends_within(Duration::from_secs(2)).await;
    assert_eq!(status.code(), Some(0));
    assert_fits(&said);
    let all = said.join("\n");
    assert!(all.contains("openai") && all.contains("api.openai.com") && all.contains("own key"), "{all}");
    assert!(!all.contains("canary") && !all.contains("0123456789"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_check_that_is_off_is_loud_on_the_screen() {
    let mut program = Program::configured(
        "server: {listen: 127.0.0.1:0}\nproviders: {openai: {base_url: \"https://127.0.0.1:1/v1\", api_key: sk-canary, dangerous_accept_any_certificate: true}}\n",
    );
    let line = program.says("openai  ");
    assert!(line.contains("CERTIFICATES ARE NOT VERIFIED"), "{line}");
    program.address();
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_with_its_line_and_the_nearest_name() {
    let yaml = "serever: {}\nserver: {listn: x}\nproviders:\n  openai: {api_kee: sk-canary-0123456789}\n";
    let (code, out, err) = configured(yaml, &["serve"]);
    assert_eq!((code, out.as_str()), (Some(78), ""));
    for (line, wrong, right) in
        [(1, "`serever`", "`server`"), (2, "`listn`", "`listen`"), (4, "`api_kee`", "`api_key`")]
    {
        let told = err
            .lines()
            .find(|said| said.contains(wrong))
            .unwrap_or_else(|| panic!("{wrong} is not told:\n{err}"));
        assert!(told.contains(&format!("openai-proxy.yaml:{line}:")) && told.contains(right), "{told}");
    }
    assert!(!err.contains("canary") && !err.contains('\x1b') && !err.contains("panicked"), "{err}");
}

#[test]
fn a_file_that_is_not_there_is_refused_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, err) = run(dir.path(), &["serve", "--config", "nowhere.yaml"], &[]);
    assert!(code == Some(78) && err.contains("nowhere.yaml"), "{code:?}: {err}");
}

#[test]
fn a_door_others_can_reach_needs_the_words_for_it() {
    for listen in ["0.0.0.0:0", "[::]:0", "*:0"] {
        let (code, _, err) =
            configured(&format!("server: {{listen: \"{listen}\"}}\nproviders: {{mock: {{}}}}\n"), &["serve"]);
        assert_eq!(code, Some(78), "{listen}: {err}");
        assert!(err.contains("auth: {mode: none}") && err.contains("127.0.0.1:"), "both ways out: {err}");
        assert!(err.contains("openai-proxy.yaml:1"), "{err}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (code, _, err) = run(dir.path(), &["serve", "--listen", "0.0.0.0:0"], &[]);
    assert!(
        code == Some(78) && err.contains("auth: {mode: none}") && err.contains("127.0.0.1:"),
        "{code:?}: {err}"
    );
}

/// Listens on a port that it prints, until it is killed.
const LISTENER: &str = "import socket,time\ns=socket.socket()\ns.bind(('0.0.0.0',0))\ns.listen()\nprint(s.getsockname()[1],flush=True)\ntime.sleep(60)";

#[test]
fn the_program_that_has_the_port_is_named() {
    let spawned = Command::new("python3").args(["-c", LISTENER]).stdout(Stdio::piped()).spawn();
    let Ok(mut other) = spawned else {
        eprintln!("skipped: no python3 here to listen in a process of its own");
        return;
    };
    let mut port = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // It listens everywhere, and so on this address, too.
    let address = format!("127.0.0.1:{}", port.trim());
    let (code, _, err) = run(dir.path(), &["serve", "--listen", &address], &[]);
    let holder = format!("{address} is taken: python3");
    let pid = format!("pid {},", other.id());
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains(&holder) && err.contains(&pid) && err.contains("--listen"), "{err}");
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let (code, _, err) = run(dir.path(), &["serve", "--listen", &address], &[]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains(&address) && err.contains("--listen"), "{err}");
    assert!(err.contains(&format!("pid {},", std::process::id())), "this test is the one who listens: {err}");
    assert!(!err.contains("Ready") && !err.contains("panicked"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_us_do_not_share_a_port() {
    let mut first = Program::start(tempfile::tempdir().unwrap(), ANY_PORT, &[]);
    let address = first.address().to_string();
    let other = tempfile::tempdir().unwrap();
    for home in [first.dir.path(), other.path()] {
        let (code, _, err) = run(home, &["serve", "--listen", &address], &[]);
        assert!(code == Some(1) && err.contains(&address), "{code:?}: {err}");
        assert!(err.contains(&format!("pid {}", first.child.id())), "{err}");
        let known = home == first.dir.path();
        assert_eq!(
            err.contains("It is openai-proxy itself") && err.contains("openai-proxy stop"),
            known,
            "{err}"
        );
    }
    assert!(first.is_running());
}

#[test]
fn wrong_use_is_exit_2_with_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &[][..],
        &["sevre"],
        &["serve", "--listn", "x"],
        &["serve", "--set", "nothing"],
        &["serve", "--config"],
        &["serve", "extra"],
    ] {
        let (code, _, err) = run(dir.path(), arguments, &[]);
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(err.len() > 20 && !err.contains("panicked") && !err.contains('\x1b'), "{arguments:?}: {err}");
    }
}

#[test]
fn help_and_version_are_answers_and_not_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, holds) in [
        (&["--help"][..], "serve"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["serve", "--help"], "--listen"),
    ] {
        let (code, out, err) = run(dir.path(), arguments, &[]);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(out.contains(holds), "{out}");
    }
}

/// A request through a socket file.
async fn ask_socket(path: &Path) -> u16 {
    let mut caller = Caller::over(Box::new(UnixStream::connect(path).await.unwrap()));
    let body = chat("mock", false);
    // On a socket file the host says nothing.
    caller.send(format!("POST /v1/chat/completions HTTP/1.1\r\nhost: whatever\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await.unwrap();
    caller.read_answer().await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_file_is_a_door_for_its_owner_only() {
    let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = place.path().join("door.sock");
    let listen = format!("unix:{}", path.display());
    let mut program = Program::start(dir, &["serve", "--listen", &listen], &[]);
    program.says(&format!("Ready    {listen}"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ask_socket(&path).await, 200);
    program.signal("TERM");
    let (status, said) = program.ends_within(Duration::from_secs(2)).await;
    assert_eq!(status.code(), Some(0), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_left_over_socket_file_is_replaced() {
    let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = place.path().join("door.sock");
    drop(UnixListener::bind(&path).unwrap());
    let listen = format!("unix:{}", path.display());
    let mut program = Program::start(dir, &["serve", "--listen", &listen], &[]);
    program.says(&format!("Ready    {listen}"));
    assert_eq!(ask_socket(&path).await, 200);
}

#[test]
fn a_socket_file_in_use_and_a_file_that_is_none_are_left_alone() {
    let (dir, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (used, text) = (place.path().join("used.sock"), place.path().join("text.sock"));
    let _other = UnixListener::bind(&used).unwrap();
    std::fs::write(&text, "somebody's notes").unwrap();
    for path in [&used, &text] {
        let listen = format!("unix:{}", path.display());
        let (code, _, err) = run(dir.path(), &["serve", "--listen", &listen], &[]);
        assert!(code == Some(1) && err.contains(&listen), "{code:?}: {err}");
        let holder = format!("pid {},", std::process::id());
        assert_eq!(err.contains(&holder), path == &used, "{err}");
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "somebody's notes");
    assert!(std::os::unix::net::UnixStream::connect(&used).is_ok());
}

#[test]
fn a_certificate_file_that_is_missing_is_named() {
    let (code, _, err) = configured(
        "server: {listen: 127.0.0.1:0, tls: {cert: /nowhere/c.pem, key: /nowhere/k.pem}}\nproviders: {mock: {}}\n",
        &["serve"],
    );
    assert!(
        code == Some(1) && err.contains("/nowhere/c.pem") && !err.contains("panicked"),
        "{code:?}: {err}"
    );
}

/// Whoever waits for the word may ask for a stop right after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_is_said_when_signals_are_heard() {
    for _ in 0..20 {
        let mut program = Program::start(tempfile::tempdir().unwrap(), ANY_PORT, &[]);
        program.address();
        assert!(program.hears_signals(), "a signal now would end it without a drain");
    }
}
