//! The spool: what it holds reaches the database once, whoever died in between.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use store::db::Filter;
use store::spool::Shipper;
use store::usage_record::{GATEWAY_ENDED, Outcome};
use store::{Db, Spool, UsageRecord};

use crate::place::{Ground, begins, let_in, record, wait};

crate::on_both!(
    what_ended_is_shipped_and_its_file_goes,
    what_the_dead_left_is_taken_over_once,
    a_call_that_had_only_begun_is_found_as_interrupted,
    a_call_that_outlives_its_file_is_one_call,
    a_line_cut_short_spoils_no_other,
    what_the_database_did_not_take_comes_again,
    what_is_remembered_is_taken_and_its_full_file_goes,
    what_was_taken_and_is_found_in_the_files_again_counts_once,
    what_the_database_did_not_take_is_read_from_the_files,
    more_than_is_remembered_is_read_from_the_files,
    a_file_does_not_go_while_something_in_it_was_not_taken,
);

fn folder(ground: &Ground) -> PathBuf {
    ground.folder.path().join("spool")
}

fn spool(ground: &Ground) -> Arc<Spool> {
    Arc::new(Spool::open(&folder(ground)).unwrap())
}

fn all(db: &Db) -> Vec<UsageRecord> {
    wait(db.page(&Filter::default(), None, 200)).unwrap().records
}

fn files(ground: &Ground) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(ground)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|is| is == "spool")).collect()
}

fn what_ended_is_shipped_and_its_file_goes(ground: &Ground) {
    let (db, spool) = (ground.open(), spool(ground));
    let mut shipper = Shipper::new(spool.clone());
    assert!(begins(&spool, &record(1)), "the first line since a sync");
    assert!(!begins(&spool, &record(2)));
    spool.ended(&[record(1)]).unwrap();
    spool.sync().unwrap();
    assert_eq!(shipper.ship(&db).unwrap(), 1);
    assert!(!shipper.is_done(), "a call is running");
    spool.ended(&[record(2)]).unwrap();
    assert_eq!(shipper.ship(&db).unwrap(), 1);
    assert!(shipper.is_done());
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder(ground)), 0o700);
    assert!(files(ground).iter().all(|file| mode(file) == 0o600));
    shipper.close();
    assert_eq!(files(ground).len(), 0);
    assert_eq!(all(&db), [record(2), record(1)]);
}

/// A spool that is dropped without having been shipped is what a killed process leaves: its lock is free.
fn what_the_dead_left_is_taken_over_once(ground: &Ground) {
    for n in 0..3 {
        let dead = spool(ground);
        begins(&dead, &record(n));
        dead.ended(&[record(n)]).unwrap();
    }
    let living = spool(ground);
    living.ended(&[record(9)]).unwrap();
    let db = ground.open();
    let mut shipper = Shipper::new(spool(ground));
    assert_eq!(shipper.ship(&db).unwrap(), 3, "what the living wrote is theirs");
    assert_eq!(shipper.ship(&db).unwrap(), 0);
    assert_eq!(all(&db), [record(2), record(1), record(0)]);
    assert_eq!(files(ground).len(), 2);
}

fn a_call_that_had_only_begun_is_found_as_interrupted(ground: &Ground) {
    let dead = spool(ground);
    let begun = UsageRecord { tokens: None, status: 499, outcome: Outcome::CallerLeft, ..record(1) };
    begins(&dead, &begun);
    begins(&dead, &record(2));
    dead.ended(&[record(2)]).unwrap();
    drop(dead);
    let db = ground.open();
    Shipper::new(spool(ground)).ship(&db).unwrap();
    let interrupted =
        UsageRecord { outcome: Outcome::Interrupted, error: Some(GATEWAY_ENDED.into()), ..begun };
    assert_eq!(all(&db), [record(2), interrupted]);
}

fn a_call_that_outlives_its_file_is_one_call(ground: &Ground) {
    let db = ground.open();
    let first = spool(ground);
    let mut shipper = Shipper::new(first.clone());
    let (lasting, ending) = (record(1), record(2));
    begins(&first, &lasting);
    begins(&first, &ending);
    // Files are closed at 4 MiB.
    let long = |n: u64| UsageRecord { model_asked: Some("x".repeat(100_000)), ..record(n) };
    for n in 10..60 {
        first.ended(&[long(n)]).unwrap();
    }
    assert_eq!(files(ground).len(), 2);
    // Ended in the second file before it is carried there.
    first.ended(std::slice::from_ref(&ending)).unwrap();
    assert_eq!(shipper.ship(&db).unwrap(), 51);
    assert_eq!(files(ground).len(), 1, "the first file went");
    drop((shipper, first));
    let mut heir = Shipper::new(spool(ground));
    assert_eq!(heir.ship(&db).unwrap(), 1, "the lasting call, once, and not the other again");
    let records = all(&db);
    let outcome = |n: u64| records.iter().find(|known| known.id == record(n).id).map(|known| known.outcome);
    assert_eq!((outcome(1), outcome(2)), (Some(Outcome::Interrupted), Some(Outcome::Answered)));
    assert_eq!(records.len(), 52);
}

fn a_line_cut_short_spoils_no_other(ground: &Ground) {
    use std::io::Write;
    let dead = spool(ground);
    dead.ended(&[record(1)]).unwrap();
    let path = files(ground).remove(0);
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    file.write_all(b"e {\"record_id\":\"cut by a full d").unwrap();
    dead.ended(&[record(2)]).unwrap();
    file.write_all(b"\ne {\"record_id\":\"cut by a ki").unwrap();
    drop(dead);
    let db = ground.open();
    assert_eq!(Shipper::new(spool(ground)).ship(&db).unwrap(), 2);
    assert_eq!(all(&db), [record(2), record(1)]);
}

fn what_the_database_did_not_take_comes_again(ground: &Ground) {
    let (db, spool) = (ground.open(), spool(ground));
    let mut shipper = Shipper::new(spool.clone());
    spool.ended(&[record(1)]).unwrap();
    shipper.ship(&db).unwrap();
    ground.execute("ALTER TABLE usage_records RENAME TO elsewhere");
    spool.ended(&[record(2)]).unwrap();
    assert!(shipper.ship(&db).is_err());
    spool.ended(&[record(3)]).unwrap();
    assert!(shipper.ship(&db).is_err() && !shipper.is_done());
    ground.execute("ALTER TABLE elsewhere RENAME TO usage_records");
    assert_eq!(shipper.ship(&db).unwrap(), 2);
    assert_eq!(all(&db), [record(3), record(2), record(1)]);
}

/// F-41: connections are killed and new ones refused, in the middle and at the start.
#[test]
fn a_server_that_goes_away_and_comes_back_gets_every_record_once() {
    let ground = Ground::postgres();
    let (db, spool) = (ground.open(), spool(&ground));
    let mut shipper = Shipper::new(spool.clone());
    spool.ended(&[record(1)]).unwrap();
    assert_eq!(shipper.ship(&db).unwrap(), 1);
    let_in(&ground.place, false);
    spool.ended(&[record(2)]).unwrap();
    let problem = shipper.ship(&db).unwrap_err();
    assert!(!problem.is_final(), "{problem}");
    // One that starts meanwhile starts, too.
    let late = ground.open();
    assert!(late.append_now(vec![record(3)]).is_err());
    let_in(&ground.place, true);
    assert_eq!(shipper.ship(&db).unwrap(), 1);
    assert_eq!(late.append_now(vec![record(3), record(1)]).unwrap(), 1);
    assert_eq!(all(&db), [record(3), record(2), record(1)]);
}

/// What a gateway does: what has ended is remembered and need not be read.
fn end(spool: &Spool, n: u64) {
    spool.ended(&[record(n)]).unwrap();
    spool.remember(vec![record(n)]);
}

fn what_is_remembered_is_taken_and_its_full_file_goes(ground: &Ground) {
    let (db, spool) = (ground.open(), spool(ground));
    let mut shipper = Shipper::new(spool.clone());
    shipper.ship(&db).unwrap();
    for n in 0..20 {
        begins(&spool, &record(n));
    }
    let long = |n: u64| UsageRecord { model_asked: Some("x".repeat(250_000)), ..record(n) };
    for n in 0..19 {
        spool.ended(&[long(n)]).unwrap();
        assert!(spool.remember(vec![long(n)]), "the first since they were taken");
        assert_eq!(shipper.take(&db).unwrap(), 1);
    }
    assert_eq!(files(ground).len(), 1, "the full file went");
    assert!(!shipper.is_done(), "a call is running, and was carried");
    end(&spool, 19);
    assert_eq!(shipper.take(&db).unwrap(), 1);
    assert_eq!(shipper.ship(&db).unwrap(), 0, "nothing else is in the files");
    assert!(shipper.is_done());
    shipper.close();
    assert_eq!((files(ground).len(), all(&db).len()), (0, 20));
}

fn what_was_taken_and_is_found_in_the_files_again_counts_once(ground: &Ground) {
    let (db, spool) = (ground.open(), spool(ground));
    let mut shipper = Shipper::new(spool.clone());
    shipper.ship(&db).unwrap();
    end(&spool, 1);
    assert_eq!(shipper.take(&db).unwrap(), 1);
    drop((shipper, spool));
    // Killed before its file went.
    let mut heir = Shipper::new(self::spool(ground));
    assert_eq!(heir.ship(&db).unwrap(), 0);
    let hours = wait(db.hours(0, u64::MAX)).unwrap();
    assert_eq!((all(&db).len(), hours.iter().map(|hour| hour.sums.calls).sum::<u64>()), (1, 1));
}

fn what_the_database_did_not_take_is_read_from_the_files(ground: &Ground) {
    let (db, spool) = (ground.open(), spool(ground));
    let mut shipper = Shipper::new(spool.clone());
    shipper.ship(&db).unwrap();
    end(&spool, 1);
    shipper.take(&db).unwrap();
    ground.execute("ALTER TABLE usage_records RENAME TO elsewhere");
    for n in 2..4 {
        end(&spool, n);
        assert!(shipper.take(&db).is_err());
    }
    ground.execute("ALTER TABLE elsewhere RENAME TO usage_records");
    end(&spool, 4);
    assert_eq!(shipper.take(&db).unwrap(), 3);
    end(&spool, 5);
    assert_eq!(shipper.take(&db).unwrap(), 1, "from memory again");
    // Nothing of this one is in the files.
    spool.remember(vec![record(6)]);
    assert_eq!(shipper.take(&db).unwrap(), 1);
    assert_eq!(all(&db), (1..7).rev().map(record).collect::<Vec<_>>());
}

fn more_than_is_remembered_is_read_from_the_files(ground: &Ground) {
    let (db, spool) = (ground.open(), spool(ground));
    let mut shipper = Shipper::new(spool.clone());
    shipper.ship(&db).unwrap();
    let records: Vec<UsageRecord> = (0..40_000).map(record).collect();
    for some in records.chunks(1_000) {
        spool.ended(some).unwrap();
        spool.remember(some.to_vec());
    }
    assert_eq!(shipper.take(&db).unwrap(), 40_000);
}

fn a_file_does_not_go_while_something_in_it_was_not_taken(ground: &Ground) {
    let (db, spool) = (ground.open(), spool(ground));
    let mut shipper = Shipper::new(spool.clone());
    shipper.ship(&db).unwrap();
    // Written, and then nobody remembers it: a file may be closed in between.
    let long = |n: u64| UsageRecord { model_asked: Some("x".repeat(2_500_000)), ..record(n) };
    for n in 0..3 {
        spool.ended(&[long(n)]).unwrap();
    }
    assert_eq!(shipper.take(&db).unwrap(), 2);
    assert_eq!((files(ground).len(), all(&db).len()), (1, 2), "what is in the second file is still to come");
}
