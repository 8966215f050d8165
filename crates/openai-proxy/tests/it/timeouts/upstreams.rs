//! Upstreams that do not accept, answer, go on or end in time.

use std::time::Duration;

use testkit::caller::{Answer as Got, Caller, ask};
use testkit::vendor::{Act, Answer, Ending, Framing, Outcome, Step, Vendor};

use super::{SLACK, ask_chat, assert_closed, at, house};
use crate::chaos::places::black_hole;
use crate::house::{CHAT_ANSWER, chat, chat_events};

fn assert_timed_out(answer: &Got, took: u128, timeout: u128) {
    assert_eq!(
        (answer.status, answer.error_code().as_deref()),
        (504, Some("upstream_timeout")),
        "{}",
        answer.text()
    );
    assert!((timeout..timeout + SLACK).contains(&took), "after {took} ms");
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_does_not_accept_connections_is_given_up_in_time() {
    let place = black_hole().await;
    let house = at(&place.url, "connect: 300ms");
    let (answer, took) = ask_chat(&house, false).await;
    assert_timed_out(&answer, took, 300);
    let record = house.record().await;
    assert_eq!((record.status, record.error.as_deref(), record.attempts), (504, Some("upstream_timeout"), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_refuses_is_told_at_once() {
    let nobody = testkit::nobody::Nobody::new();
    let closed = nobody.address();
    let house = at(&format!("http://{closed}"), "connect: 5s");
    let (answer, took) = ask_chat(&house, false).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (502, Some("upstream_unreachable")));
    assert!(took < SLACK, "after {took} ms");
    assert!(
        !answer.text().contains("127.0.0.1") && !answer.text().contains(&closed.port().to_string()),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_never_begins_to_answer_is_given_up_in_time() {
    for stream in [false, true] {
        let vendor = Vendor::start(|_| Act::Hang).await;
        let house = house(&vendor, "first_byte: 300ms");
        let (answer, took) = ask_chat(&house, stream).await;
        assert_timed_out(&answer, took, 300);
        assert_closed(&vendor).await;
        assert_eq!(vendor.ledger().count(Outcome::PeerClosed), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_comes_in_drops_is_given_up_in_time() {
    let drops = || {
        b"HTTP/1.1 200 OK\r\nx: aaaaaaaaaaaaaaaaaaaaaaaa"
            .chunks(1)
            .flat_map(|byte| [Step::Send(byte.to_vec().into()), Step::Wait(Duration::from_millis(50))])
            .collect()
    };
    let vendor = Vendor::start(move |_| Act::Raw(drops(), Ending::Hang)).await;
    let house = house(&vendor, "first_byte: 300ms");
    let (answer, took) = ask_chat(&house, false).await;
    assert_timed_out(&answer, took, 300);
    assert_closed(&vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_answer_that_stops_is_a_504() {
    let half = &CHAT_ANSWER.as_bytes()[..40];
    for framing in [Framing::Claimed(CHAT_ANSWER.len() as u64), Framing::Chunked, Framing::Close] {
        let vendor = Vendor::start(move |_| {
            Answer::plain(200, half)
                .header("content-type", "application/json")
                .framing(framing)
                .ending(Ending::Hang)
                .into()
        })
        .await;
        let house = house(&vendor, "between_bytes: 300ms");
        let (answer, took) = ask_chat(&house, false).await;
        assert_timed_out(&answer, took, 300);
        assert_closed(&vendor).await;
        let record = house.record().await;
        assert_eq!((record.status, record.tokens), (504, None));
    }
}

/// The events a caller reads: all that came, and at the end one error and no `[DONE]` (D-18).
fn assert_ends_in_one_error(answer: &Got, before: usize) {
    assert_eq!(answer.status, 200);
    assert!(answer.complete, "the chunks end properly: {:?}", answer.text());
    let events = answer.sse_events();
    assert_eq!(events.len(), before + 1, "{events:?}");
    let errors: Vec<_> = events.iter().filter(|(_, data)| data.contains("\"error\"")).collect();
    assert_eq!(errors.len(), 1, "{events:?}");
    let last: serde_json::Value = serde_json::from_str(&events[before].1).unwrap();
    assert_eq!(last["error"]["code"], "upstream_timeout");
    assert!(!answer.text().contains("[DONE]") && !answer.text().contains("finish_reason\":\"stop"));
}

fn begins(events: usize) -> Answer {
    chat_events(false).into_iter().take(events).fold(Answer::events(), Answer::send)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_stops_ends_with_one_error_event() {
    let vendor = Vendor::start(|_| begins(2).ending(Ending::Hang).into()).await;
    let house = house(&vendor, "between_bytes: 300ms");
    let (answer, took) = ask_chat(&house, true).await;
    assert_ends_in_one_error(&answer, 2);
    assert!((300..300 + SLACK).contains(&took), "after {took} ms");
    assert_closed(&vendor).await;
    let record = house.record().await;
    assert_eq!(
        (record.status, record.outcome.label(), record.error.as_deref()),
        (200, "interrupted", Some("upstream_timeout"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_stops_within_an_event_ends_with_an_error_that_can_be_read() {
    let vendor =
        Vendor::start(|_| begins(2).send("data: {\"id\":\"c1\",\"choi").ending(Ending::Hang).into()).await;
    let house = house(&vendor, "between_bytes: 300ms");
    let asks_usage =
        r#"{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
    for body in [chat("gpt-4o", true), asks_usage.to_owned()] {
        let answer = ask(
            house.address(),
            "POST",
            "/v1/chat/completions",
            &[("content-type", "application/json")],
            body,
        )
        .await;
        let events = answer.sse_events();
        let last: serde_json::Value = serde_json::from_str(&events.last().unwrap().1).unwrap();
        assert_eq!(last["error"]["code"], "upstream_timeout", "{events:?}");
        assert!(answer.complete && !answer.text().contains("[DONE]"));
    }
    assert_closed(&vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_named_events_ends_with_a_named_error() {
    let said = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n";
    let vendor = Vendor::start(move |_| Answer::events().send(said).ending(Ending::Hang).into()).await;
    let house = house(&vendor, "between_bytes: 300ms");
    let body = r#"{"model":"gpt-4o","stream":true,"input":"hi"}"#;
    let answer =
        ask(house.address(), "POST", "/v1/responses", &[("content-type", "application/json")], body).await;
    let events = answer.sse_events();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1].0, "error");
    let error: serde_json::Value = serde_json::from_str(&events[1].1).unwrap();
    assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some("error"), Some("upstream_timeout")));
    assert!(answer.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_stream_that_goes_on_is_never_cut() {
    let slowly = || {
        chat_events(false)
            .into_iter()
            .fold(Answer::events(), |answer, event| answer.wait(Duration::from_millis(150)).send(event))
    };
    let vendor = Vendor::start(move |_| slowly().into()).await;
    let house = house(&vendor, "first_byte: 400ms, between_bytes: 300ms");
    let (answer, took) = ask_chat(&house, true).await;
    assert!(
        answer.complete && answer.text().ends_with("data: [DONE]\n\n") && took >= 600,
        "{took} ms: {}",
        answer.text()
    );
    assert_eq!(house.record().await.outcome.label(), "answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_never_ends_is_ended_by_the_total() {
    let drips = || {
        (0..100).fold(begins(2), |answer, _| answer.wait(Duration::from_millis(50)).send(": still here\n\n"))
    };
    let vendor = Vendor::start(move |_| drips().into()).await;
    let house = house(&vendor, "between_bytes: 300ms, total: 400ms");
    let (answer, took) = ask_chat(&house, true).await;
    assert_ends_in_one_error(&answer, 2);
    assert!((400..400 + SLACK).contains(&took), "after {took} ms");
    assert_closed(&vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binary_answer_that_stops_does_not_look_complete() {
    for framing in [Framing::Claimed(5000), Framing::Chunked] {
        let vendor = Vendor::start(move |_| {
            Answer::plain(200, vec![7_u8; 1000])
                .header("content-type", "audio/mpeg")
                .framing(framing)
                .ending(Ending::Hang)
                .into()
        })
        .await;
        let house = house(&vendor, "between_bytes: 300ms");
        let body = r#"{"model":"tts-1","input":"hi","voice":"alloy"}"#;
        let answer =
            ask(house.address(), "POST", "/v1/audio/speech", &[("content-type", "application/json")], body)
                .await;
        assert_eq!((answer.status, answer.body.len(), answer.complete), (200, 1000, false));
        assert_closed(&vendor).await;
        assert_eq!(house.record().await.outcome.label(), "interrupted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_upload_is_not_mistaken_for_a_silent_upstream() {
    let vendor = Vendor::start(|_| Act::json(200, &serde_json::json!({"id": "file-1"}))).await;
    let house = house(&vendor, "first_byte: 200ms");
    let mut caller = Caller::connect(house.address()).await;
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: {}\r\ncontent-type: application/octet-stream\r\ncontent-length: 8\r\n\r\n",
        house.address()
    );
    caller.send(head).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        caller.send("x").await.unwrap();
    }
    assert_eq!(caller.read_answer().await.status, 200);
}

/// F-7: what comes in drops holds a caller no longer than the whole may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_answer_in_drops_is_ended_by_the_total() {
    let drips = || {
        (0..40).fold(Answer::stream(200).header("content-type", "application/json"), |answer, _| {
            answer.wait(Duration::from_millis(50)).send(" ")
        })
    };
    let vendor = Vendor::start(move |_| drips().send(CHAT_ANSWER).into()).await;
    let house = house(&vendor, "between_bytes: 300ms, total: 400ms");
    let (answer, took) = ask_chat(&house, false).await;
    assert_timed_out(&answer, took, 400);
    assert_closed(&vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_total_holds_before_the_first_byte_too() {
    let vendor = Vendor::start(|_| Act::Hang).await;
    let house = house(&vendor, "first_byte: 5s, total: 300ms");
    let (answer, took) = ask_chat(&house, false).await;
    assert_timed_out(&answer, took, 300);
    assert_closed(&vendor).await;
}
