//! Threads: each with connections of its own, or all with the same; and who shares one with a busy neighbour.

use std::time::Duration;

use testkit::caller::ask;
use testkit::vendor::{Act, Answer, Seen, Vendor};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat};
use crate::http2::{Door, post};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn answers_chat(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_share_keep_one_connection_for_callers_who_come_one_by_one() {
    let vendor = Vendor::start(answers_chat).await;
    let house = TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 3, shared_workers: on}}\nproviders: {{openai: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}}}\n",
        vendor.url()
    ));
    for _ in 0..30 {
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &JSON, chat("gpt-4o", false)).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!((vendor.ledger().requests().len(), vendor.ledger().accepted()), (30, 1));
}

/// A thread that has a caller of many calls at once goes on serving those who came to it as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_a_hundred_calls_at_once_does_not_hold_up_its_neighbours() {
    static BUSY: Notify = Notify::const_new();
    let endless = |seen: &Seen| match seen.body.windows(4).any(|four| four == b"busy") {
        true => {
            BUSY.notify_one();
            let piece = format!("data: {{\"choices\":[],\"x\":\"{}\"}}\n\n", "x".repeat(16 * 1024));
            (0..200).fold(Answer::events(), |answer, _| answer.send(piece.clone())).into()
        }
        false => answers_chat(seen),
    };
    let door = Door::with("workers: 1", endless).await;
    let (sender, _driven) = door.h2().await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let mut sender = sender.clone().ready().await.unwrap();
        let body = chat("busy", true);
        let (answer, mut out) = sender.send_request(post(&body), false).unwrap();
        out.send_data(body.into(), true).unwrap();
        calls.spawn(async move {
            let mut body = answer.await.unwrap().into_body();
            while let Some(Ok(piece)) = body.data().await {
                let _ = body.flow_control().release_capacity(piece.len());
            }
        });
    }
    tokio::time::timeout(Duration::from_secs(5), BUSY.notified()).await.expect("the busy caller is served");
    let (mut neighbour, _driven) = door.h2().await;
    for _ in 0..20 {
        let body = chat("gpt-4o", false);
        let (answer, mut out) = neighbour.send_request(post(&body), false).unwrap();
        out.send_data(body.into(), true).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
        assert_eq!(answer.unwrap().unwrap().status(), 200);
        neighbour = neighbour.ready().await.unwrap();
    }
    drop(calls);
}
