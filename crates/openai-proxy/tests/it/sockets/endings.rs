//! How a WebSocket ends: by either side, by silence, and by what is no message.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use testkit::caller::PATIENCE;
use testkit::vendor::{self, Framing, Vendor};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::{COMPLETED, CREATED, answer, closed, event, message, open, send, straight, streams, timely};
use crate::house::{TestHouse, provider};

/// The first half of an answer, and nothing more until then.
fn half(then: &Arc<Notify>) -> vendor::Answer {
    let delta = r#"{"type":"response.output_text.delta","delta":"half"}"#;
    vendor::Answer::events()
        .framing(Framing::Chunked)
        .send(format!(
            "event: response.created\ndata: {CREATED}\n\nevent: response.output_text.delta\ndata: {delta}\n\n"
        ))
        .wait_for(then)
}

/// A caller closes it, and is answered by the same code before the connection ends (RFC 6455, 5.5.1).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_closes_it_is_answered_by_its_own_code() {
    let (_vendor, house) = straight("").await;
    for code in [Some(CloseCode::Normal), Some(CloseCode::Away), Some(CloseCode::Library(4321)), None] {
        let mut socket = open(&house).await;
        send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "hi"})).await;
        answer(&mut socket).await;
        let farewell = code.map(|code| CloseFrame { code, reason: "that is all".into() });
        timely(socket.close(farewell)).await.unwrap();
        let told = message(&mut socket).await;
        let Some(Message::Close(frame)) = told else { panic!("{code:?}: {told:?}") };
        assert_eq!(frame.map(|frame| frame.code), code);
        assert!(timely(socket.next()).await.is_none(), "{code:?}: the connection does not end cleanly");
    }
    let records = house.records(|records| records.len() == 8).await;
    assert_eq!(records.iter().filter(|record| record.status == 101).count(), 4, "{records:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_has_its_answer_ended() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |_| half(&held).into()).await;
    let house = TestHouse::before(&vendor);
    let mut socket = open(&house).await;
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "hi"})).await;
    assert_eq!(event(&mut socket).await["type"], "response.created");
    drop(socket);
    let records = house.records(|records| records.len() == 2).await;
    assert!(
        records.iter().any(|record| record.outcome == store::usage_record::Outcome::CallerLeft),
        "{records:#?}"
    );
    assert!(
        vendor.ledger().wait_for(|ledger| ledger.open() == 0, PATIENCE).await,
        "the upstream hears of it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_that_drains_lets_an_answer_end_and_says_goodbye() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |_| {
        half(&held).send(format!("event: response.completed\ndata: {COMPLETED}\n\n")).into()
    })
    .await;
    let house = TestHouse::before(&vendor);
    let (mut busy, mut idle) = (open(&house).await, open(&house).await);
    send(&mut busy, json!({"type": "response.create", "model": "gpt-4o", "input": "hi"})).await;
    assert_eq!(event(&mut busy).await["type"], "response.created");
    house.inner().drain();
    assert_eq!(closed(&mut idle).await, Some(CloseCode::Away));
    go.notify_one();
    assert_eq!(answer(&mut busy).await.last().unwrap()["type"], "response.completed");
    assert_eq!(closed(&mut busy).await, Some(CloseCode::Away));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_caller_is_pinged_and_one_that_does_not_answer_is_let_go() {
    let vendor = Vendor::start(streams).await;
    let short = "server: {listen: \"127.0.0.1:0\", workers: 1, timeouts: {idle: 3s}}\n";
    let house = TestHouse::new(&format!("{short}{}", provider(&vendor)));
    let mut socket = open(&house).await;
    let ping = timely(async {
        loop {
            if let Some(Ok(Message::Ping(_))) = socket.next().await {
                return;
            }
        }
    });
    ping.await;
    // The library answers pings while it is read. Not read for longer than that, it is gone.
    let records = house.records(|records| !records.is_empty()).await;
    assert_eq!(records[0].status, 101);
    while let Some(Ok(_)) = timely(socket.next()).await {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_pings_and_reads_nothing_is_let_go() {
    let vendor = Vendor::start(streams).await;
    let short = "server: {listen: \"127.0.0.1:0\", workers: 1, timeouts: {body_gap: 1s}}\n";
    let house = TestHouse::new(&format!("{short}{}", provider(&vendor)));
    let mut socket = open(&house).await;
    while timely(socket.send(Message::Ping(vec![7; 125].into()))).await.is_ok() {}
    let records = house.records(|records| !records.is_empty()).await;
    assert_eq!(records[0].status, 101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_of_a_message_comes_before_long() {
    let vendor = Vendor::start(streams).await;
    let short = "server: {listen: \"127.0.0.1:0\", workers: 1, timeouts: {body_gap: 2s}}\n";
    let house = TestHouse::new(&format!("{short}{}", provider(&vendor)));
    let mut socket = open(&house).await;
    let part =
        |text: &'static str, kind, last| Message::Frame(Frame::message(text, OpCode::Data(kind), last));
    let begins = part(r#"{"type":"response.create","model":"gpt-4o","#, Data::Text, false);
    timely(socket.send(begins.clone())).await.unwrap();
    timely(socket.send(Message::Ping(Bytes::new()))).await.unwrap();
    timely(socket.send(part(r#""input":"x"}"#, Data::Continue, true))).await.unwrap();
    assert_eq!(answer(&mut socket).await.last().unwrap()["type"], "response.completed");
    timely(socket.send(begins)).await.unwrap();
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Policy));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_larger_than_a_body_closes_it() {
    let vendor = Vendor::start(streams).await;
    let small = "server: {listen: \"127.0.0.1:0\", workers: 1, limits: {body: 64KiB}}\n";
    let house = TestHouse::new(&format!("{small}{}", provider(&vendor)));
    let mut socket = open(&house).await;
    let large = json!({"type": "response.create", "model": "gpt-4o", "input": "x".repeat(80_000)});
    let _ = timely(socket.send(Message::text(large.to_string()))).await;
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Size));
    assert_eq!(vendor.ledger().requests().len(), 0);
}
