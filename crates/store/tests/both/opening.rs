//! Opening a database: by several at once, a newer one, one that is none, and who may read it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use store::db::Filter;
use store::{Db, Place, StoreProblem};

use crate::place::{Ground, record, wait};

crate::on_both!(those_who_start_at_once_all_end_well, a_newer_database_is_refused_in_words_and_untouched);

fn those_who_start_at_once_all_end_well(ground: &Ground) {
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || ground.open().append_now(vec![record(n)]).unwrap());
        }
    });
    assert_eq!(wait(ground.open().page(&Filter::default(), None, 100)).unwrap().records.len(), 8);
}

fn a_newer_database_is_refused_in_words_and_untouched(ground: &Ground) {
    ground.open().append_now(vec![record(1)]).unwrap();
    ground.execute("INSERT INTO schema_versions (version, name, applied_us) VALUES (99, 'later', 0)");
    let bytes = |place: &Place| match place {
        Place::Sqlite(path) => std::fs::read(path).unwrap(),
        Place::Memory | Place::Postgres(_) => Vec::new(),
    };
    let before = bytes(&ground.place);
    let problem = Db::open(&ground.place).unwrap_err();
    assert!(matches!(problem, StoreProblem::Newer { found: 99, .. }), "{problem}");
    assert!(problem.to_string().contains("newer version of openai-proxy"), "{problem}");
    assert_eq!(bytes(&ground.place), before);
    ground.execute("DELETE FROM schema_versions WHERE version = 99");
    assert_eq!(wait(ground.open().page(&Filter::default(), None, 100)).unwrap().records.len(), 1);
}

/// A child process that keeps its database under a permissive mask all the same keeps it to itself.
#[test]
fn files_are_for_their_owner_only() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now(vec![record(1)]).unwrap();
    let Place::Sqlite(path) = &ground.place else { panic!("a file") };
    let folder = path.parent().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "database, log of it and shared memory: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_file_that_others_may_read_is_closed_to_them() {
    let ground = Ground::sqlite();
    drop(ground.open());
    let Place::Sqlite(path) = &ground.place else { panic!("a file") };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(ground.open());
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_link_in_place_of_the_file_is_not_followed() {
    let ground = Ground::sqlite();
    let Place::Sqlite(path) = &ground.place else { panic!("a file") };
    let victim = ground.folder.path().join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&victim, path).unwrap();
    let problem = Db::open(&ground.place).unwrap_err();
    assert!(problem.to_string().contains("symbolic link"), "{problem}");
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "untouched");
}

#[test]
fn what_is_not_ours_is_refused_in_words_and_untouched() {
    let ground = Ground::sqlite();
    let Place::Sqlite(path) = &ground.place else { panic!("a file") };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text =
        "this is a letter and no database, though it is longer than the head of one would be. ".repeat(20);
    std::fs::write(path, &text).unwrap();
    let problem = Db::open(&ground.place).unwrap_err();
    assert!(matches!(problem, StoreProblem::Damaged { .. }), "{problem}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, "").unwrap();
    ground.execute("CREATE TABLE letters (body TEXT)");
    let before = std::fs::read(path).unwrap();
    let problem = Db::open(&ground.place).unwrap_err();
    assert!(matches!(problem, StoreProblem::Foreign(_)), "{problem}");
    assert_eq!(std::fs::read(path).unwrap(), before);
}

#[test]
fn a_server_that_is_away_does_not_keep_us_from_starting() {
    let db = Db::open(&Place::Postgres("postgres://nobody:canary@127.0.0.1:1/nothing".into())).unwrap();
    let problem = db.append_now(vec![record(1)]).unwrap_err();
    assert!(!problem.is_final() && !problem.to_string().contains("canary"), "{problem}");
}

#[test]
fn an_address_that_is_none_is_refused_without_being_repeated() {
    let problem = Db::open(&Place::Postgres("postgres://u:canary@host:port/x".into())).unwrap_err();
    assert!(!problem.to_string().contains("canary"), "{problem}");
}

/// Another process writes, and goes on writing: we are ready all the same.
#[test]
fn a_locked_file_does_not_keep_us_from_starting() {
    use sqlx::{ConnectOptions, Connection};
    let ground = Ground::sqlite();
    drop(ground.open());
    let Place::Sqlite(path) = &ground.place else { panic!("a file") };
    wait(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut other = options.connect().await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let began = std::time::Instant::now();
        let db = ground.open();
        assert!(db.page(&Filter::default(), None, 10).await.unwrap().records.is_empty());
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "ready in {:?}", began.elapsed());
        other.close().await.unwrap();
    });
}
