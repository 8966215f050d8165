//! A streamed answer, which is kept if it was complete.

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::caller::Answer;
use testkit::vendor::{self, Ending, Framing, Vendor};
use tokio::sync::Notify;

use super::{ADA, asks, events, last_heard, parrots, says, yaml};
use crate::house::TestHouse;

/// The id in the first event of a stream.
fn streamed_id(answer: &Answer) -> String {
    let (_, first) = answer.sse_events().into_iter().next().unwrap();
    serde_json::from_str::<Value>(&first).unwrap()["response"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_kept_when_it_is_complete_and_found_at_once() {
    let (vendor, house) = parrots("").await;
    for round in 0..20 {
        let first =
            says(&house, json!({"model": "m", "input": format!("one-{round}"), "stream": true})).await;
        let (name, data) = first.sse_events().pop().unwrap();
        assert_eq!(name, "response.completed", "{}", first.text());
        let done: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(
            (done["response"]["store"].as_bool(), done["response"]["id"].as_str()),
            (Some(true), Some(&*streamed_id(&first)))
        );
        let second = says(&house, json!({"model": "m", "input": "two", "stream": true, "previous_response_id": streamed_id(&first)})).await;
        assert_eq!(second.status, 200, "{}", second.text());
        assert_eq!(last_heard(&vendor), format!("user: one-{round} / assistant: one-{round}! / user: two"));
        let again =
            asks(house.address(), "GET", &format!("/v1/responses/{}", streamed_id(&first)), ADA, "").await;
        assert_eq!(again.json(), done["response"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_broke_is_not_kept() {
    let vendor = Vendor::start(|_| events("half", false)).await;
    let house = TestHouse::new(&yaml(&vendor, ""));
    let broken = says(&house, json!({"model": "m", "input": "one", "stream": true})).await;
    let (name, _) = broken.sse_events().pop().unwrap();
    assert_eq!(name, "error", "{}", broken.text());
    let path = format!("/v1/responses/{}", streamed_id(&broken));
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_left_in_the_middle_has_nothing_kept() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |_| {
        let first = r#"{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":"half"},"finish_reason":null}]}"#;
        vendor::Answer::events().framing(Framing::Chunked).event(first).wait_for(&held).ending(Ending::Hang).into()
    })
    .await;
    let house = TestHouse::new(&yaml(&vendor, ""));
    let mut caller = testkit::caller::Caller::connect(house.address()).await;
    let body = json!({"model": "m", "input": "one", "stream": true}).to_string();
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ADA}\r\ncontent-length: {}\r\n\r\n",
        house.address(),
        body.len()
    );
    caller.send(head + &body).await.unwrap();
    let mut read = String::new();
    while !read.contains("response.in_progress") {
        read.push_str(&String::from_utf8_lossy(&caller.read_some().await.unwrap()));
    }
    let id = read.split("resp_op").nth(1).map(|rest| format!("resp_op{}", &rest[..32])).unwrap();
    caller.reset();
    let records = house.records(|records| !records.is_empty()).await;
    assert_eq!(records[0].status, 200);
    assert_eq!(asks(house.address(), "GET", &format!("/v1/responses/{id}"), ADA, "").await.status, 404);
}
