//! Five million records on SQLite: how long a page takes. Run by hand, built for speed:
//! `cargo test --release -p store --test both -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use store::UsageRecord;
use store::db::{Cursor, Filter};

use crate::place::{Ground, begins, record, wait};

const ROWS: u64 = 5_000_000;
const BATCH: u64 = 5_000;
/// What issue 4 asks for.
const BOUND: Duration = Duration::from_millis(150);
const PAGE: usize = 200;

/// Spread as calls are: a few models and many callers, most of them good, and a rare one of each.
fn spread(n: u64) -> UsageRecord {
    let draw = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let draw = (draw ^ (draw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20;
    let rare = n % 500_000 == 7;
    let status = match draw % 1_000 {
        _ if rare => 418,
        0..970 => 200,
        970..985 => 429,
        985..995 => 502,
        _ => 499,
    };
    UsageRecord {
        model_asked: Some(if rare { "rare".into() } else { format!("model-{}", draw / 7 % 20) }),
        provider: Some(if rare { "rare".into() } else { format!("provider-{}", draw / 3 % 5) }),
        caller: if rare { "rare".into() } else { format!("caller-{}", draw / 11 % 1_000) },
        status,
        ..record(n)
    }
}

#[test]
#[ignore = "some minutes and two gigabytes; owner: whoever changes the table or its indexes runs it (ADR 0020 has the figure)"]
fn a_page_of_five_million_records_is_quick() {
    let ground = Ground::sqlite();
    let db = ground.open();
    let began = Instant::now();
    for batch in 0..ROWS / BATCH {
        db.append_now((batch * BATCH..(batch + 1) * BATCH).map(spread).collect()).unwrap();
    }
    let rate = ROWS as f64 / began.elapsed().as_secs_f64();
    eprintln!("{ROWS} rows written in {:?}, {rate:.0} a second", began.elapsed());
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default();
    let cases = [
        ("newest", none.clone()),
        ("a model", Filter { model: some("model-3"), ..none.clone() }),
        ("a rare model", Filter { model: some("rare"), ..none.clone() }),
        ("a provider", Filter { provider: some("provider-1"), ..none.clone() }),
        ("a caller", Filter { caller: some("caller-77"), ..none.clone() }),
        ("a status", Filter { status: Some((429, 429)), ..none.clone() }),
        ("a rare status", Filter { status: Some((418, 418)), ..none.clone() }),
        ("server errors", Filter { status: Some((500, 599)), ..none.clone() }),
        ("no status", Filter { status: Some((600, 699)), ..none.clone() }),
        ("a caller's model", Filter { caller: some("caller-77"), model: some("model-3"), ..none.clone() }),
        ("a rare caller's model", Filter { caller: some("rare"), model: some("model-3"), ..none.clone() }),
        ("a model nowhere", Filter { model: some("model-3"), provider: some("rare"), ..none.clone() }),
        (
            "a provider's failures",
            Filter { provider: some("provider-1"), status: Some((502, 502)), ..none.clone() },
        ),
        (
            "a model's errors in a day",
            Filter {
                model: some("model-3"),
                status: Some((400, 599)),
                from_us: Some(record(ROWS / 2).started_us),
                until_us: Some(record(ROWS / 2 + 86_400).started_us),
                ..none
            },
        ),
    ];
    let middle = record(ROWS / 2);
    let middle = Cursor { started_us: middle.started_us, record_id: middle.record_id };
    let mut slowest = Duration::ZERO;
    for (name, filter) in cases {
        for (place, after) in [("newest", None), ("middle", Some(&middle))] {
            let began = Instant::now();
            let page = wait(db.page(&filter, after, PAGE)).unwrap();
            let took = began.elapsed();
            eprintln!("{name}, {place}: {} rows in {took:?}", page.records.len());
            slowest = slowest.max(took);
        }
    }
    assert!(slowest < BOUND, "the slowest page took {slowest:?}");
}

#[test]
#[ignore = "a figure for ADR 0020, and no claim; owner: whoever changes the spool runs it"]
fn what_the_line_before_a_call_costs() {
    let dir = tempfile::tempdir().unwrap();
    let spool = store::Spool::open(dir.path()).unwrap();
    let records: Vec<UsageRecord> = (0..100_000).map(spread).collect();
    let began = Instant::now();
    for record in &records {
        begins(&spool, record);
    }
    eprintln!("{:?} a line", began.elapsed() / 100_000);
}

#[test]
#[ignore = "a figure for ADR 0020, and no claim; owner: whoever changes how records are written runs it"]
fn what_a_record_costs_the_database() {
    const EACH: u64 = 6_000;
    const ALL: u64 = 240_000;
    for (name, many) in [("of one caller", false), ("of a thousand", true)] {
        let one: fn(u64) -> UsageRecord = if many { spread } else { record };
        let ground = Ground::sqlite();
        let db = ground.open();
        let mut used = [0; 2];
        for batch in 0..ALL / EACH {
            // Twenty thousand a second.
            let each = |n: u64| UsageRecord { started_us: record(0).started_us + n * 50, ..one(n) };
            let records = (batch * EACH..(batch + 1) * EACH).map(each).collect();
            let before = cpu();
            db.append_now(records).unwrap();
            used = [0, 1].map(|of| used[of] + cpu()[of] - before[of]);
        }
        let [own, kernel] = used.map(|hundredths| hundredths as f64 * 10_000.0 / ALL as f64);
        eprintln!("{name}: {own:.2} us of its own, {kernel:.2} us of the kernel");
    }
}

/// What this process has used of the processors, itself and in the kernel, in hundredths of a second.
fn cpu() -> [u64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    [11, 12].map(|field: usize| fields[field].parse().unwrap())
}
