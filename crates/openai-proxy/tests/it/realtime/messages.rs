//! What passes through a session, both ways.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Sessions, joined, next, timely};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_and_binary_pass_both_ways() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    let messages = [
        Message::text(r#"{"type":"session.update","text":"hé"}"#),
        Message::binary(vec![0_u8, 255, 13, 10, 13, 10]),
        Message::text(""),
    ];
    for message in &messages {
        caller.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut vendor).await.unwrap().unwrap(), *message);
        vendor.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut caller).await.unwrap().unwrap(), *message);
    }
    vendor.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(next(&mut caller).await.unwrap().unwrap(), Message::Ping("are you there".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_may_speak_first() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    for number in 0..100 {
        vendor.send(Message::text(format!("event {number}"))).await.unwrap();
    }
    for number in 0..100 {
        assert_eq!(next(&mut caller).await.unwrap().unwrap(), Message::text(format!("event {number}")));
    }
}

/// Thirty seconds of audio in one message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_two_megabytes_passes_both_ways() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    let audio = Message::text("QUJD".repeat(525_000));
    let (sent, got) = tokio::join!(caller.send(audio.clone()), next(&mut vendor));
    sent.unwrap();
    assert!(got.unwrap().unwrap() == audio);
    let (sent, got) = tokio::join!(vendor.send(audio.clone()), next(&mut caller));
    sent.unwrap();
    assert!(got.unwrap().unwrap() == audio);
}

fn farewell(reason: &'static str) -> CloseFrame {
    CloseFrame { code: CloseCode::Policy, reason: reason.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_passes_from_the_caller_to_the_vendor_and_back() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    caller.close(Some(farewell("that is all"))).await.unwrap();
    assert_eq!(next(&mut vendor).await.unwrap().unwrap(), Message::Close(Some(farewell("that is all"))));
    let (got, ()) = tokio::join!(next(&mut caller), timely(async { while vendor.next().await.is_some() {} }));
    assert!(matches!(got, Some(Ok(Message::Close(_)))), "{got:?}");
    drop(vendor);
    assert!(next(&mut caller).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_passes_from_the_vendor_to_the_caller_and_back() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    vendor.close(Some(farewell("session expired"))).await.unwrap();
    assert_eq!(next(&mut caller).await.unwrap().unwrap(), Message::Close(Some(farewell("session expired"))));
    // The library answers a close when it is asked for the next message; the vendor then lets go of the socket.
    let answered = async move { next(&mut vendor).await };
    let (end, answered) = tokio::join!(next(&mut caller), answered);
    assert!(matches!(answered, Some(Ok(Message::Close(_)))), "{answered:?}");
    assert!(end.is_none(), "{end:?}");
}
