//! Several keys of one account: one that is refused or limited is put aside, and the others serve.

use std::collections::BTreeMap;
use std::time::Duration;

use testkit::failing::{Pace, well};
use testkit::vendor::{Act, Seen, Vendor};
use testkit::view::View;

use super::{PATIENCE, body, error};
use crate::house::TestHouse;

/// Three keys of one account at a vendor that does this to each of them.
async fn three_keys(
    strategy: &str,
    act: impl Fn(&str, &Seen) -> Act + Send + Sync + 'static,
) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(move |seen| act(key(seen), seen)).await;
    let house = TestHouse::new(&format!(
        "providers:\n  one:\n    type: openai-compatible\n    base_url: \"{}/v1\"\n    key_strategy: {strategy}\n    keys:\n      a: {{key: sk-test-key-number-a}}\n      b: {{key: sk-test-key-number-b}}\n      c: {{key: sk-test-key-number-c}}\nmodels: {{m: {{use: [one/m]}}}}\n",
        vendor.url()
    ));
    (vendor, house)
}

/// The last letter of the key it was asked with.
fn key(seen: &Seen) -> &str {
    seen.header("authorization").and_then(|key| key.strip_prefix("Bearer sk-test-key-number-")).unwrap_or("?")
}

/// How often each key was used.
fn used(vendor: &Vendor) -> BTreeMap<String, usize> {
    let mut used = BTreeMap::new();
    for seen in vendor.ledger().requests() {
        *used.entry(key(&seen).to_owned()).or_default() += 1;
    }
    used
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_refused_is_put_aside_and_the_others_serve() {
    for (status, code) in [(401, "invalid_api_key"), (403, "permission_denied"), (429, "insufficient_quota")]
    {
        for strategy in ["priority", "round_robin"] {
            let (vendor, house) = three_keys(strategy, move |key, seen| match key {
                "a" => error(status, code, "not with this key").into(),
                _ => well(seen, Pace::AT_ONCE),
            })
            .await;
            for call in 0..12 {
                let view = View::of(house.address(), &body(false), PATIENCE).await;
                assert!(view.is_whole(), "{status} {strategy}, call {call}: {view:?}");
            }
            let used = used(&vendor);
            assert_eq!(used.get("a"), Some(&1), "{status} {strategy}: {used:?}");
            assert_eq!(vendor.ledger().begun(), 13, "{status} {strategy}: {used:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_limited_makes_room_for_the_next_at_once() {
    let (vendor, house) = three_keys("priority", |key, seen| match key {
        "a" => error(429, "rate_limit_exceeded", "slow down").header("retry-after", "2").into(),
        _ => well(seen, Pace::AT_ONCE),
    })
    .await;
    for _ in 0..5 {
        let view = View::of(house.address(), &body(false), PATIENCE).await;
        assert!(view.is_whole() && view.took < Duration::from_secs(1), "{view:?}");
    }
    assert_eq!(used(&vendor).get("a"), Some(&1), "its wait holds for all calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_every_key_is_refused_it_is_never_the_callers_401() {
    let (vendor, house) =
        three_keys("priority", |_, _| error(401, "invalid_api_key", "not with this key").into()).await;
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    assert_eq!((view.status, view.error_code()), (502, Some("upstream_auth_failed")), "{view:?}");
    assert_eq!(used(&vendor).values().copied().collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_put_aside_is_not_shown_to_ask_for_models_either() {
    let (vendor, house) = three_keys("priority", |key, seen| match key {
        "a" => error(401, "invalid_api_key", "not with this key").into(),
        _ => well(seen, Pace::AT_ONCE),
    })
    .await;
    assert!(View::of(house.address(), &body(false), PATIENCE).await.is_whole());
    let before = used(&vendor);
    let listed = testkit::caller::ask(house.address(), "GET", "/v1/models", &[], "").await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    let asked = vendor.ledger().requests().into_iter().filter(|seen| seen.target == "/v1/models");
    assert_eq!(asked.map(|seen| key(&seen).to_owned()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(used(&vendor).get("a"), before.get("a"));
}
