//! Kept connections that the other side has closed meanwhile.

use testkit::caller::{Answer as Got, Caller};
use testkit::vendor::{Act, Answer, Ending, Setup, Vendor};

use super::{answers_chat, ask_chat, house, plain_chat};
use crate::house::{CHAT_ANSWER, TestHouse};

/// Calls over one kept connection of ours, so that they meet the same worker.
async fn twice(house: &TestHouse) -> (Got, Got) {
    let mut caller = Caller::connect(house.address()).await;
    let ask = plain_chat(house);
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
