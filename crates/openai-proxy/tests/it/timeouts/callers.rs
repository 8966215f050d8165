//! Callers that are slow, silent, or do not read.

use std::time::{Duration, Instant};

use store::usage_record::Outcome::Interrupted;
use testkit::caller::{Answer as Got, Caller};
use testkit::vendor::{Act, Answer, Ending, Step, Vendor};

use super::{SLACK, answers_chat, assert_closed, plain_chat};
use crate::house::{CHAT_ANSWER, TestHouse, chat};

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
    let ask = plain_chat(&house);
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
