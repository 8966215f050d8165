//! What the real program does to its database now and then, here every second.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use store::db::Filter;
use store::{Db, Place, UsageRecord};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

const YAML: &str = r#"
server: {listen: "127.0.0.1:0", workers: 1}
providers: {mock: {}}
logging: {format: json}
storage:
  database: "sqlite:usage.db"
  backup: {every: 1s, keep: 2, to: copies}
  retention: {requests: 1d}
  upkeep: {vacuum_every: 1s, health_every: 1s}
"#;

/// The real program, and what it says.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(dir: &Path) -> Self {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
        command.arg("serve").env_clear().env("HOME", dir).current_dir(dir).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until it has said each of these so often, and returns all it has said.
    async fn says(&mut self, what: &[&str], times: usize) -> Vec<String> {
        let mut said = Vec::new();
        let often = |said: &[String], part: &str| said.iter().filter(|line| line.contains(part)).count();
        while what.iter().any(|part| often(&said, part) < times) {
            let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line()).await;
            said.push(line.unwrap_or_else(|_| panic!("it says no more than {said:#?}")).unwrap().unwrap());
        }
        said
    }

    /// Asks it to stop, and waits until it has.
    async fn stop(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        while self.lines.next_line().await.unwrap().is_some() {}
        self.child.wait().await.unwrap()
    }
}

#[tokio::test]
async fn copies_are_made_and_rotated_and_a_stop_waits_for_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openai-proxy.yaml"), YAML).unwrap();
    let place = Place::Sqlite(dir.path().join("usage.db"));
    {
        let db = Db::open(&place).unwrap();
        let old = UsageRecord { record_id: "old".into(), started_us: 1, ..UsageRecord::default() };
        let rows = (0..1_000).map(|n| UsageRecord { record_id: format!("old-{n}"), ..old.clone() });
        db.append(rows.collect()).await.unwrap();
    }
    let mut running = Running::start(dir.path());
    let done = ["the database was copied", "looked through", "as small as it can be"];
    let said = running.says(&done, 4).await;
    assert!(!said.iter().any(|line| line.contains("\"ERROR\"") || line.contains("tried again")), "{said:#?}");
    let began = Instant::now();
    let status = running.stop().await;
    assert!(status.success() && began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    let copies: Vec<_> = std::fs::read_dir(dir.path().join("copies")).unwrap().flatten().collect();
    let whole = copies.iter().filter(|entry| entry.path().extension().is_some_and(|is| is == "db"));
    assert_eq!(whole.count(), 2, "{copies:?}");
    let db = Db::open(&place).unwrap();
    let names: Vec<_> = db.chores().await.unwrap().into_iter().map(|chore| chore.name).collect();
    assert_eq!(names, ["backup", "health", "vacuum"], "what is too old waits until the clock is believed");
    assert_eq!(db.page(&Filter::default(), None, 1).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn what_is_too_old_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openai-proxy.yaml"), YAML.replace("requests: 1d", "requests: 4s"))
        .unwrap();
    let place = Place::Sqlite(dir.path().join("usage.db"));
    let db = Db::open(&place).unwrap();
    let old = UsageRecord { record_id: "old".into(), started_us: 1, ..UsageRecord::default() };
    db.append(vec![old]).await.unwrap();
    let mut running = Running::start(dir.path());
    running.says(&["what is too old was deleted"], 1).await;
    assert!(db.page(&Filter::default(), None, 1).await.unwrap().records.is_empty());
    assert!(running.stop().await.success());
}
