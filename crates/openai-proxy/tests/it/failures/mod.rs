//! What vendors refuse with, and what is done about it: who is asked again, who else, which key, and what the caller hears.

mod blame;
mod hints;
mod keys;

use std::time::Duration;

use testkit::failing::{Pace, well};
use testkit::vendor::{Answer, Vendor};
use testkit::view::View;
use tokio::task::JoinSet;

use crate::house::{TestHouse, UPSTREAM_KEY};

const PATIENCE: Duration = Duration::from_secs(30);

/// A vendor's error.
fn error(status: u16, code: &str, say: &str) -> Answer {
    let body = serde_json::json!({"error": {"message": say, "type": "invalid_request_error", "param": null, "code": code}});
    Answer::plain(status, body.to_string()).header("content-type", "application/json")
}

fn body(prefill: bool) -> String {
    let last = if prefill { r#",{"role":"assistant","content":"Every morning"}"# } else { "" };
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}{last}]}}"#)
}

/// A house before one place, or before two in this order.
fn house(vendors: &[&Vendor]) -> TestHouse {
    let line = |name: &str, vendor: &Vendor| {
        format!(
            "  {name}: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\n",
            vendor.url()
        )
    };
    let lines: String = vendors.iter().zip(["one", "two"]).map(|(vendor, name)| line(name, vendor)).collect();
    let uses = if vendors.len() == 1 { "one/m" } else { "one/m, two/m" };
    TestHouse::new(&format!("providers:\n{lines}models: {{m: {{use: [{uses}]}}}}\n"))
}

async fn always(answer: Answer) -> Vendor {
    Vendor::start(move |_| answer.clone().into()).await
}

/// What a caller has of a refusal by the first of two places.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Has {
    /// The second place's answer.
    Answer,
    /// The first place's own words.
    TheirWords,
    /// Either: nobody knows whether the second place has more room.
    Either,
}

struct Row {
    what: &'static str,
    answer: Answer,
    has: Has,
    /// How often the first place may be asked.
    tries: std::ops::RangeInclusive<usize>,
}

fn rows() -> Vec<Row> {
    let row = |what, answer, has, tries| Row { what, answer, has, tries };
    let too_long =
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.";
    vec![
        row("500", error(500, "server_error", "bad day"), Has::Answer, 2..=4),
        row("502", error(502, "bad_gateway", "bad day"), Has::Answer, 2..=4),
        row("503", error(503, "away", "bad day"), Has::Answer, 2..=4),
        row("504", error(504, "late", "bad day"), Has::Answer, 1..=4),
        row("529", error(529, "overloaded_error", "Overloaded"), Has::Answer, 1..=4),
        row("429", error(429, "rate_limit_exceeded", "Rate limit reached"), Has::Answer, 1..=4),
        row(
            "429, a minute",
            error(429, "rate_limit_exceeded", "wait").header("retry-after", "60"),
            Has::Answer,
            1..=1,
        ),
        row(
            "429, no quota",
            error(429, "insufficient_quota", "You exceeded your current quota"),
            Has::Answer,
            1..=1,
        ),
        row("402", error(402, "payment_required", "Insufficient credits"), Has::Answer, 1..=1),
        row("401", error(401, "invalid_api_key", "Incorrect API key"), Has::Answer, 1..=1),
        row("403", error(403, "permission_denied", "no access"), Has::Answer, 1..=1),
        row("400, too long", error(400, "context_length_exceeded", too_long), Has::Either, 1..=1),
        row("500, too long", error(500, "context_length_exceeded", too_long), Has::Either, 1..=1),
        row(
            "400, policy",
            error(400, "content_policy_violation", "rejected by our safety system"),
            Has::TheirWords,
            1..=1,
        ),
        row("400, filtered", error(400, "content_filter", "filtered"), Has::TheirWords, 1..=1),
        row("400", error(400, "invalid_value", "Invalid value for 'n'"), Has::TheirWords, 1..=1),
        row("422", error(422, "unprocessable", "no"), Has::TheirWords, 1..=1),
        row(
            "404, no such model",
            error(404, "model_not_found", "The model `m` does not exist"),
            Has::Answer,
            1..=1,
        ),
    ]
}

/// What is wrong with how this row went.
async fn went(row: Row) -> Option<String> {
    let (one, two) =
        (always(row.answer.clone()).await, Vendor::start(|seen| well(seen, Pace::AT_ONCE)).await);
    let house = house(&[&one, &two]);
    let view = View::of(house.address(), &body(false), PATIENCE).await;
    let (tries, others) = (one.ledger().begun(), two.ledger().begun());
    let theirs = view.status == row.answer.status
        && view.errors.first().is_some_and(|error| {
            let own: serde_json::Value = serde_json::from_slice(&row.answer.body()).unwrap();
            *error == own["error"]
        });
    let has = match row.has {
        Has::Answer => view.is_whole() && others == 1,
        Has::TheirWords => theirs && others == 0,
        Has::Either => view.is_whole() || theirs,
    };
    let well = has && row.tries.contains(&tries);
    (!well).then(|| {
        format!("{}: {tries} tries, then {others} elsewhere; {:?} was due, and {view:?}", row.what, row.has)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_its_consequence() {
    let going: JoinSet<_> = rows().into_iter().map(went).collect();
    let wrong: Vec<String> = going.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A caller's own prefill goes where it is taken, and a place that takes none is not asked with one again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefill_goes_to_a_place_that_takes_it() {
    let refuses = error(
        400,
        "",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    );
    let (one, two) = (always(refuses).await, Vendor::start(|seen| well(seen, Pace::AT_ONCE)).await);
    let house = house(&[&one, &two]);
    for _ in 0..3 {
        let view = View::of(house.address(), &body(true), PATIENCE).await;
        assert_eq!((view.status, view.text.starts_with(" seven")), (200, true), "{view:?}");
    }
    assert_eq!(one.ledger().begun(), 1, "what it said is remembered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_all_places_refuse_is_told_as_the_last_one_said_it() {
    for status in [500, 502, 503, 529] {
        let one = always(error(status, "first", "the first place's bad day")).await;
        let two = always(error(status, "second", "the second place's bad day")).await;
        let house = house(&[&one, &two]);
        let view = View::of(house.address(), &body(false), PATIENCE).await;
        assert_eq!((view.status, view.error_code()), (status, Some("second")), "{view:?}");
        assert!(one.ledger().begun() >= 1 && two.ledger().begun() >= 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_places_are_limited_the_smallest_wait_is_told() {
    let limited = |wait: &str| error(429, "rate_limit_exceeded", "slow down").header("retry-after", wait);
    let (one, two) = (always(limited("300")).await, always(limited("40")).await);
    let house = house(&[&one, &two]);
    // The first call finds it out; whoever comes after it is told without anybody being asked.
    for call in 0..3 {
        let view = View::of(house.address(), &body(false), PATIENCE).await;
        let wait: u64 = view.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap_or_default();
        assert_eq!(view.status, 429, "call {call}: {view:?}");
        assert!((30..=40).contains(&wait), "call {call}: {wait} s");
    }
    assert_eq!((one.ledger().begun(), two.ledger().begun()), (1, 1));
}
