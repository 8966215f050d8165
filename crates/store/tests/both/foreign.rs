//! Databases of other programs: told apart, looked into, and left byte for byte as they are.

use std::path::{Path, PathBuf};

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store::db::foreign::{Whose, tables, whose};
use store::{Db, Place, StoreProblem};

/// Does something with a file, as the other program.
fn with(path: &Path, sql: &str) {
    run(async {
        let mut theirs = open(path).await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut theirs).await.unwrap();
        theirs.close().await.unwrap();
    });
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn open(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

/// Every file of a folder with its content.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.map(|file| (file.clone(), std::fs::read(&file).unwrap())).collect();
    all.sort();
    all
}

const MADE: &str =
    "CREATE TABLE instances (id INTEGER PRIMARY KEY, name TEXT, data BLOB, share REAL, used DATETIME);
     INSERT INTO instances VALUES (1, 'east', '{\"a\":1}', 0.5, 7), (2, NULL, x'ff', NULL, 'today');
     CREATE TABLE \"odd\"\"; DROP TABLE instances; --\" (name TEXT);
     INSERT INTO \"odd\"\"; DROP TABLE instances; --\" VALUES ('x');
     CREATE TABLE noise (line TEXT);
     CREATE VIEW trap AS SELECT name FROM instances;";

#[test]
fn rows_are_read_and_nothing_beside_the_file_changes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("theirs.db");
    with(&file, MADE);
    let before = content(dir.path());
    let found = tables(&file, &["name"]).unwrap();
    assert_eq!(found.len(), 2, "a table with an odd name is a table like others, a view is none: {found:?}");
    assert_eq!(
        json!(found[0].rows),
        json!([
            {"id": 1, "name": "east", "data": "{\"a\":1}", "share": 0.5, "used": 7},
            {"id": 2, "name": null, "data": null, "share": null, "used": "today"},
        ])
    );
    assert_eq!(json!(found[1].rows), json!([{"name": "x"}]));
    assert_eq!(whose(&file).unwrap(), Whose::Another);
    assert!(content(dir.path()) == before, "something was written");
}

/// What the other program has committed counts, also while it runs and has it in its log only.
#[test]
fn a_log_beside_the_file_counts_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("theirs.db");
    with(&file, "PRAGMA journal_mode = WAL; CREATE TABLE instances (name TEXT)");
    run(async {
        let mut theirs = open(&file).await;
        sqlx::raw_sql("INSERT INTO instances VALUES ('late')").execute(&mut theirs).await.unwrap();
        assert!(std::fs::metadata(dir.path().join("theirs.db-wal")).unwrap().len() > 0);
        let before = content(dir.path());
        let found = std::thread::scope(|scope| scope.spawn(|| tables(&file, &["name"])).join()).unwrap();
        assert_eq!(json!(found.unwrap()[0].rows), json!([{"name": "late"}]));
        assert!(content(dir.path()) == before, "something was written");
        theirs.close().await.unwrap();
    });
}

#[test]
fn what_is_ours_is_known_as_ours() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ours.db");
    assert_eq!(whose(&file).unwrap(), Whose::Nobody);
    std::fs::write(&file, "").unwrap();
    assert_eq!(whose(&file).unwrap(), Whose::Nobody);
    let db = Db::open(&Place::Sqlite(file.clone())).unwrap();
    assert_eq!(whose(&file).unwrap(), Whose::Ours, "also while it is open");
    drop(db);
    assert_eq!(whose(&file).unwrap(), Whose::Ours);
}

#[test]
fn what_cannot_be_read_is_said_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    with(&at("fine.db"), MADE);
    std::fs::write(at("text.db"), "instances: []\n").unwrap();
    let mut bytes = std::fs::read(at("fine.db")).unwrap();
    bytes[4096..6000].fill(0x5a);
    std::fs::write(at("torn.db"), bytes).unwrap();
    std::os::unix::fs::symlink(at("fine.db"), at("link.db")).unwrap();
    std::fs::create_dir(at("folder.db")).unwrap();
    std::fs::File::create(at("huge.db")).unwrap().set_len(300 << 20).unwrap();
    with(
        &at("many.db"),
        "CREATE TABLE calls (name TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) \
         INSERT INTO calls SELECT i FROM n",
    );
    for (name, says) in [
        ("text.db", "it is no SQLite file"),
        ("torn.db", "damaged or no database"),
        ("link.db", "symbolic link"),
        ("folder.db", "not a regular file"),
        ("huge.db", "larger than 256 MiB"),
        ("many.db", "more than 10000 rows"),
    ] {
        let told = tables(&at(name), &["name"]).unwrap_err().to_string();
        assert!(told.contains(says), "{name}: {told}");
    }
    assert_eq!(tables(&at("absent.db"), &["name"]).unwrap(), []);
}

#[test]
fn a_file_somebody_has_locked_is_away_and_not_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("theirs.db");
    with(&file, MADE);
    run(async {
        let mut theirs = open(&file).await;
        sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut theirs).await.unwrap();
        let told = std::thread::scope(|scope| scope.spawn(|| tables(&file, &["name"])).join()).unwrap();
        assert!(matches!(told, Err(StoreProblem::Away(_))), "{told:?}");
    });
}
