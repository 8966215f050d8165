//! Counts over changes of configuration, resets and clocks that jump; time is set by hand.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use store::usage_record::Outcome;

use super::*;

fn world(names: &[&str], windows: &str) -> Snapshot {
    let providers: Vec<String> = names.iter().map(|name| format!("{name}: {{type: mock}}")).collect();
    let yaml = format!("providers: {{{}}}\ntelemetry: {{stats_windows: {windows}}}\n", providers.join(", "));
    config::parse(&yaml, &BTreeMap::new()).map(|loaded| loaded.snapshot).unwrap()
}

fn call(provider: Option<&str>) -> UsageRecord {
    UsageRecord {
        provider: provider.map(str::to_owned),
        operation: "chat".into(),
        attempts: u32::from(provider.is_some()),
        outcome: if provider.is_some() { Outcome::Answered } else { Outcome::Refused },
        status: 200,
        duration_us: 2_000_000,
        ..UsageRecord::default()
    }
}

fn take(counts: &mut Counts, provider: Option<&str>, minutes: u64) {
    let record = call(provider);
    counts.take(&record, Ending::of(&record), Duration::from_mins(minutes));
}

fn read(counts: &mut Counts, minutes: u64) -> Statistics {
    counts.statistics(Duration::from_mins(minutes), UNIX_EPOCH + Duration::from_hours(100))
}

#[test]
fn a_provider_keeps_its_counts_over_a_reload_and_is_forgotten_after_the_longest_window() {
    let mut counts = Counts::new(&world(&["a", "b"], "[5m, 60m]"), Duration::ZERO);
    take(&mut counts, Some("a"), 1);
    take(&mut counts, Some("b"), 1);
    counts.describe(&world(&["b", "c"], "[5m, 60m]"), Duration::from_mins(2));
    let told = read(&mut counts, 3);
    let known: Vec<_> =
        told.providers.iter().map(|p| (&*p.provider, p.configured, p.counted.total.sums.calls)).collect();
    assert_eq!(known, [("a", false, 1), ("b", true, 1), ("c", true, 0)]);
    let told = read(&mut counts, 63);
    let known: Vec<_> = told.providers.iter().map(|p| (&*p.provider, p.counted.total.sums.calls)).collect();
    assert_eq!(known, [("b", 1), ("c", 0)]);
    assert_eq!(told.house.total.sums.calls, 2, "the house forgets nobody");
}

#[test]
fn a_provider_that_comes_back_in_time_has_its_counts() {
    let mut counts = Counts::new(&world(&["a", "b"], "[60m]"), Duration::ZERO);
    take(&mut counts, Some("a"), 1);
    counts.describe(&world(&["b"], "[60m]"), Duration::from_mins(2));
    counts.describe(&world(&["a", "b"], "[60m]"), Duration::from_mins(30));
    let told = read(&mut counts, 500);
    assert_eq!((told.providers[0].configured, told.providers[0].counted.total.sums.calls), (true, 1));
}

#[test]
fn reset_begins_anew_and_says_since_when() {
    let mut counts = Counts::new(&world(&["a"], "[5m]"), Duration::ZERO);
    take(&mut counts, Some("a"), 1);
    take(&mut counts, None, 1);
    counts.reset(Duration::from_mins(2));
    take(&mut counts, Some("a"), 3);
    let told = read(&mut counts, 4);
    assert_eq!((told.house.total.sums.calls, told.house.windows[0].sums.calls), (1, 1));
    assert_eq!(told.house.since_unix_ms, 100 * 3_600_000 - 120_000);
    assert_eq!(told.house.last_call_unix_ms, Some(100 * 3_600_000 - 60_000));
    assert_eq!(told.house.last_error, None);
    assert!((told.house.windows[0].covered_seconds - 120.0).abs() < 1e-9);
}

#[test]
fn a_wall_clock_that_jumps_changes_no_sum_and_makes_no_time_negative() {
    let mut counts = Counts::new(&world(&["a"], "[5m]"), Duration::ZERO);
    take(&mut counts, Some("a"), 10);
    let now = Duration::from_mins(11);
    let mut sums = |wall| counts.statistics(now, wall).house.windows;
    let ordinary = sums(UNIX_EPOCH + Duration::from_hours(10_000));
    assert_eq!(sums(UNIX_EPOCH), ordinary);
    assert_eq!(sums(UNIX_EPOCH + Duration::from_hours(400 * 24)), ordinary);
}

#[test]
fn rates_are_by_the_minute_and_the_first_seconds_do_not_exaggerate() {
    let mut counts = Counts::new(&world(&["a"], "[5m, 15m]"), Duration::ZERO);
    let record = call(Some("a"));
    (0..30).for_each(|_| counts.take(&record, Ending::Answered, Duration::from_secs(1)));
    (0..10).for_each(|_| take(&mut counts, None, 0));
    let now = Duration::from_secs(2);
    let told = counts.statistics(now, UNIX_EPOCH).house;
    let sums = &told.windows[0].sums;
    assert!((sums.calls_per_minute - 40.0).abs() < 1e-9, "{sums:?}");
    assert_eq!(sums.error_rate, Some(0.25));
    assert_eq!((sums.calls, sums.errors.total, sums.errors.refused, sums.uncounted_calls), (40, 10, 10, 30));
    assert_eq!((sums.duration.calls, sums.duration.mean_ms), (30, Some(2000.0)), "refusals are no latency");
    assert!(sums.duration.p95_ms.is_some_and(|p95| (1860.0..2140.0).contains(&p95)));
    let later = read(&mut counts, 4).house;
    assert!((later.total.sums.calls_per_minute - 10.0).abs() < 1e-9);
    let gone = read(&mut counts, 10).house;
    assert_eq!((gone.windows[0].sums.calls, gone.windows[0].sums.error_rate), (0, None));
    assert_eq!(gone.windows[1].sums.calls, 40);
}

#[test]
fn facts_go_out_with_their_units_in_their_names() {
    let mut counts = Counts::new(&world(&["a"], "[5m]"), Duration::ZERO);
    take(&mut counts, None, 1);
    let told = serde_json::to_value(read(&mut counts, 2)).unwrap();
    assert_eq!(told["house"]["windows"][0]["window_seconds"], 300);
    assert_eq!(told["house"]["last_error"]["kind"], "refused");
    assert_eq!(told["providers"][0]["total"]["calls"], 0);
}
