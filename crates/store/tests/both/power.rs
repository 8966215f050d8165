//! F-55: what a power cut may leave of SQLite's log. Whatever of it reached the disk, the database is sound, and holds the
//! first batches wholly and the others not at all.

use std::path::{Path, PathBuf};

use store::{Db, Place};

use crate::place::{Ground, record, wait};

const BATCHES: u64 = 20;
const EACH: u64 = 25;

/// splitmix64: the same cuts each time this test runs.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut draw = self.0;
        draw = (draw ^ (draw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((draw ^ (draw >> 31)) % limit as u64).unwrap()
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", file.display()))
}

/// The files as they are while a gateway runs, of which the log has every batch.
fn left_running(ground: &Ground) -> (Vec<u8>, Vec<u8>) {
    let Place::Sqlite(file) = &ground.place else { panic!("a file") };
    let db = ground.open();
    for batch in 0..BATCHES {
        db.append_now((batch * EACH..(batch + 1) * EACH).map(record).collect()).unwrap();
    }
    let read = |ending| std::fs::read(beside(file, ending)).unwrap();
    (read(""), read("-wal"))
}

/// How many batches there are, none of them in part, and nothing contradicts itself.
fn batches(place: &Place) -> u64 {
    let db = Db::open(place).unwrap();
    let health = wait(db.health(true)).unwrap();
    assert_eq!(health.damages, Vec::<String>::new());
    let rows = health.tables.iter().find(|(table, _)| table == "usage_records").unwrap().1;
    assert!(rows.is_multiple_of(EACH), "{rows} records");
    let hours = wait(db.hours(0, u64::MAX)).unwrap();
    assert_eq!(hours.iter().map(|hour| hour.sums.calls).sum::<u64>(), rows, "sums and records are one");
    let newest = wait(db.page(&store::db::Filter::default(), None, 1)).unwrap().records.pop();
    assert_eq!(newest.map(|newest| newest.id), rows.checked_sub(1).map(|last| record(last).id));
    rows / EACH
}

#[test]
fn a_log_that_reached_the_disk_in_part_holds_the_first_batches() {
    let ground = Ground::sqlite();
    let (main, log) = left_running(&ground);
    let mut draw = Draw(1);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..60 {
        let after = Ground::sqlite();
        let Place::Sqlite(file) = &after.place else { panic!("a file") };
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mut log = log.clone();
        let at = draw.below(log.len());
        match round % 3 {
            // Cut off.
            0 => log.truncate(at),
            // A piece in the middle never arrived: the disk wrote in another order.
            1 => {
                let end = (at + 4_096).min(log.len());
                log[at..end].fill(0);
            }
            // One bit.
            _ => log[at] ^= 1 << draw.below(8),
        }
        std::fs::write(file, &main).unwrap();
        std::fs::write(beside(file, "-wal"), &log).unwrap();
        let first = batches(&after.place);
        seen.insert(first);
        // It goes on from there.
        let db = after.open();
        let rows = (first * EACH..(first + 1) * EACH).map(record).collect();
        assert_eq!(db.append_now(rows).unwrap() as u64, EACH);
        drop(db);
        assert_eq!(batches(&after.place), first + 1);
    }
    assert!(seen.len() > 5, "the cuts were all alike: {seen:?}");
}
