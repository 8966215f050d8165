//! A disk that fails, and one that is waited for. What it is asked is seen by strace, which also answers in its place.
//!
//! F-51: a disk that says it could not keep what was written to the database's log.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use store::db::Filter;
use store::{Db, Place};
use testkit::caller::ask;
use testkit::vendor::{Answer, Vendor};

use crate::house::{CHAT_ANSWER, chat, provider};
use crate::program::Program;

/// Whether a system call of another process can be made to fail here.
async fn possible() -> bool {
    let mut strace = tokio::process::Command::new("strace");
    strace.args(["-e", "inject=fsync:error=EIO", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().await.is_ok_and(|status| status.success())
}

/// Waits until what it begins with is recorded, which is done behind open doors.
async fn begun(address: SocketAddr) {
    assert_eq!(ask(address, "GET", "/config", &[], "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_on_a_disk_that_fails_is_not_written_any_more_and_nothing_is_lost() {
    if !possible().await {
        eprintln!(
            "passed over: no disk can be made to fail here (apt-get install strace; and tracing must be allowed)"
        );
        return;
    }
    let vendor =
        Vendor::start(|_| Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into())
            .await;
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("usage.db-wal");
    let storage = "storage: {database: \"sqlite:usage.db\"}";
    let yaml = format!("server: {{listen: \"127.0.0.1:0\", workers: 1}}\n{}{storage}\n", provider(&vendor));
    std::fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    // It begins on a good disk; then every sync of the log fails.
    let place = Place::Sqlite(dir.path().join("usage.db"));
    let (program, address) = Program::ready(dir.path(), &[]).await;
    begun(address).await;
    assert!(program.stop().await.0.success());
    // Its log is put into the file, or the next start would do that, and that would be the first sync.
    let file = SqliteConnectOptions::new().filename(dir.path().join("usage.db"));
    let mut other = file.connect().await.unwrap();
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let failing = ["strace", "-D", "-f", "-qqq", "-o", "trace", "-P", log.to_str().unwrap()];
    let failing =
        [&failing[..], &["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"]].concat();
    let (mut program, address) = Program::ready(dir.path(), &failing).await;
    let call = async |address, model: &str| {
        let answer = ask(address, "POST", "/v1/chat/completions", &[], chat(model, false)).await;
        assert_eq!(answer.status, 200, "calls are spooled and made");
    };
    call(address, "first").await;
    program.says(&["the disk failed"], 1).await;
    for n in 0..5 {
        call(address, &format!("later-{n}")).await;
    }
    let (status, said) = program.stop().await;
    assert!(status.success(), "{said:#?}");
    let syncs = std::fs::read_to_string(dir.path().join("trace")).unwrap();
    let syncs = syncs.lines().filter(|line| line.contains("EIO")).count();
    assert_eq!(syncs, 1, "nobody asks a second time whether all is well");

    // On a good disk again.
    let (program, _) = Program::ready(dir.path(), &[]).await;
    let (status, _) = program.stop().await;
    assert!(status.success());
    let records = Db::open(&place).unwrap().page(&Filter::default(), None, 100).await.unwrap().records;
    let mut models: Vec<_> = records.into_iter().filter_map(|record| record.model_asked).collect();
    models.sort();
    assert_eq!(models, ["first", "later-0", "later-1", "later-2", "later-3", "later-4"]);
}

/// How often the disk is waited for by a start in this folder, until a door is open.
async fn waits(dir: &Path) -> usize {
    let traced = ["strace", "-D", "-f", "-qqq", "-o", "trace", "-e", "trace=fsync,fdatasync,listen"];
    let (program, address) = Program::ready(dir, &traced).await;
    begun(address).await;
    assert!(program.stop().await.0.success());
    let trace = std::fs::read_to_string(dir.join("trace")).unwrap();
    assert!(trace.contains("listen("), "{trace}");
    trace.lines().take_while(|line| !line.contains("listen(")).filter(|line| line.contains("sync(")).count()
}

/// Each wait is milliseconds, in which nobody is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_hardly_waits_for_the_disk_before_its_doors_are_open() {
    if !possible().await {
        eprintln!(
            "passed over: nobody can look on here (apt-get install strace; and tracing must be allowed)"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let storage = "storage: {database: \"sqlite:usage.db\"}";
    let yaml = format!(
        "server: {{listen: \"127.0.0.1:0\"}}\nproviders: {{one: {{base_url: \"http://127.0.0.1:9/v1\"}}}}\n{storage}\n"
    );
    std::fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    let first = waits(dir.path()).await;
    assert!(first <= 3, "the head of the database, its log, and the name of that: {first}");
    assert_eq!(waits(dir.path()).await, 0, "nothing is new at a later start");
}
