//! Hints of when to come back, in every form vendors write them: short ones are waited for, long ones are told, absurd ones
//! are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use testkit::failing::{Pace, well};
use testkit::vendor::{Answer, Seen, Vendor};
use testkit::view::View;
use tokio::task::JoinSet;

use super::{PATIENCE, always, body, error, house};

/// A hint of one second, in every form there is.
fn hints() -> Vec<(&'static str, Answer)> {
    let limited = || error(429, "rate_limit_exceeded", "Rate limit reached");
    let gemini = r#"{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]}}"#;
    vec![
        ("retry-after", limited().header("retry-after", "1")),
        ("retry-after, a part of a second more", limited().header("retry-after", "1.2")),
        ("retry-after-ms", limited().header("retry-after-ms", "1000")),
        (
            "both, milliseconds say it better",
            limited().header("retry-after", "2").header("retry-after-ms", "1000"),
        ),
        (
            "requests left",
            limited()
                .header("x-ratelimit-remaining-requests", "0")
                .header("x-ratelimit-reset-requests", "1s"),
        ),
        (
            "tokens left",
            limited()
                .header("x-ratelimit-remaining-tokens", "0")
                .header("x-ratelimit-reset-tokens", "1000ms"),
        ),
        ("Gemini", Answer::plain(429, gemini).header("content-type", "application/json")),
        (
            "Azure",
            error(429, "429", "Requests have exceeded the call rate limit. Please retry after 1 seconds."),
        ),
    ]
}

/// Between the first and the second try at a place which refuses once; and what the caller has.
async fn waited(first: impl Fn() -> Answer + Send + Sync + 'static) -> (Option<Duration>, View) {
    let asked = Arc::new(AtomicUsize::new(0));
    let vendor = Vendor::start(move |seen: &Seen| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => first().into(),
        _ => well(seen, Pace::AT_ONCE),
    })
    .await;
    let house = house(&[&vendor]);
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    let entries = vendor.ledger().entries();
    (entries.get(1).map(|second| second.begun.duration_since(entries[0].begun)), view)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hint_of_when_to_come_back_is_understood() {
    let mut waiting = JoinSet::new();
    for (form, answer) in hints() {
        waiting.spawn(async move { (form, waited(move || answer.clone()).await) });
    }
    for (form, (gap, view)) in waiting.join_all().await {
        assert!(view.is_whole(), "{form}: {view:?}");
        let gap = gap.unwrap_or_default();
        assert!((900..2_500).contains(&gap.as_millis()), "{form}: asked again after {gap:?}");
    }
    // A date has whole seconds, so one in three seconds is more than two away.
    let date = || {
        let at = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
        error(429, "rate_limit_exceeded", "slow down").header("retry-after", &at)
    };
    let (gap, view) = waited(date).await;
    assert!(
        view.is_whole() && gap.is_some_and(|gap| gap >= Duration::from_millis(1_800)),
        "{gap:?} {view:?}"
    );
}

/// What is no hint is taken for none: nobody waits by it. Whether it is then asked again or the refusal told, is another rule.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absurd_hint_is_no_hint() {
    let mut waiting = JoinSet::new();
    for hint in [
        "-5",
        "inf",
        "NaN",
        "soon",
        "1e9",
        "99999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "",
    ] {
        let answer = error(429, "rate_limit_exceeded", "slow down").header("retry-after", hint);
        waiting.spawn(async move { (hint, waited(move || answer.clone()).await) });
    }
    for (hint, (gap, view)) in waiting.join_all().await {
        let told = view.status == 429 && view.error_code() == Some("rate_limit_exceeded");
        assert!(view.is_whole() || told, "{hint:?}: {view:?}");
        assert!(view.took < Duration::from_secs(3), "{hint:?}: asked again after {gap:?}; {view:?}");
    }
}

/// Nobody is kept waiting for a minute: whoever has nowhere else to go is told, with the vendor's own hint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_hint_is_told_and_not_waited_for() {
    let vendor = always(error(429, "rate_limit_exceeded", "slow down").header("retry-after", "60")).await;
    let house = house(&[&vendor]);
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    assert_eq!((view.status, view.error_code()), (429, Some("rate_limit_exceeded")), "{view:?}");
    assert!(view.took < Duration::from_secs(1), "{:?}", view.took);
    assert!(view.header("retry-after").is_some_and(|wait| (55..=60).contains(&wait.parse().unwrap_or(0))));
    assert_eq!(vendor.ledger().begun(), 1);
}
