//! All upstreams away: who is asked, what callers hear, and how soon all is well again (F-17).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::failing::{Pace, well};
use testkit::vendor::{Act, Answer, Entry, Seen, Vendor};

use super::{file, load};
use crate::house::TestHouse;

/// Calls a second.
const RATE: u32 = 50;
const OUTAGE: Duration = Duration::from_secs(10);
/// So soon after it all is as it was.
const BACK: Duration = Duration::from_secs(10);
const AFTERWARDS: Duration = Duration::from_secs(3);
/// A vendor that is away takes so long to say so: two probes at a time would overlap.
const SLUGGISH: Duration = Duration::from_millis(200);
/// No vendor is asked for so long: now all breakers are open.
const QUIET: Duration = Duration::from_millis(500);
/// Who is refused without anybody being asked is told within this.
const AT_ONCE: Duration = Duration::from_millis(10);
fn act(seen: &Seen, away: &AtomicBool) -> Act {
    if !away.load(Ordering::Relaxed) {
        return well(seen, Pace::AT_ONCE);
    }
    let body = r#"{"error":{"message":"away","type":"server_error"}}"#;
    Answer::plain(503, body).header("content-type", "application/json").late(SLUGGISH).into()
}

/// When nobody had been asked for a while.
fn quiet_since(tries: &[&Entry], begun: Instant, end: Instant) -> Option<Instant> {
    let mut last = begun;
    for at in tries.iter().map(|entry| entry.begun).chain([end]) {
        if at.duration_since(last) >= QUIET {
            return Some(last + QUIET);
        }
        last = at;
    }
    None
}

/// The calls whose prompts arrived in these tries.
fn numbers(tries: &[&Entry]) -> BTreeSet<u64> {
    let number = |entry: &&Entry| {
        let body = entry.seen.json();
        let prompt = body["messages"][0]["content"].as_str()?;
        prompt.strip_prefix("call ")?.strip_suffix('.')?.parse().ok()
    };
    tries.iter().filter_map(number).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_outage_is_neither_multiplied_nor_waited_for() {
    let away = Arc::new(AtomicBool::new(true));
    let mut vendors = Vec::new();
    for _ in 0..3 {
        let away = away.clone();
        vendors.push(Vendor::start(move |seen| act(seen, &away)).await);
    }
    let names = ["one", "two", "three"];
    let three: Vec<_> = vendors.iter().zip(names).map(|(vendor, name)| (name, vendor.url(), "")).collect();
    let house = TestHouse::new(&file(&three));
    let begun = Instant::now();
    let address = house.address();
    let ending = async {
        tokio::time::sleep(OUTAGE).await;
        away.store(false, Ordering::Relaxed);
        Instant::now()
    };
    let well = super::well().await;
    let calling = load::steady(address, RATE, OUTAGE + BACK + AFTERWARDS);
    let beside = SocketAddr::from(([127, 0, 0, 1], well.port()));
    let ((heard, machine), back) = tokio::join!(load::beside(beside, calling), ending);
    let machine = load::p99(machine);

    let ledgers: Vec<Vec<Entry>> = vendors.iter().map(|vendor| vendor.ledger().entries()).collect();
    let mut during: Vec<&Entry> = ledgers.iter().flatten().filter(|entry| entry.begun < back).collect();
    during.sort_by_key(|entry| entry.begun);
    let calls = heard.iter().filter(|call| call.asked < back).count();
    let open = quiet_since(&during, begun, back);
    let open = open.unwrap_or_else(|| {
        panic!("vendors were asked all the time: {} tries for {calls} calls", during.len())
    });
    let after: Vec<&Entry> = during.iter().copied().filter(|entry| entry.begun >= open).collect();
    let calls_after: Vec<_> = heard.iter().filter(|call| call.asked >= open && call.asked < back).collect();
    let ratio = |tries: usize, calls: usize| tries as f64 / calls.max(1) as f64;
    eprintln!(
        "open after {:?}; tries a call: {:.2} over the outage ({calls} calls), {:.2} once open ({} calls, {} probes)",
        open.duration_since(begun),
        ratio(during.len(), calls),
        ratio(after.len(), calls_after.len()),
        calls_after.len(),
        after.len()
    );
    assert!(ratio(after.len(), calls_after.len()) <= 1.2, "{} tries", after.len());
    assert!(ratio(during.len(), calls) <= 1.2, "{} tries for {calls} calls over the outage", during.len());

    // Who is no probe hears so at once, and when to come back.
    let probes = numbers(&after);
    let refused: Vec<_> = calls_after.iter().filter(|call| !probes.contains(&call.number)).collect();
    assert!(!refused.is_empty());
    for call in &refused {
        assert_eq!(call.status, 503, "{}", call.instead);
        assert!(call.wait.is_some_and(|wait| (1..=20).contains(&wait)), "{:?}: {}", call.wait, call.instead);
    }
    let p99 = load::p99(refused.iter().map(|call| call.took).collect());
    eprintln!("99 of 100 were refused within {p99:?}, and answered by a vendor itself within {machine:?}");
    assert!(p99 <= AT_ONCE + machine, "99 of 100 were refused within {p99:?}");

    // One probe at a time, at each vendor.
    for ledger in &ledgers {
        let probes: Vec<_> =
            ledger.iter().filter(|entry| entry.begun >= open && entry.begun < back).collect();
        for pair in probes.windows(2) {
            let ended = pair[0].ended.unwrap_or(pair[0].begun);
            assert!(pair[1].begun >= ended, "two probes at once, {:?} apart", pair[1].begun - pair[0].begun);
        }
    }

    // And then all is well, soon.
    let late: Vec<_> = heard.iter().filter(|call| call.asked >= back + BACK && !call.whole).collect();
    let first = heard.iter().find(|call| call.asked >= back && call.whole).map(|call| call.asked - back);
    eprintln!("the first whole answer {first:?} after the outage");
    assert!(
        late.is_empty(),
        "{} calls were not served {BACK:?} after the outage: {:#?}",
        late.len(),
        late.first()
    );
}
