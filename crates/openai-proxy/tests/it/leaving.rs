//! Callers that leave, and upstreams that do: who hears of it, and how the books see it.

use std::time::Duration;

use store::usage_record::Outcome;
use testkit::caller::{Caller, ask};
use testkit::vendor::{Answer, Ending, Framing};

use crate::house::{chat, chat_events, with};

/// A FIN from the caller means it has left (D-33).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_closed_caller_has_left() {
    let (vendor, house) =
        with(|_| Answer::events().send(chat_events(false)[..2].concat()).ending(Ending::Hang).into()).await;
    let mut caller = Caller::connect(house.address()).await;
    let body = chat("gpt-4o", true);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.send(request).await.unwrap();
    caller.wait_for_head().await.unwrap();
    caller.finish_writing().await.unwrap();
    let closed =
        |ledger: &testkit::vendor::Ledger| ledger.last().is_some_and(|entry| entry.peer_closed.is_some());
    assert!(vendor.ledger().wait_for(closed, Duration::from_secs(2)).await);
    assert_eq!(house.record().await.outcome, Outcome::CallerLeft);
}

/// A caller that leaves behind the last byte has had its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_after_the_last_chunk_is_a_success() {
    let (_vendor, house) =
        with(|_| chat_events(false).into_iter().fold(Answer::events(), |a, event| a.send(event)).into())
            .await;
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("gpt-4o", true)).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(house.record().await.outcome, Outcome::Answered);
}

/// A stream cut at every byte never looks complete, and one that ends without saying so is a cut, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_stream_never_looks_complete() {
    let whole = chat_events(false)[..3].concat();
    for framing in [Framing::Chunked, Framing::Close] {
        for at in (0..whole.len()).step_by(7) {
            let piece = whole.as_bytes()[..at].to_vec();
            let ending = if at % 2 == 0 { Ending::Reset } else { Ending::Fin };
            let (_vendor, house) =
                with(move |_| Answer::events().framing(framing).send(piece.clone()).ending(ending).into())
                    .await;
            let answer =
                ask(house.address(), "POST", "/v1/chat/completions", &[], chat("gpt-4o", true)).await;
            let text = answer.text();
            if answer.status == 502 {
                continue;
            }
            assert!(!text.contains("[DONE]"), "{framing:?} {at}: {text}");
            assert!(text.contains("upstream_stream_interrupted"), "{framing:?} {at}: {text}");
            let last = text.trim_end().rsplit("\n\n").next().unwrap();
            assert!(
                last.starts_with("data: {\"error\""),
                "{framing:?} {at}: the error is an event of its own: {text}"
            );
        }
    }
}

/// A binary answer that breaks off ends the caller's connection visibly: its length is never made up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_binary_answer_is_visibly_cut() {
    for framing in [Framing::Claimed(100_000), Framing::Chunked] {
        let (_vendor, house) = with(move |_| {
            let answer = Answer::plain(200, vec![7u8; 5_000]).header("content-type", "audio/mpeg");
            answer.framing(framing).ending(Ending::Reset).into()
        })
        .await;
        let answer =
            ask(house.address(), "POST", "/v1/audio/speech", &[], "{\"model\":\"tts-1\",\"input\":\"x\"}")
                .await;
        assert!(!answer.complete, "{framing:?}: {} bytes", answer.body.len());
        assert_eq!(house.record().await.outcome, Outcome::Interrupted);
    }
}
