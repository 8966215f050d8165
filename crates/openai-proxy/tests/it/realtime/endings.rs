//! How a session ends, and what is recorded of it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use testkit::caller::Caller;
use testkit::until::until;
use tokio_tungstenite::tungstenite::Message;

use super::{KEY, Sessions, Socket, connect, joined, knock_early, next};
use crate::house::TestHouse;

const SOON: Duration = Duration::from_secs(1);

/// Until the other side has let go, in whatever manner.
async fn ends(socket: &mut Socket) {
    let end = async { while socket.next().await.is_some_and(|got| got.is_ok()) {} };
    tokio::time::timeout(SOON, end).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_takes_the_vendors_socket_with_it() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    caller.send(Message::text("hello")).await.unwrap();
    next(&mut vendor).await.unwrap().unwrap();
    drop(caller);
    ends(&mut vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_leaves_takes_the_callers_socket_with_it() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    vendor.send(Message::text("hello")).await.unwrap();
    next(&mut caller).await.unwrap().unwrap();
    drop(vendor);
    ends(&mut caller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_resets_takes_the_vendors_socket_with_it() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let mut caller = Caller::connect(house.address()).await;
    caller.send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime")).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 101);
    let mut vendor = sessions.socket().await;
    caller.reset();
    ends(&mut vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_is_one_record() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("models: {voice: openai/gpt-realtime-2026}\n");
    for ends_first in ["caller", "vendor"] {
        let (mut caller, _) = connect(&house, "model=voice", &[KEY]).await.unwrap();
        let mut vendor = sessions.socket().await;
        caller.send(Message::text("hello")).await.unwrap();
        next(&mut vendor).await.unwrap().unwrap();
        if ends_first == "caller" {
            drop(caller);
            ends(&mut vendor).await;
        } else {
            drop(vendor);
            ends(&mut caller).await;
        }
    }
    let records = house.records(|records| records.len() >= 2).await;
    assert_eq!(records.len(), 2, "{records:#?}");
    for record in records {
        assert_eq!((record.status, &*record.operation, record.attempts), (101, "realtime", 1));
        assert_eq!(
            (record.model_asked.as_deref(), record.model_sent.as_deref()),
            (Some("voice"), Some("gpt-realtime-2026"))
        );
        assert_eq!((record.provider.as_deref(), record.error), (Some("openai"), None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_that_closes_ends_its_sessions() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    house.inner().close();
    ends(&mut caller).await;
    ends(&mut vendor).await;
}

/// What the session cost is known when it is over, and not when it begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_recorded_when_it_is_over() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    let began = std::time::Instant::now();
    caller.send(Message::text("a".repeat(1000))).await.unwrap();
    next(&mut vendor).await.unwrap().unwrap();
    vendor.send(Message::text("b".repeat(5000))).await.unwrap();
    next(&mut caller).await.unwrap().unwrap();
    assert!(house.inner().records().await.is_empty(), "a session that runs has no record yet");
    assert_eq!(house.inner().calls(), 1);
    let lasted = began.elapsed();
    drop(caller);
    ends(&mut vendor).await;
    let record = house.record().await;
    assert!(u128::from(record.duration_us) >= lasted.as_micros() / 2, "{record:?}");
    assert!(record.bytes_in >= 1000 && record.bytes_out >= 5000, "{record:?}");
    assert!(house.records(|records| records.len() == 1).await.len() == 1 && house.inner().calls() == 0);
}

/// Whether every session is over within a moment.
async fn quiet(house: &TestHouse) -> bool {
    until(SOON, async || house.inner().calls() == 0).await
}

/// A FIN means that its sender has left (D-33): a vendor that says nothing and holds on must not keep the session, and
/// with it a drain, alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_over_when_its_caller_has_left_whatever_the_vendor_does() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    caller.send(Message::text("hello")).await.unwrap();
    next(&mut vendor).await.unwrap().unwrap();
    assert!(house.inner().calls() > 0);
    drop(caller);
    assert!(quiet(&house).await, "the session goes on without its caller");
    drop(vendor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_over_when_its_vendor_has_left_whatever_the_caller_does() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    vendor.send(Message::text("hello")).await.unwrap();
    next(&mut caller).await.unwrap().unwrap();
    assert!(house.inner().calls() > 0);
    drop(vendor);
    assert!(quiet(&house).await, "the session goes on without its vendor");
    drop(caller);
}
