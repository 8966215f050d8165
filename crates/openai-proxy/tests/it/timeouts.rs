//! Clocks: towards upstreams (connect, first byte, between bytes, total) and towards callers (head, body), and the one
//! replay after a stale connection (F-1 to F-7, F-15).
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::time::{Duration, Instant};

use store::usage_record::Outcome::Interrupted;
use testkit::caller::{Answer as Got, Caller, ask};
use testkit::vendor::{Act, Answer, Ending, Framing, Outcome, Seen, Setup, Step, Vendor};

use crate::chaos::places::black_hole;
use crate::house::{CHAT_ANSWER, ONCE, TestHouse, UPSTREAM_KEY, chat, chat_events};

/// How much later than its time something may happen.
const SLACK: u128 = 300;

fn house(vendor: &Vendor, timeouts: &str) -> TestHouse {
    at(&vendor.url(), timeouts)
}

/// One worker, so that the connection kept by one call is the one the next call takes.
fn at(url: &str, timeouts: &str) -> TestHouse {
    TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\nproviders: {{openai: {{base_url: \"{url}/v1\", api_key: {UPSTREAM_KEY}, timeouts: {{{timeouts}}}}}}}\n{ONCE}"
    ))
}

async fn ask_chat(house: &TestHouse, stream: bool) -> (Got, u128) {
    let begun = Instant::now();
    let json = [("content-type", "application/json")];
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &json, chat("gpt-4o", stream)).await;
    (answer, begun.elapsed().as_millis())
}

fn answers_chat(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
}

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

/// The vendor's side is closed, not kept and not forgotten.
async fn assert_closed(vendor: &Vendor) {
    assert!(
        vendor.ledger().wait_for(|ledger| ledger.open() == 0, Duration::from_secs(1)).await,
        "the vendor's connection is still open"
    );
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
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
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

// Stale connections

/// Calls over one kept connection of ours, so that they meet the same worker.
async fn twice(house: &TestHouse) -> (Got, Got) {
    let mut caller = Caller::connect(house.address()).await;
    let body = chat("gpt-4o", false);
    let ask = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        house.address(),
        body.len()
    );
    caller.send(&ask).await.unwrap();
    let first = caller.read_answer().await;
    caller.send(&ask).await.unwrap();
    (first, caller.read_answer().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_closed_while_idle_is_not_used_again() {
    let vendor = Vendor::start(|_| {
        Answer::plain(200, CHAT_ANSWER)
            .header("content-type", "application/json")
            .ending(Ending::CleanThenFin)
            .into()
    })
    .await;
    let house = house(&vendor, "");
    let (first, second) = twice(&house).await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!((vendor.ledger().accepted(), vendor.ledger().begun()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_closed_just_as_we_ask_is_replaced_once() {
    for stale in [Act::Close, Act::Reset] {
        let vendor =
            Vendor::start(move |seen| if seen.number == 2 { stale.clone() } else { answers_chat(seen) })
                .await;
        let house = house(&vendor, "");
        let (first, second) = twice(&house).await;
        assert_eq!((first.status, second.status, second.text()), (200, 200, CHAT_ANSWER.to_owned()));
        let requests = vendor.ledger().requests();
        let by_connection: Vec<_> = requests.iter().map(|seen| seen.connection).collect();
        assert_eq!(by_connection, [1, 1, 2]);
        assert_eq!(requests[1].body, requests[2].body);
        let records = house.records(|records| records.len() >= 2).await;
        assert_eq!(records.len(), 2, "the replay is no call of its own: {records:#?}");
        assert!(records.iter().all(|record| record.status == 200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_connection_that_is_closed_is_not_replayed() {
    for broken in [Act::Close, Act::Reset] {
        let vendor = Vendor::start(move |_| broken.clone()).await;
        let house = house(&vendor, "");
        let (answer, _) = ask_chat(&house, false).await;
        assert_eq!(
            (answer.status, answer.error_code().as_deref()),
            (502, Some("upstream_stream_interrupted"))
        );
        assert_eq!(vendor.ledger().begun(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_not_replayed() {
    let vendor = Vendor::start(|seen| if seen.number == 1 { answers_chat(seen) } else { Act::Close }).await;
    let house = house(&vendor, "");
    let (_, second) = twice(&house).await;
    assert_eq!((second.status, vendor.ledger().begun()), (502, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_had_begun_is_never_asked_for_again() {
    for begun in [
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\"",
    ] {
        let vendor =
            Vendor::start(
                move |seen| if seen.number == 2 { Act::raw(begun, Ending::Fin) } else { answers_chat(seen) },
            )
            .await;
        let house = house(&vendor, "");
        let (_, second) = twice(&house).await;
        assert_eq!((second.status, vendor.ledger().begun()), (502, 2), "{begun:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_flowed_is_not_sent_twice() {
    let vendor =
        Setup::new(|seen| if seen.number == 2 { Act::Close } else { answers_chat(seen) }).start().await;
    let house = house(&vendor, "");
    let mut caller = Caller::connect(house.address()).await;
    let upload = format!(
        "POST /v1/files HTTP/1.1\r\nhost: {}\r\ncontent-type: application/octet-stream\r\ncontent-length: 4\r\n\r\nfile",
        house.address()
    );
    caller.send(&upload).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 200);
    caller.send(&upload).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 502);
    assert_eq!(vendor.ledger().begun(), 2);
}

// Callers

fn patient(vendor: &Vendor, timeouts: &str) -> TestHouse {
    TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1, timeouts: {{{timeouts}}}}}\n{}",
        crate::house::provider(vendor)
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_comes_slowly_is_a_408() {
    let vendor = Vendor::start(answers_chat).await;
    let house = patient(&vendor, "headers: 300ms");
    let mut caller = Caller::connect(house.address()).await;
    let begun = Instant::now();
    let slowly = async {
        // Each byte comes in good time; the whole does not.
        for byte in "GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-slow: ".bytes() {
            if caller.send([byte]).await.is_err() || begun.elapsed() > Duration::from_millis(280) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        caller.read_answer().await
    };
    let answer = slowly.await;
    let took = begun.elapsed().as_millis();
    assert_eq!((answer.status, answer.error_code().as_deref()), (408, Some("request_timeout")));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!((300..300 + SLACK).contains(&took), "after {took} ms");
    assert_eq!(vendor.ledger().accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_says_nothing_is_let_go_without_a_word() {
    let vendor = Vendor::start(answers_chat).await;
    let house = patient(&vendor, "headers: 300ms, idle: 300ms");
    let mut silent = Caller::connect(house.address()).await;
    let begun = Instant::now();
    assert!(silent.read_to_close().await.unwrap().is_empty());
    let took = begun.elapsed().as_millis();
    assert!((290..300 + SLACK).contains(&took), "after {took} ms");
    assert!(house.records(|_| true).await.is_empty());
}

async fn half_a_body(house: &TestHouse, path: &str, kind: &str) -> (Got, u128) {
    let mut caller = Caller::connect(house.address()).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {kind}\r\ncontent-length: 5000\r\n\r\n{{\"model\":",
        house.address()
    );
    caller.send(head).await.unwrap();
    let begun = Instant::now();
    (caller.read_answer().await, begun.elapsed().as_millis())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_is_a_408() {
    let vendor = Vendor::start(answers_chat).await;
    let house = patient(&vendor, "body_gap: 300ms");
    let (answer, took) = half_a_body(&house, "/v1/chat/completions", "application/json").await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (408, Some("request_timeout")));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!((290..300 + SLACK).contains(&took), "after {took} ms");
    assert_eq!(vendor.ledger().accepted(), 0);
    let record = house.record().await;
    assert_eq!((record.status, record.attempts), (408, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_stops_is_a_408_and_lets_go_of_the_vendor() {
    let vendor = Vendor::start(answers_chat).await;
    let house = patient(&vendor, "body_gap: 300ms");
    let (answer, took) = half_a_body(&house, "/v1/files", "application/octet-stream").await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (408, Some("request_timeout")));
    assert!((290..300 + SLACK).contains(&took), "after {took} ms");
    assert_closed(&vendor).await;
    let record = house.record().await;
    assert_eq!((record.status, record.error.as_deref()), (408, Some("request_timeout")));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_kept_connection_is_closed_after_its_time() {
    let vendor = Vendor::start(answers_chat).await;
    let house = patient(&vendor, "headers: 5s, idle: 300ms");
    let mut caller = Caller::connect(house.address()).await;
    caller.send(format!("GET /livez HTTP/1.1\r\nhost: {}\r\n\r\n", house.address())).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 200);
    let begun = Instant::now();
    assert!(caller.read_to_close().await.unwrap().is_empty());
    let took = begun.elapsed().as_millis();
    assert!((290..300 + SLACK).contains(&took), "after {took} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_does_not_use_up_the_idle_time_after_it() {
    let slowly = || Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json");
    let vendor = Vendor::start(move |seen| {
        let head_late = vec![Step::Wait(Duration::from_millis(if seen.number == 1 { 500 } else { 0 }))];
        Act::Answer(Answer { steps: [head_late, slowly().steps].concat(), ..slowly() })
    })
    .await;
    let house = patient(&vendor, "headers: 300ms, idle: 300ms");
    let mut caller = Caller::connect(house.address()).await;
    let body = chat("gpt-4o", false);
    let ask = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        house.address(),
        body.len()
    );
    caller.send(&ask).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 200);
    // Well within the idle time after the answer.
    tokio::time::sleep(Duration::from_millis(100)).await;
    caller.send(&ask).await.unwrap();
    let second = caller.try_read_answer().await;
    assert!(second.as_ref().is_ok_and(|answer| answer.status == 200), "{second:?}");
}

/// A caller that stops reading stops the engine from asking for more, and so the answer's own clock: the connection has it
/// as well. What such a caller reads at last does not blame the vendor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_does_not_read_holds_its_call_no_longer_than_a_call_may_take() {
    let event = format!("data: {{\"choices\":[],\"x\":\"{}\"}}\n\n", "x".repeat(64 * 1024));
    let events = event.repeat(512);
    for (heartbeat, drip) in [("off", false), ("100ms", false), ("off", true)] {
        let text = events.clone();
        let late = Duration::from_millis(if heartbeat == "off" { 0 } else { 250 });
        let vendor = Vendor::start(move |_| {
            let head = "HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            let steps = [head.into(), text.clone().into()].map(Step::Send);
            Act::Raw([Step::Wait(late)].into_iter().chain(steps).collect(), Ending::Hang)
        })
        .await;
        let house = TestHouse::new(&format!(
            "server: {{listen: \"127.0.0.1:0\", workers: 1, heartbeat: {heartbeat}}}\nproviders: {{openai: {{base_url: \"{}/v1\", timeouts: {{total: 800ms}}}}}}\n",
            vendor.url()
        ));
        let body = chat("gpt-4o", true);
        let mut caller = Caller::connect(house.address()).await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let begun = Instant::now();
        caller.send(head + &body).await.unwrap();
        let mut ending = Vec::new();
        while drip && begun.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            match caller.read_some().await {
                Ok(piece) if !piece.is_empty() => ending = piece.to_vec(),
                _ => break,
            }
        }
        let record = house.record().await;
        let took = u128::from(record.duration_us / 1000);
        assert!((780..800 + SLACK).contains(&took), "heartbeat {heartbeat}, drip {drip}: after {took} ms");
        assert_eq!((record.status, record.error.as_deref()), (200, Some("upstream_timeout")));
        assert_eq!((record.outcome, house.inner().calls()), (Interrupted, 0));
        assert_closed(&vendor).await;
        ending.extend_from_slice(&caller.read_to_close().await.unwrap_or_default());
        let ending = String::from_utf8_lossy(&ending[ending.len().saturating_sub(4096)..]).into_owned();
        assert!(!ending.contains("upstream_stream_interrupted"), "{ending}");
    }
}
