//! Several of our gateways behind HAProxy: one leaves, and no call fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::caller::{Caller, ask};
use testkit::vendor::{Act, Answer, Seen};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::proxy::{Haproxy, Place, on_free_port, put};
use super::{FLEET, UPGRADE};
use crate::house::{CHAT_ANSWER, TestHouse, chat, chat_events, with};

const PATH: &str = "/v1/chat/completions";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn answers(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
}

/// The fleet file before these two gateways.
fn before(one: &TestHouse, two: &TestHouse) -> Haproxy {
    let config = put(&on_free_port(FLEET), "127.0.0.1:2031", &one.address().to_string());
    Place::new().run(&put(&config, "127.0.0.1:2032", &two.address().to_string()))
}

/// Callers without a pause, until told to stop; the statuses that were not 200.
fn callers(haproxy: &Haproxy, stop: &Arc<AtomicBool>) -> JoinSet<(usize, Vec<u16>)> {
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let (address, stop) = (haproxy.address, stop.clone());
        tasks.spawn(async move {
            let (mut asked, mut failed) = (0, Vec::new());
            while !stop.load(Ordering::Relaxed) {
                let status = ask(address, "POST", PATH, JSON, chat("gpt-4o", false)).await.status;
                asked += 1;
                failed.extend((status != 200).then_some(status));
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            (asked, failed)
        });
    }
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_drains_is_left_without_a_failed_call() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let streams = move |seen: &Seen| match seen.json()["stream"].as_bool() {
        Some(true) => {
            let events = chat_events(false);
            let first = Answer::events().send(events[..2].concat()).wait_for(&held);
            first.send(events[2..].concat()).into()
        }
        _ => answers(seen),
    };
    let ((first, one), (second, two)) = (with(streams.clone()).await, with(streams).await);
    let haproxy = before(&one, &two);
    let mut stream = Caller::connect(haproxy.address).await;
    let body = chat("gpt-4o", true);
    let length = body.len();
    let head = "host: localhost\r\ncontent-type: application/json";
    stream
        .send(format!("POST {PATH} HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}"))
        .await
        .unwrap();
    stream.wait_for_head().await.unwrap();
    // The one that has the stream is the one that leaves.
    let (leaving, name, staying) =
        if first.ledger().begun() == 1 { (&one, "gateway1", &second) } else { (&two, "gateway2", &first) };
    let stop = Arc::new(AtomicBool::new(false));
    let tasks = callers(&haproxy, &stop);
    let both = [first.ledger(), second.ledger()];
    for ledger in both {
        assert!(
            ledger.wait_for(|ledger| ledger.begun() > 100, Duration::from_secs(10)).await,
            "nobody calls"
        );
    }
    leaving.inner().drain();
    // It must be out while a stopping gateway still serves.
    haproxy.says(&format!("Server gateways/{name} is DOWN"), Duration::from_secs(5)).await;
    let known = staying.ledger().begun();
    // Past the five seconds in which a stopping gateway still answers.
    tokio::time::sleep(Duration::from_secs(6)).await;
    stop.store(true, Ordering::Relaxed);
    let results = tasks.join_all().await;
    let asked: usize = results.iter().map(|(asked, _)| asked).sum();
    let failed: Vec<u16> = results.into_iter().flat_map(|(_, failed)| failed).collect();
    assert!(asked > 500 && failed.is_empty(), "of {asked} calls failed: {failed:?}\n{}", haproxy.log());
    assert!(staying.ledger().begun() > known);
    go.notify_one();
    let answer = stream.read_answer().await;
    assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_gone_costs_no_call_even_before_it_is_missed() {
    let ((_first, one), (second, two)) = (with(answers).await, with(answers).await);
    let haproxy = before(&one, &two);
    drop(one);
    for number in 0..20 {
        let answer = ask(haproxy.address, "POST", PATH, JSON, chat("gpt-4o", false)).await;
        assert_eq!(answer.status, 200, "call {number}:\n{}", haproxy.log());
    }
    // Nothing was sent twice.
    assert_eq!(second.ledger().requests().iter().filter(|seen| seen.method == "POST").count(), 20);
    drop(two);
    let answer = ask(haproxy.address, "POST", PATH, JSON, chat("gpt-4o", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (503, Some("no_gateway")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_passes_and_health_is_nobodys_business() {
    let ((_first, one), (_second, two)) = (with(|_| Act::Upgrade).await, with(|_| Act::Upgrade).await);
    let haproxy = before(&one, &two);
    let mut caller = Caller::connect(haproxy.address).await;
    caller.send(UPGRADE).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 101);
    caller.send("both ways").await.unwrap();
    assert_eq!(caller.read_some().await.unwrap(), "both ways");
    for path in ["/readyz", "/livez", "/metrics"] {
        assert_eq!(ask(haproxy.address, "GET", path, &[], "").await.status, 404, "{path}");
    }
}
