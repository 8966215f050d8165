//! Usage records: written once, read in pages, added up by the hour.

use std::collections::BTreeSet;

use store::db::{Cursor, Filter};
use store::usage_record::Outcome;
use store::{Db, UsageRecord};

use crate::place::{Ground, record, wait};

/// What SQLite has taken back by itself, as it does on a full disk, does not spoil the connection for what comes then.
#[test]
fn a_change_that_the_database_took_back_is_followed_by_others() {
    let ground = Ground::sqlite();
    let db = ground.open();
    ground.execute(
        "CREATE TRIGGER no BEFORE INSERT ON usage_records BEGIN SELECT RAISE(ROLLBACK, 'taken back'); END",
    );
    for _ in 0..3 {
        let problem = db.append_now(vec![record(1)]).unwrap_err();
        assert!(problem.to_string().contains("taken back"), "{problem}");
    }
    ground.execute("DROP TRIGGER no");
    assert_eq!(db.append_now(vec![record(1)]).unwrap(), 1);
}

crate::on_both!(
    a_record_comes_back_as_it_was_written,
    a_record_that_is_written_again_is_there_once_and_counted_once,
    pages_bring_every_record_once_and_the_newest_first,
    filters_bring_what_is_meant,
    what_a_caller_sends_is_data_and_holds_nobody_up,
    hours_add_up,
    several_processes_write_at_once,
);

fn all(db: &Db) -> Vec<UsageRecord> {
    pages(db, &Filter::default(), 200).concat()
}

fn pages(db: &Db, filter: &Filter, limit: usize) -> Vec<Vec<UsageRecord>> {
    let mut pages = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = wait(db.page(filter, after.as_ref(), limit)).unwrap();
        pages.push(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return pages,
        }
    }
}

fn a_record_comes_back_as_it_was_written(ground: &Ground) {
    let full = record(1);
    let bare = UsageRecord {
        record_id: record(0).record_id,
        outcome: Outcome::CallerLeft,
        status: 499,
        ..UsageRecord::default()
    };
    let db = ground.open();
    assert_eq!(db.append_now(vec![full.clone(), bare.clone()]).unwrap(), 2);
    drop(db);
    assert_eq!(all(&ground.open()), [full, bare]);
}

fn a_record_that_is_written_again_is_there_once_and_counted_once(ground: &Ground) {
    let db = ground.open();
    assert_eq!(db.append_now(vec![record(1), record(2), record(2)]).unwrap(), 2);
    assert_eq!(db.append_now(vec![record(1), record(3)]).unwrap(), 1);
    assert_eq!(all(&db).len(), 3);
    let hours = wait(db.hours(0, u64::MAX)).unwrap();
    assert_eq!(hours.iter().map(|hour| hour.sums.calls).sum::<u64>(), 3);
}

fn pages_bring_every_record_once_and_the_newest_first(ground: &Ground) {
    let db = ground.open();
    // Three begin at the same moment, and more than one statement holds are written at once.
    let records: Vec<UsageRecord> =
        (0..1_201).map(|n| UsageRecord { started_us: record(n / 3).started_us, ..record(n) }).collect();
    assert_eq!(db.append_now(records).unwrap(), 1_201);
    let pages = pages(&db, &Filter::default(), 100);
    assert!(pages[..12].iter().all(|page| page.len() == 100), "{:?}", pages.len());
    let ids: Vec<String> = pages.concat().into_iter().map(|record| record.id).collect();
    let expected: Vec<String> = (0..1_201).rev().map(|n| record(n).id).collect();
    assert_eq!(ids, expected);
}

fn filters_bring_what_is_meant(ground: &Ground) {
    let db = ground.open();
    let other = |n: u64, change: fn(&mut UsageRecord)| {
        let mut record = record(n);
        change(&mut record);
        record
    };
    db.append_now(vec![
        record(1),
        other(2, |record| record.model_asked = Some("o3".into())),
        other(3, |record| record.provider = None),
        other(4, |record| record.caller = "laptop".into()),
        other(5, |record| record.status = 429),
        other(6, |record| record.status = 503),
    ])
    .unwrap();
    let some = |text: &str| Some(text.to_owned());
    let cases: [(Filter, &[u64]); 8] = [
        (Filter { model: some("o3"), ..Filter::default() }, &[2]),
        (Filter { provider: some("openai"), ..Filter::default() }, &[6, 5, 4, 2, 1]),
        (Filter { caller: some("laptop"), ..Filter::default() }, &[4]),
        (Filter { status: Some((429, 429)), ..Filter::default() }, &[5]),
        (Filter { status: Some((400, 599)), ..Filter::default() }, &[6, 5]),
        (Filter { status: Some((100, 499)), ..Filter::default() }, &[5, 4, 3, 2, 1]),
        (
            Filter {
                from_us: Some(record(2).started_us),
                until_us: Some(record(4).started_us),
                ..Filter::default()
            },
            &[3, 2],
        ),
        (Filter { model: some("gpt-4o"), status: Some((200, 200)), ..Filter::default() }, &[4, 3, 1]),
    ];
    for (filter, meant) in cases {
        let found: Vec<String> =
            pages(&db, &filter, 2).concat().into_iter().map(|record| record.id).collect();
        let meant: Vec<String> = meant.iter().map(|n| record(*n).id).collect();
        assert_eq!(found, meant, "{filter:?}");
    }
}

fn what_a_caller_sends_is_data_and_holds_nobody_up(ground: &Ground) {
    let db = ground.open();
    let hostile = ["'; DROP TABLE usage_records; --", "a\0b", "%_\\", "\u{202e}\u{1f600}", "$1", "ä"];
    let names = hostile.iter().map(|name| (*name).to_owned()).chain([
        "x".repeat(1_000_000),
        "\u{1f600}".repeat(10_000),
        "é\0".repeat(300),
    ]);
    let records: Vec<UsageRecord> = names
        .zip(0..)
        .map(|(name, n)| UsageRecord { model_asked: Some(name.clone()), id: name, ..record(n) })
        .collect();
    let count = records.len();
    assert_eq!(db.append_now(records).unwrap(), count);
    assert_eq!(all(&db).len(), count);
    for name in hostile.iter().filter(|name| !name.contains('\0')) {
        let filter = Filter { model: Some((*name).to_owned()), ..Filter::default() };
        assert_eq!(pages(&db, &filter, 10).concat().len(), 1, "{name}");
    }
}

fn hours_add_up(ground: &Ground) {
    let db = ground.open();
    let records: Vec<UsageRecord> = (0..7_200)
        .map(|n| UsageRecord { tokens: if n % 2 == 0 { record(n).tokens } else { None }, ..record(n) })
        .collect();
    for piece in records.chunks(700) {
        db.append_now(piece.to_vec()).unwrap();
    }
    let hours = wait(db.hours(0, u64::MAX)).unwrap();
    let begins: BTreeSet<u64> = hours.iter().map(|hour| hour.hour_us).collect();
    assert_eq!(begins.len(), 3, "7,200 seconds that begin within an hour: {begins:?}");
    let sum = |of: fn(&store::db::Hour) -> u64| hours.iter().map(of).sum::<u64>();
    assert_eq!(sum(|hour| hour.sums.calls), 7_200);
    assert_eq!(sum(|hour| hour.sums.uncounted), 3_600);
    assert_eq!(sum(|hour| hour.sums.output), 12 * 3_600);
    let second = *begins.iter().nth(1).unwrap();
    let whole = wait(db.hours(second, second + 1)).unwrap();
    assert_eq!(whole.iter().map(|hour| hour.sums.calls).sum::<u64>(), 3_600);
}

fn several_processes_write_at_once(ground: &Ground) {
    // Each has its own connections, as another process would.
    std::thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || {
                let db = ground.open();
                for batch in 0..20 {
                    let first = (writer % 2) * 10_000 + batch * 50;
                    db.append_now((first..first + 50).map(record).collect()).unwrap();
                }
            });
        }
    });
    let db = ground.open();
    assert_eq!(all(&db).len(), 2_000, "two wrote the same as two others");
    let hours = wait(db.hours(0, u64::MAX)).unwrap();
    assert_eq!(hours.iter().map(|hour| hour.sums.calls).sum::<u64>(), 2_000);
}
