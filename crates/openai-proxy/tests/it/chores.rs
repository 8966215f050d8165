//! What the real program does to its database now and then, here every second.

use std::time::{Duration, Instant};

use store::db::Filter;
use store::{Db, Place, UsageRecord};

use crate::program::Program;

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
    let mut running = Program::start(dir.path(), &[]);
    let done = ["the database was copied", "looked through", "next to no holes and stays as it is"];
    let said = running.says(&done, 4).await;
    assert!(!said.iter().any(|line| line.contains("\"ERROR\"") || line.contains("tried again")), "{said:#?}");
    let began = Instant::now();
    let (status, _) = running.stop().await;
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
async fn what_is_too_old_is_deleted_and_its_room_given_back() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openai-proxy.yaml"), YAML.replace("requests: 1d", "requests: 4s"))
        .unwrap();
    let place = Place::Sqlite(dir.path().join("usage.db"));
    let db = Db::open(&place).unwrap();
    let old = UsageRecord { record_id: "old".into(), started_us: 1, ..UsageRecord::default() };
    let rows = (0..1_000).map(|n| UsageRecord { record_id: format!("old-{n}"), ..old.clone() });
    db.append(rows.collect()).await.unwrap();
    let before = db.bytes().await.unwrap();
    let mut running = Program::start(dir.path(), &[]);
    running.says(&["what is too old was deleted", "as small as it can be"], 1).await;
    assert!(db.page(&Filter::default(), None, 1).await.unwrap().records.is_empty());
    assert!(db.bytes().await.unwrap() < before);
    assert!(running.stop().await.0.success());
}
