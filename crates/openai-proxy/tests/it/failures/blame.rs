//! Who is to blame: a failure is held against the one whose it is, and is told so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store::usage_record::Outcome;
use testkit::caller::{Caller, ask};
use testkit::failing::{Pace, well};
use testkit::vendor::{Answer, Ending, Vendor};
use testkit::view::View;

use super::{PATIENCE, always, body, error, house};
use crate::house::{TestHouse, UPSTREAM_KEY, chat};

fn says(words: &[&str]) -> Answer {
    let chunk = |word: &&str| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word} \"}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    words.iter().map(chunk).fold(Answer::events(), Answer::send)
}

fn whole(words: &[&str]) -> Answer {
    let end = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    says(words).send(end)
}

fn two(kind: &str, one: &Vendor, two: &Vendor) -> TestHouse {
    let line = |name: &str, vendor: &Vendor| {
        format!("  {name}: {{type: {kind}, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\n", vendor.url())
    };
    TestHouse::new(&format!(
        "providers:\n{}{}models: {{m: {{use: [one/m, two/m]}}, alone: two/m}}\n",
        line("one", one),
        line("two", two)
    ))
}

fn stream(model: &str) -> String {
    chat(model, true)
}

async fn streamed(house: &TestHouse, model: &str) -> String {
    ask(house.address(), "POST", "/v1/chat/completions", &[], stream(model)).await.text()
}

/// A model says the same in other words. That is no reason to leave it alone, nor is it the one that broke.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_it_in_other_words_is_not_to_blame_for_a_cut() {
    let cut = always(says(&["one", "two", "three"]).ending(Ending::Reset)).await;
    let other = always(whole(&["eins", "zwei", "drei"])).await;
    let house = two("openai", &cut, &other);
    for call in 0..6 {
        let heard = streamed(&house, "m").await;
        // Once the first one is left alone the other one answers by itself.
        let told = heard.contains("`one` broke off") && heard.contains("one ") && !heard.contains("eins");
        assert!(told || heard.contains("drei"), "call {call}: {heard}");
        assert!(!heard.contains("`two`"), "call {call}: {heard}");
        assert!(streamed(&house, "alone").await.contains("[DONE]"), "call {call}: it is well");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_too_long_for_all_is_shown_to_each_place_once() {
    let too_long = || error(400, "context_length_exceeded", "too long");
    let (one, two) = (always(too_long()).await, always(too_long()).await);
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\n  two: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\nmodels: {{m: one/m, big: two/big}}\nrouting: {{fallbacks: {{m: [{{to: [big], on: context_length}}]}}}}\n",
        one.url(),
        two.url()
    ));
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    assert_eq!((view.status, view.error_code()), (400, Some("context_length_exceeded")), "{view:?}");
    assert_eq!((one.ledger().begun(), two.ledger().begun()), (1, 1));
    // Both names at one provider, which knows them by these: each is asked for by its own.
    let one = always(too_long()).await;
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\nmodels: {{m: one, big: one}}\nrouting: {{fallbacks: {{m: [{{to: [big], on: context_length}}]}}}}\n",
        one.url()
    ));
    View::of(house.address(), &body(false), PATIENCE).await;
    let asked: Vec<_> = one.ledger().requests().iter().map(|seen| seen.json()["model"].to_string()).collect();
    assert_eq!(asked, ["\"m\"", "\"big\""]);
}

/// What a caller wrote comes back in an error that names it. It must not put the key aside that others use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_cannot_put_a_key_aside_by_its_own_words() {
    let vendor = Vendor::start(|seen| {
        let value = seen.json()["reasoning_effort"].clone();
        match value.as_str() {
            Some(value) => error(400, "", &format!("Invalid value: '{value}'.")).into(),
            None => well(seen, Pace::AT_ONCE),
        }
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers: {{one: {{type: openai-compatible, base_url: \"{}/v1\", keys: {{a: {{key: sk-test-key-number-a}}}}}}}}\nmodels: {{m: one/m}}\n",
        vendor.url()
    ));
    for words in ["insufficient balance", "does not support prefill"] {
        let evil = format!(r#"{{"model":"m","reasoning_effort":"{words}","messages":[]}}"#);
        assert_eq!(View::of(house.address(), &evil, PATIENCE).await.status, 400);
        let view = View::of(house.address(), &body(false), PATIENCE).await;
        assert!(view.is_whole(), "{words}: {view:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_are_counted_also_where_a_key_was_refused() {
    let vendor = Vendor::start(|seen| match seen.header("authorization") {
        Some("Bearer sk-test-key-number-a") => error(401, "invalid_api_key", "no").into(),
        _ => error(500, "server_error", "bad day").into(),
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers: {{one: {{type: openai-compatible, base_url: \"{}/v1\", keys: {{a: {{key: sk-test-key-number-a}}, b: {{key: sk-test-key-number-b}}}}}}}}\nmodels: {{m: one/m}}\n",
        vendor.url()
    ));
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    assert_eq!(view.status, 500, "{view:?}");
    assert_eq!(vendor.ledger().begun(), 4, "one key refused, and three attempts with the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_all_keys_is_waited_for_and_not_taken_for_a_refusal() {
    let calls = AtomicUsize::new(0);
    let vendor = Vendor::start(move |seen| match calls.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => error(429, "rate_limit_exceeded", "slow down").header("retry-after", "1").into(),
        _ => well(seen, Pace::AT_ONCE),
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers: {{one: {{type: openai-compatible, base_url: \"{}/v1\", keys: {{a: {{key: sk-test-key-number-a}}, b: {{key: sk-test-key-number-b}}}}}}}}\nmodels: {{m: one/m}}\n",
        vendor.url()
    ));
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    assert!(view.is_whole() && view.took >= Duration::from_millis(900), "{view:?}");
    // A name nobody has is no refusal of a key either.
    let away = always(error(404, "model_not_found", "The model `m` does not exist.")).await;
    let house = TestHouse::new(&format!(
        "providers: {{one: {{type: openai-compatible, base_url: \"{}/v1\", keys: {{a: {{key: sk-test-key-number-a}}, b: {{key: sk-test-key-number-b}}}}}}}}\nmodels: {{m: one/m}}\n",
        away.url()
    ));
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    assert_eq!((view.status, view.error_code()), (404, Some("model_not_found")), "{view:?}");
}

/// Whoever finds out whether a place is well may have a stream that flows for long: its beginning is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_finds_out_lets_the_others_in_when_it_begins() {
    let vendor = Vendor::start(|seen| match seen.number {
        0..5 => error(503, "away", "bad day").into(),
        _ if seen.json()["stream"] == true => says(&["it", "flows"]).ending(Ending::Hang).into(),
        _ => well(seen, Pace::AT_ONCE),
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers: {{one: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, breaker: {{open_for: 100ms}}}}}}\nmodels: {{m: one/m}}\nrouting: {{retries: 0}}\n",
        vendor.url()
    ));
    for _ in 0..5 {
        View::of(house.address(), &body(false), PATIENCE).await;
    }
    let mut caller = Caller::connect(house.address()).await;
    let body_of_stream = stream("m");
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body_of_stream}",
        body_of_stream.len()
    );
    loop {
        caller.send(head.clone()).await.unwrap();
        if caller.read_some().await.unwrap().starts_with(b"HTTP/1.1 200") {
            break;
        }
        caller = Caller::connect(house.address()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    assert!(view.is_whole(), "{view:?}");
}

/// A vendor's policy is not gone around in the middle of an answer, and nobody else pays for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_in_the_middle_of_a_stream_is_not_gone_around() {
    let event = "data: {\"error\":{\"message\":\"flagged\",\"type\":\"invalid_request_error\",\"code\":\"content_filter\"}}\n\n";
    let one = always(says(&["one", "two", "three"]).send(event)).await;
    let two_ = always(whole(&["four"])).await;
    let house = two("openai-compatible", &one, &two_);
    for call in 0..6 {
        let heard = streamed(&house, "m").await;
        assert!(heard.contains("content_filter") && !heard.contains("four"), "call {call}: {heard}");
    }
    assert_eq!((one.ledger().begun(), two_.ledger().begun()), (6, 0));
    let records = house.records(|records| records.len() == 6).await;
    assert!(records.iter().all(|record| record.outcome == Outcome::Interrupted), "{records:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_a_stream_shows_nobody_our_key() {
    let event = format!(
        "data: {{\"error\":{{\"message\":\"Incorrect key {UPSTREAM_KEY}\",\"code\":\"server_error\"}}}}\n\n"
    );
    for before in [&[][..], &["some", "words", "before"]] {
        let one = always(says(before).send(event.clone())).await;
        let house = house(&[&one]);
        let heard = streamed(&house, "m").await;
        assert!(!heard.contains(UPSTREAM_KEY), "{heard}");
        assert!(heard.contains("error"), "{heard}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_was_asked_nothing_is_booked_on_anybody() {
    let vendor = Vendor::start(|seen| well(seen, Pace::AT_ONCE)).await;
    let house = TestHouse::new(&format!(
        "providers: {{one: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, max_rpm: 1}}}}\nmodels: {{m: one/m}}\nrouting: {{when_exhausted: fail}}\n",
        vendor.url()
    ));
    for _ in 0..4 {
        View::of(house.address(), &body(false), PATIENCE).await;
    }
    let records = house.records(|records| records.len() == 4).await;
    let asked: u32 = records.iter().map(|record| record.attempts).sum();
    assert_eq!((vendor.ledger().begun(), asked), (1, 1), "{records:#?}");
    assert_eq!(records.iter().filter(|record| record.provider.is_some()).count(), 1);
    let stands = house.inner().control().gateway().standing("one").unwrap();
    assert_eq!(stands.failures_in_a_row, 0);
}
