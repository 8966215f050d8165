//! The real program, running, and what it says.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// A process that ends with its test.
pub(crate) struct Program {
    pub(crate) child: Child,
    /// Held, so that what it says has somewhere to go.
    lines: Lines<BufReader<ChildStderr>>,
}

impl Program {
    /// Starts `serve` in this folder, which is its home; by these words before its name, if there are any.
    pub(crate) fn start(dir: &Path, by: &[&str]) -> Self {
        let words: Vec<&str> =
            by.iter().copied().chain([env!("CARGO_BIN_EXE_openai-proxy"), "serve"]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear().env("HOME", dir).current_dir(dir).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Starts it, and waits until it says where it listens.
    pub(crate) async fn ready(dir: &Path, by: &[&str]) -> (Self, SocketAddr) {
        let mut program = Self::start(dir, by);
        let said = program.says(&["Ready    http://"], 1).await;
        let address = said.last().and_then(|line| line.split_once("http://")?.1.split('/').next()).unwrap();
        (program, address.parse().unwrap())
    }

    /// Waits until it has said each of these so often, a minute at most, and returns all it has said meanwhile.
    pub(crate) async fn says(&mut self, what: &[&str], times: usize) -> Vec<String> {
        let mut said = Vec::new();
        let often = |said: &[String], part: &str| said.iter().filter(|line| line.contains(part)).count();
        let until = tokio::time::Instant::now() + Duration::from_secs(60);
        while what.iter().any(|part| often(&said, part) < times) {
            let line = tokio::time::timeout_at(until, self.lines.next_line()).await;
            let line =
                line.unwrap_or_else(|_| panic!("within a minute it says no more than {said:#?}")).unwrap();
            said.push(line.unwrap_or_else(|| panic!("it ended after {said:#?}")));
        }
        said
    }

    /// Asks it to stop, and waits until it has; also what it said meanwhile.
    pub(crate) async fn stop(mut self) -> (ExitStatus, Vec<String>) {
        let pid = rustix::process::Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut said = Vec::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            said.push(line);
        }
        (self.child.wait().await.unwrap(), said)
    }
}
