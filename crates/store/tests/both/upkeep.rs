//! Looking after a database: its health, less of it, copies, and a copy put back.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use store::db::Filter;
use store::{Chore, Db, Place, Spool, StoreProblem, upkeep};

use crate::place::{Ground, record, wait};

crate::on_both!(
    what_is_there_is_told,
    old_records_go_and_their_sums_stay,
    of_several_who_share_a_database_one_does_a_chore,
    old_sums_go,
);

fn what_is_there_is_told(ground: &Ground) {
    let db = ground.open();
    db.append_now((0..10).map(record).collect()).unwrap();
    let health = wait(db.health(true)).unwrap();
    assert_eq!(health.damages, Vec::<String>::new());
    assert!(health.bytes > 0);
    assert_eq!(health.tables[0], ("usage_records".to_owned(), 10));
    let steps: Vec<_> = health.versions.iter().map(|(version, name, _)| (*version, name.as_str())).collect();
    assert_eq!(
        steps,
        [
            (1, "usage"),
            (2, "secrets"),
            (3, "changes"),
            (4, "chores"),
            (5, "failures"),
            (6, "trail"),
            (7, "learnt"),
            (8, "responses")
        ]
    );
    assert!(health.history.is_none() && health.chores.is_empty());
    for table in ["secrets", "revisions", "audit", "once_requests", "standings", "chores", "responses"] {
        assert!(health.tables.contains(&(table.to_owned(), 0)), "{table}: {:?}", health.tables);
    }
}

fn old_records_go_and_their_sums_stay(ground: &Ground) {
    let db = ground.open();
    db.append_now((0..12_000).map(record).collect()).unwrap();
    assert_eq!(wait(db.prune(record(11_990).started_us)).unwrap(), 11_990);
    assert_eq!(wait(db.page(&Filter::default(), None, 100)).unwrap().records.len(), 10);
    let hours = wait(db.hours(0, u64::MAX)).unwrap();
    assert_eq!(hours.iter().map(|hour| hour.sums.calls).sum::<u64>(), 12_000);
    wait(db.vacuum()).unwrap();
    assert_eq!(wait(db.health(true)).unwrap().free_bytes, 0);
}

/// A file that nothing was deleted from was written anew every month, and records waited for it.
#[test]
fn a_file_is_written_anew_for_holes_only() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now((0..12_000).map(record).collect()).unwrap();
    let worth = || wait(db.is_worth_a_vacuum()).unwrap();
    assert!(!worth(), "nothing was deleted");
    wait(db.prune(record(20).started_us)).unwrap();
    assert!(!worth(), "twenty of twelve thousand");
    wait(db.prune(record(6_000).started_us)).unwrap();
    assert!(worth());
    wait(db.vacuum()).unwrap();
    assert!(!worth(), "it was done");
}

fn of_several_who_share_a_database_one_does_a_chore(ground: &Ground) {
    assert!(wait(ground.open().chores()).unwrap().is_empty());
    let mut seen = 0;
    for round in 1..20 {
        let begun = || wait(ground.open().begin_chore("vacuum", seen, round * 10)).unwrap();
        let count = std::thread::scope(|scope| {
            let all: Vec<_> = (0..3).map(|_| scope.spawn(begun)).collect();
            all.into_iter().map(|one| one.join().unwrap()).filter(|begun| *begun).count()
        });
        assert_eq!(count, 1, "in round {round}");
        seen = round * 10;
    }
    let db = ground.open();
    wait(db.finish_chore("vacuum", 195, 4_096)).unwrap();
    let done = Chore { name: "vacuum".into(), begun_us: 190, done_us: 195, bytes: 4_096 };
    assert_eq!(wait(db.chores()).unwrap(), std::slice::from_ref(&done));
    assert_eq!(wait(db.health(false)).unwrap().chores, [done]);
}

fn old_sums_go(ground: &Ground) {
    const HOUR: u64 = 3_600_000_000;
    let db = ground.open();
    let at = |started_us| store::UsageRecord { started_us, ..record(started_us) };
    db.append_now(vec![at(HOUR + 5), at(2 * HOUR), at(3 * HOUR + 7)]).unwrap();
    assert_eq!(wait(db.prune_hours(2 * HOUR + 1)).unwrap(), 2);
    let left: Vec<u64> = wait(db.hours(0, u64::MAX)).unwrap().iter().map(|hour| hour.hour_us).collect();
    assert_eq!(left, [3 * HOUR]);
}

fn path(ground: &Ground) -> &Path {
    let Place::Sqlite(path) = &ground.place else { panic!("a file") };
    path
}

fn count(file: &Path) -> usize {
    let db = Db::open(&Place::Sqlite(file.to_owned())).unwrap();
    wait(db.page(&Filter::default(), None, 10_000)).unwrap().records.len()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_copy_made_while_others_write_is_whole_and_for_its_owner_only() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now((0..1_000).map(record).collect()).unwrap();
    let folder = ground.folder.path().join("backups");
    let copied = std::thread::scope(|scope| {
        scope.spawn(|| {
            let other = ground.open();
            for batch in 2..20 {
                other.append_now((batch * 1_000..batch * 1_000 + 100).map(record).collect()).unwrap();
            }
        });
        wait(db.back_up(&folder, 3, true)).unwrap()
    });
    let name = copied.file.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("test_20") && name.len() == "test_20240615_120000.db".len(), "{name}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&copied.file)), (0o700, 0o600));
    assert_eq!(files(&folder), [name], "nothing else is left there");
    let records = count(&copied.file);
    assert!(records >= 1_000 && (records - 1_000).is_multiple_of(100), "whole batches: {records}");
}

#[test]
fn of_many_copies_the_newest_stay_and_nothing_else_is_touched() {
    let ground = Ground::sqlite();
    let db = ground.open();
    let folder = ground.folder.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    let old = ["test_20200101_000000.db", "test_20200102_000000.db", "test_20200103_000000.db"];
    let others = ["test_20200101.db", "test_before_restore_20200101_000000.db", "other_20200101_000000.db"];
    for name in old.iter().chain(&others) {
        std::fs::write(folder.join(name), "x").unwrap();
    }
    let copied = wait(db.back_up(&folder, 2, true)).unwrap();
    assert_eq!(copied.removed, [folder.join(old[0]), folder.join(old[1])]);
    let left = files(&folder);
    assert!(others.iter().chain(&old[2..]).all(|name| left.contains(&(*name).to_owned())), "{left:?}");
    assert_eq!(left.len(), 5);
}

#[test]
fn a_damaged_database_is_not_copied_and_costs_no_older_copy() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now((0..2_000).map(record).collect()).unwrap();
    let folder = ground.folder.path().join("backups");
    wait(db.back_up(&folder, 1, true)).unwrap();
    let kept = files(&folder);
    drop(db);
    damage(path(&ground));
    let db = ground.open();
    let problem = wait(db.back_up(&folder, 1, true)).unwrap_err();
    assert!(matches!(problem, StoreProblem::Damaged { .. }), "{problem}");
    assert_eq!(files(&folder), kept);
}

/// Everything is in the file itself from now on: the last one who leaves writes its log back.
fn settle(file: &Path) {
    wait(async {
        use sqlx::{ConnectOptions, Connection};
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// Overwrites pages in the middle, as a bad disk does.
fn damage(file: &Path) {
    settle(file);
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xa5);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_copy_is_put_back_and_what_was_there_is_kept() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now((0..10).map(record).collect()).unwrap();
    let copy = wait(db.back_up(&ground.folder.path().join("backups"), 3, true)).unwrap().file;
    db.append_now((10..25).map(record).collect()).unwrap();
    drop(db);
    let aside = upkeep::put_back(&copy, path(&ground)).unwrap().unwrap();
    assert_eq!((count(path(&ground)), count(&aside), count(&copy)), (10, 25, 10));
    let name = aside.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("test_before_restore_20"), "{name}");
    let left = files(path(&ground).parent().unwrap());
    assert!(!left.iter().any(|name| name.ends_with(".new")), "{left:?}");
}

#[test]
fn a_copy_of_an_older_version_is_put_back_and_brought_up_to_date() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now((0..10).map(record).collect()).unwrap();
    let copy = wait(db.back_up(&ground.folder.path().join("backups"), 3, true)).unwrap().file;
    drop(db);
    // As version 2 left it.
    let copied = Ground { folder: tempfile::tempdir().unwrap(), place: Place::Sqlite(copy.clone()) };
    copied.execute(
        "ALTER TABLE usage_records DROP COLUMN trail; DROP TABLE responses; DROP TABLE learnt; DROP TABLE chores; DROP TABLE standings; DROP TABLE once_requests; DROP TABLE audit_ends; DROP TABLE audit; DROP TABLE revisions; DELETE FROM schema_versions WHERE version > 2",
    );
    upkeep::put_back(&copy, path(&ground)).unwrap();
    let health = wait(ground.open().health(true)).unwrap();
    assert_eq!((health.tables[0].1, health.versions.len()), (10, 8));
}

#[test]
fn what_is_no_good_copy_changes_nothing() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now((0..2_000).map(record).collect()).unwrap();
    let folder = ground.folder.path().join("backups");
    let copy = wait(db.back_up(&folder, 3, true)).unwrap().file;
    drop(db);
    let changed = |name: &str, change: fn(&Path)| -> PathBuf {
        let path = folder.join(name);
        std::fs::copy(&copy, &path).unwrap();
        change(&path);
        path
    };
    let execute = |path: &Path, sql: &'static str| {
        wait(async {
            use sqlx::{ConnectOptions, Connection};
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = options.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    };
    let newer = changed("newer", |_| ());
    execute(&newer, "INSERT INTO schema_versions (version, name, applied_us) VALUES (99, 'later', 0)");
    let foreign = changed("foreign", |_| ());
    execute(&foreign, "PRAGMA application_id = 7");
    let broken = changed("broken", damage);
    let cut = changed("cut", |path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
    let text = changed("text", |path| std::fs::write(path, "no database at all ".repeat(500)).unwrap());
    let link = folder.join("link");
    std::os::unix::fs::symlink(&copy, &link).unwrap();
    for bad in [newer, foreign, broken, cut, text, link, folder.join("nowhere")] {
        let problem = upkeep::put_back(&bad, path(&ground)).unwrap_err();
        assert!(problem.is_final(), "{}: {problem}", bad.display());
        assert_eq!(count(path(&ground)), 2_000, "{}", bad.display());
    }
}

/// What is done to a file.
type Damage = fn(&Path);

/// F-53: whatever has become of the file, the newest good copy takes its place, and what is left of it is kept.
#[test]
fn a_damaged_database_is_replaced_by_the_newest_good_copy() {
    let damages: [(&str, Damage); 5] = [
        ("pages overwritten", damage),
        ("cut", |file| {
            let bytes = std::fs::read(file).unwrap();
            std::fs::write(file, &bytes[..bytes.len() / 3]).unwrap();
        }),
        ("empty", |file| std::fs::write(file, "").unwrap()),
        ("another text", |file| std::fs::write(file, "no database at all ".repeat(500)).unwrap()),
        ("gone", |file| std::fs::remove_file(file).unwrap()),
    ];
    for (what, damage_it) in damages {
        let ground = Ground::sqlite();
        let db = ground.open();
        db.append_now((0..2_000).map(record).collect()).unwrap();
        let folder = ground.folder.path().join("backups");
        let good = wait(db.back_up(&folder, 9, true)).unwrap().file;
        drop(db);
        let problem = upkeep::recover(&folder, path(&ground)).unwrap_err();
        assert!(problem.to_string().contains("it is not damaged"), "{problem}");
        // Two newer ones, which are none.
        let (broken, newest) =
            (folder.join("test_99990101_000000.db"), folder.join("test_99990102_000000.db"));
        std::fs::copy(&good, &broken).unwrap();
        damage(&broken);
        std::fs::write(&newest, "half of a c").unwrap();
        settle(path(&ground));
        damage_it(path(&ground));
        let recovered = upkeep::recover(&folder, path(&ground)).unwrap();
        assert_eq!(recovered.copy, good, "{what}");
        let passed: Vec<&PathBuf> = recovered.passed_over.iter().map(|(copy, _)| copy).collect();
        assert_eq!(passed, [&newest, &broken], "{what}");
        assert_eq!(recovered.aside.is_some(), what != "gone", "{what}");
        assert_eq!(count(path(&ground)), 2_000, "{what}");
    }
}

#[test]
fn without_a_good_copy_nothing_is_recovered_and_nothing_changed() {
    let ground = Ground::sqlite();
    drop(ground.open());
    settle(path(&ground));
    let folder = ground.folder.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("test_20200101_000000.db"), "half of a c").unwrap();
    std::fs::write(path(&ground), "no database at all ".repeat(500)).unwrap();
    let problem = upkeep::recover(&folder, path(&ground)).unwrap_err();
    assert!(problem.to_string().contains("no good copy"), "{problem}");
    assert!(std::fs::read_to_string(path(&ground)).unwrap().starts_with("no database at all"));
    // What is merely newer than we are, or somebody else's, is not damaged.
    std::fs::remove_file(path(&ground)).unwrap();
    drop(ground.open());
    ground.execute("INSERT INTO schema_versions (version, name, applied_us) VALUES (99, 'later', 0)");
    let problem = upkeep::recover(&folder, path(&ground)).unwrap_err();
    assert!(matches!(problem, StoreProblem::Newer { .. }), "{problem}");
}

#[test]
fn nothing_is_put_back_under_a_running_gateway() {
    let ground = Ground::sqlite();
    let copy = wait(ground.open().back_up(&ground.folder.path().join("backups"), 3, true)).unwrap().file;
    let running = Spool::open(&PathBuf::from(format!("{}-spool", path(&ground).display()))).unwrap();
    let problem = upkeep::put_back(&copy, path(&ground)).unwrap_err();
    assert!(problem.to_string().contains("a gateway uses it"), "{problem}");
    drop(running);
    upkeep::put_back(&copy, path(&ground)).unwrap();
}

/// Whoever is stopped in the middle of a copy leaves nothing; what a killed one has left goes when it is old.
#[test]
fn half_a_copy_does_not_stay() {
    let ground = Ground::sqlite();
    let db = ground.open();
    db.append_now((0..5_000).map(record).collect()).unwrap();
    let folder = ground.folder.path().join("backups");
    let (left, fresh) = (folder.join(format!(".{}.new", uuid(1))), folder.join(format!(".{}.new", uuid(2))));
    let others = folder.join(".others.new");
    for path in [&left, &fresh, &others] {
        std::fs::create_dir_all(path).unwrap();
        std::fs::write(path.join("half.db"), "x").unwrap();
    }
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
    for path in [&left, &others] {
        std::fs::File::open(path).unwrap().set_modified(long_ago).unwrap();
    }
    wait(async {
        // Given up at the first moment it waits for something.
        let copying = db.back_up(&folder, 3, true);
        tokio::select! { biased; _ = copying => {}, () = std::future::ready(()) => {} }
        db.back_up(&folder, 3, true).await.unwrap();
    });
    let names = files(&folder);
    assert_eq!(names.iter().filter(|name| name.starts_with('.')).count(), 2, "{names:?}");
    assert!(fresh.exists() && others.exists() && !left.exists());
}

fn uuid(n: u32) -> String {
    format!("019ab000-0000-7000-8000-{n:012x}")
}
