//! The vendors on their bad days do what their scenarios say, and the fallback goes on where a prefill ends.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use testkit::failing::{Case, Pace, Pair, Scenario, TEXT, same};
use testkit::vendor::Vendor;
use testkit::view::{Ended, View};

const PATIENCE: Duration = Duration::from_millis(600);

fn addr(vendor: &Vendor) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], vendor.port()))
}

fn body(model: &str, said: Option<Value>) -> String {
    let mut messages = vec![json!({"role": "user", "content": "hi"})];
    messages.extend(said.map(|said| json!({"role": "assistant", "content": said})));
    json!({"model": model, "stream": true, "stream_options": {"include_usage": true}, "messages": messages})
        .to_string()
}

async fn ask(vendor: &Vendor, case: impl Into<Case>) -> View {
    View::of(addr(vendor), &body(&case.into().model(), None), PATIENCE).await
}

fn words(view: &View) -> usize {
    view.text.split_whitespace().count()
}

#[tokio::test]
async fn what_goes_wrong_once_is_well_the_second_time() {
    let pair = Pair::start(Pace::HURRIED).await;
    for (scenario, status, ended) in [
        (Scenario::LimitedOnce, 429, Ended::Whole),
        (Scenario::BrokenOnce, 500, Ended::Whole),
        (Scenario::ResetOnce, 0, Ended::Cut),
    ] {
        let first = ask(&pair.primary, scenario).await;
        assert_eq!((first.status, first.ended), (status, ended), "{scenario:?}");
        assert!(ask(&pair.primary, scenario).await.is_whole(), "{scenario:?}");
        assert_eq!(pair.primary_tries(scenario.into()).len(), 2);
    }
}

#[tokio::test]
async fn what_goes_wrong_for_ever_does_not_get_well() {
    let pair = Pair::start(Pace::HURRIED).await;
    for (scenario, status, code) in [
        (Scenario::Limited, 429, "rate_limit_exceeded"),
        (Scenario::Away, 503, "service_unavailable"),
        (Scenario::TooLong, 400, "context_length_exceeded"),
        (Scenario::Forbidden, 400, "content_policy_violation"),
        (Scenario::Named, 503, "service_unavailable"),
    ] {
        for _ in 0..2 {
            let view = ask(&pair.primary, scenario).await;
            assert_eq!((view.status, view.error_code()), (status, Some(code)), "{scenario:?}");
            assert_eq!(view.header("retry-after"), None);
        }
    }
}

#[tokio::test]
async fn streams_break_where_they_are_said_to() {
    let pair = Pair::start(Pace::HURRIED).await;
    for (case, said, ended) in [
        (("", Scenario::Silent), 0, Ended::Never),
        (("", Scenario::Late), 0, Ended::Never),
        (("role", Scenario::Late), 0, Ended::Never),
        (("", Scenario::Cut), 40, Ended::Whole),
        (("fin", Scenario::Cut), 40, Ended::Cut),
        (("rst", Scenario::Cut), 40, Ended::Cut),
        (("early", Scenario::Cut), 1, Ended::Whole),
        (("", Scenario::Stalled), 20, Ended::Never),
        (("half", Scenario::Stalled), 20, Ended::Never),
        (("", Scenario::CutAndNoPrefill), 40, Ended::Whole),
    ] {
        let (clothes, scenario) = case;
        let view = ask(&pair.primary, Case { scenario, clothes }).await;
        assert_eq!((words(&view), view.ended), (said, ended), "{scenario:?} {clothes}");
        assert_eq!((view.finish.len(), view.done, view.usage.len()), (0, 0, 0), "{scenario:?} {clothes}");
    }
}

#[tokio::test]
async fn one_event_is_no_json_and_all_is_said() {
    let pair = Pair::start(Pace::HURRIED).await;
    let view = ask(&pair.primary, Scenario::Garbled).await;
    assert!(same(&view.text) && !view.is_whole(), "{view:?}");
    assert_eq!((view.malformed.len(), view.done, view.usage.len()), (1, 1, 1));
}

#[tokio::test]
async fn all_is_said_and_nothing_ends() {
    let pair = Pair::start(Pace::HURRIED).await;
    let view = ask(&pair.primary, Scenario::NoDone).await;
    assert!(same(&view.text));
    assert_eq!((view.ended, view.finish.len(), view.usage.len(), view.done), (Ended::Never, 1, 1, 0));
}

#[tokio::test]
async fn an_outage_begins_with_the_first_try_and_ends() {
    let pair = Pair::start(Pace { outage: Duration::from_millis(200), ..Pace::HURRIED }).await;
    assert_eq!(ask(&pair.primary, Scenario::Outage).await.status, 503);
    let first = pair.primary_tries(Scenario::Outage.into())[0].begun;
    tokio::time::sleep_until(tokio::time::Instant::from_std(first + Duration::from_millis(250))).await;
    assert!(ask(&pair.primary, Scenario::Outage).await.is_whole());
}

#[tokio::test]
async fn the_fallback_goes_on_exactly_where_a_prefill_ends() {
    let pair = Pair::start(Pace { token: Duration::ZERO, ..Pace::HURRIED }).await;
    let spare = Case::from(Scenario::Cut).spare();
    for at in [0, 1, 5, 6, 100, TEXT.len() - 1, TEXT.len()] {
        for said in [json!(TEXT[..at]), json!([{"type": "text", "text": TEXT[..at]}])] {
            let view = View::of(addr(&pair.fallback), &body(&spare, Some(said)), PATIENCE).await;
            assert_eq!(view.text, TEXT[at..]);
            assert_eq!(
                (view.done, view.finish.len(), view.models.as_slice()),
                (1, 1, [spare.clone()].as_slice())
            );
        }
    }
    let view = View::of(addr(&pair.fallback), &body(&spare, Some(json!("Once upon"))), PATIENCE).await;
    assert!(!TEXT.contains(&view.text), "what is no beginning of the text is not gone on from");
}

#[tokio::test]
async fn a_fallback_without_prefill_says_so_and_answers_from_the_start() {
    let pair = Pair::start(Pace::HURRIED).await;
    let case = Case::from(Scenario::CutAndNoPrefill);
    let view = View::of(addr(&pair.fallback), &body(&case.spare(), Some(json!("Every"))), PATIENCE).await;
    assert_eq!(view.status, 400);
    assert!(view.errors[0]["message"].as_str().unwrap().contains("prefill"));
    assert!(View::of(addr(&pair.fallback), &body(&case.spare(), None), PATIENCE).await.is_whole());
    assert_eq!(pair.fallback_tries(case).len(), 2);
}

#[tokio::test]
async fn a_fallback_that_makes_nothing_of_a_prefill_answers_from_the_start() {
    let pair = Pair::start(Pace::HURRIED).await;
    let spare = Case { scenario: Scenario::Cut, clothes: "anew" }.spare();
    let view = View::of(addr(&pair.fallback), &body(&spare, Some(json!("Every morning"))), PATIENCE).await;
    assert!(view.is_whole(), "{view:?}");
}
