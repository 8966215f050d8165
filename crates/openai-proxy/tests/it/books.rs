//! Where usage is kept, and what a caller notices when that place is locked, full, newer or gone: as little as can be.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use openai_proxy::{BuildProblem, House};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store::db::Filter;
use store::{Db, Place, StoreProblem, UsageRecord};
use testkit::caller::{Answer as Answered, ask};
use testkit::vendor::{Act, Answer, Seen, Vendor};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::house::{CHAT_ANSWER, TestHouse, chat, given, provider};

fn good(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
}

fn kept_in(file: &Path, vendor: &Vendor) -> String {
    format!("{}storage: {{database: \"sqlite:{}\"}}\n", provider(vendor), file.display())
}

async fn call(address: SocketAddr, model: &str) -> Answered {
    ask(address, "POST", "/v1/chat/completions", &[], chat(model, false)).await
}

/// The records in a file, newest first, as another program reads them.
async fn records_in(file: &Path) -> Vec<UsageRecord> {
    let db = Db::open(&Place::Sqlite(file.to_owned())).unwrap();
    db.page(&Filter::default(), None, 10_000).await.unwrap().records
}

/// The same of a copy of the file and its log, which is torn when something was being written: then there is nothing yet.
async fn records_in_copy(file: &Path) -> Vec<UsageRecord> {
    let dir = tempfile::tempdir().unwrap();
    for ending in ["", "-wal"] {
        let from = format!("{}{ending}", file.display());
        drop(std::fs::copy(from, dir.path().join(format!("copy.db{ending}"))));
    }
    let Ok(db) = Db::open(&Place::Sqlite(dir.path().join("copy.db"))) else { return Vec::new() };
    db.page(&Filter::default(), None, 10_000).await.map(|page| page.records).unwrap_or_default()
}

async fn other_program(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

fn spooled(file: &Path) -> Vec<PathBuf> {
    let folder = format!("{}-spool", file.display());
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|is| is == "spool")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_is_in_the_file_after_a_clean_end_and_nothing_is_left_beside_it() {
    let vendor = Vendor::start(good).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    for run in 0..2 {
        let house = TestHouse::new(&kept_in(&file, &vendor));
        assert_eq!(call(house.address(), &format!("run-{run}")).await.status, 200);
    }
    let models: Vec<_> = records_in(&file).await.into_iter().map(|record| record.model_asked).collect();
    assert_eq!(models, [Some("run-1".to_owned()), Some("run-0".to_owned())]);
    assert_eq!(spooled(&file), Vec::<PathBuf>::new());
}

/// F-52: another process writes for a while. Callers notice nothing, and the books are complete afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_keeps_nobody_waiting_and_gets_every_record_once() {
    let vendor = Vendor::start(good).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let house = TestHouse::new(&kept_in(&file, &vendor));
    let mut other = other_program(&file).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let began = Instant::now();
    for number in 0..50 {
        assert_eq!(call(house.address(), &format!("m-{number}")).await.status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "a caller waited: {:?}", began.elapsed());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let records = house.records(|records| records.len() >= 50).await;
    let models: std::collections::BTreeSet<_> = records.iter().map(|record| &record.model_asked).collect();
    assert_eq!((records.len(), models.len()), (50, 50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_not_started_with() {
    let vendor = Vendor::start(good).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let yaml = format!("server: {{listen: \"127.0.0.1:0\"}}\n{}", kept_in(&file, &vendor));
    drop(TestHouse::new(&yaml));
    let mut other = other_program(&file).await;
    let later = "INSERT INTO schema_versions (version, name, applied_us) VALUES (99, 'later', 0)";
    sqlx::raw_sql(later).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let (_folder, given) = given(&yaml);
    let Err(BuildProblem::Store(problem)) = House::new(given) else {
        panic!("a newer database was taken");
    };
    assert!(matches!(problem, StoreProblem::Newer { .. }), "{problem}");
    assert!(problem.to_string().contains("It was not touched"), "{problem}");
}

/// F-50 and D-23: a disk of one megabyte, in a mount namespace of the gateway's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_what_it_could_not_book_and_recovers_by_itself() {
    let vendor = Vendor::start(good).await;
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let yaml = format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\n{}",
        kept_in(&disk.join("usage.db"), &vendor)
    );
    std::fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    let mount = "mount -t tmpfs -o size=1m tmpfs disk && exec \"$0\" serve";
    let mut command = tokio::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]);
    command.arg(env!("CARGO_BIN_EXE_openai-proxy")).env("HOME", dir.path()).current_dir(dir.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut gateway = command.spawn().unwrap();
    let mut lines = BufReader::new(gateway.stderr.take().unwrap()).lines();
    let address: SocketAddr = loop {
        let line = lines.next_line().await.unwrap().expect("it starts");
        if let Some((_, rest)) = line.split_once("Ready    http://") {
            break rest.split('/').next().unwrap().parse().unwrap();
        }
    };
    // Its disk, seen from outside.
    let root = PathBuf::from(format!("/proc/{}/root", gateway.id().unwrap()));
    let inside = root.join(disk.strip_prefix("/").unwrap());
    let mut good = Vec::new();
    let mut number = 0..;
    let mut next = async || {
        let model = format!("m-{}", number.next().unwrap_or(0));
        (call(address, &model).await, model)
    };
    let (answer, model) = next().await;
    assert_eq!(answer.status, 200);
    good.push(model);

    let fill = inside.join("fill");
    let mut file = std::fs::File::create(&fill).unwrap();
    while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    let deadline = Instant::now() + Duration::from_secs(10);
    let asked = loop {
        let before = vendor.ledger().begun();
        let (answer, model) = next().await;
        if answer.status == 200 {
            good.push(model);
            assert!(Instant::now() < deadline, "a full disk was never noticed");
            continue;
        }
        assert_eq!(answer.error_code().as_deref(), Some("accounting_unavailable"), "{}", answer.text());
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        break before;
    };
    assert_eq!(vendor.ledger().begun(), asked, "what cannot be booked is not bought");
    let metrics = ask(address, "GET", "/metrics", &[], "").await.text();
    for place in ["spool", "database"] {
        let line = format!("openai_proxy_records_taken{{place=\"{place}\"}} 0");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }

    drop(file);
    std::fs::remove_file(&fill).unwrap();
    let freed = Instant::now();
    loop {
        let (answer, model) = next().await;
        if answer.status == 200 {
            good.push(model);
            break;
        }
        assert!(freed.elapsed() < Duration::from_secs(5), "no recovery: {}", answer.text());
    }
    // SQLite itself does not find its way through /proc.
    let file = inside.join("usage.db");
    let deadline = Instant::now() + Duration::from_secs(10);
    let records = loop {
        let records = records_in_copy(&file).await;
        if good.iter().all(|model| records.iter().any(|record| record.model_sent.as_ref() == Some(model))) {
            break records;
        }
        assert!(Instant::now() < deadline, "not everything is booked: {good:?} in {records:#?}");
    };
    for model in &good {
        let booked = records.iter().filter(|record| record.model_sent.as_ref() == Some(model)).count();
        assert_eq!(booked, 1, "{model}");
    }
}
