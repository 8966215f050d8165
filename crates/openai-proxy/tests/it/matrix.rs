//! Every operation of the table, plain and streamed, against success, refusal, failure, a cut answer and a caller that
//! leaves. Iterated from the table, so that a new operation cannot skip it.

use std::time::{Duration, Instant};

use protocol::operation::{ModelAt, ROWS, Row};
use store::usage_record::Outcome;
use testkit::caller::Caller;
use testkit::vendor::{Act, Answer, Ending, Framing, Outcome as Seen, Vendor};

use crate::house::{TestHouse, UPSTREAM_KEY, undaunted};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Success,
    Refused,
    Failed,
    Cut,
    CallerLeaves,
}

const FATES: [Fate; 5] = [Fate::Success, Fate::Refused, Fate::Failed, Fate::Cut, Fate::CallerLeaves];
const EVENTS: [&str; 3] = ["data: {\"n\":1}\n\n", "data: {\"n\":2}\n\n", "data: [DONE]\n\n"];
const PLAIN: &str =
    "{\"id\":\"x\",\"object\":\"thing\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";
const THEIR_ERROR: &str =
    "{\"error\":{\"message\":\"theirs\",\"type\":\"x\",\"param\":null,\"code\":\"theirs\"}}";

fn act(fate: Fate, stream: bool) -> Act {
    match (fate, stream) {
        (Fate::Refused, _) => answer(404, THEIR_ERROR).into(),
        (Fate::Failed, _) => answer(500, THEIR_ERROR).into(),
        (Fate::CallerLeaves, false) => Act::Hang,
        (Fate::CallerLeaves, true) => Answer::events().send(EVENTS[0]).ending(Ending::Hang).into(),
        (Fate::Success, false) => answer(200, PLAIN).into(),
        (Fate::Success, true) => {
            EVENTS.iter().fold(Answer::events(), |answer, event| answer.send(*event)).into()
        }
        (Fate::Cut, false) => answer(200, &PLAIN[..20])
            .framing(Framing::Claimed(PLAIN.len() as u64))
            .ending(Ending::Reset)
            .into(),
        (Fate::Cut, true) => {
            Answer::events().send(EVENTS[0]).send("data: {\"n\"").ending(Ending::Reset).into()
        }
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer::plain(status, body.to_owned()).header("content-type", "application/json")
}

/// A path of the row's shape.
fn path(row: &Row) -> String {
    let segment = |part: &str| match part {
        "**" => "thing".to_owned(),
        part if part.starts_with('{') => "an-id".to_owned(),
        part => part.to_owned(),
    };
    let path = row.shape.split('/').map(segment).collect::<Vec<_>>().join("/");
    let query = if row.model == ModelAt::Query { "?model=gpt-4o" } else { "" };
    format!("/v1{path}{query}")
}

fn methods(row: &Row) -> Vec<&'static str> {
    let all = [http::Method::GET, http::Method::POST, http::Method::DELETE];
    let names = ["GET", "POST", "DELETE"];
    let socket_only = |method: &http::Method| row.socket && *method == http::Method::GET;
    (0..3).filter(|n| row.methods.allow(&all[*n]) && !socket_only(&all[*n])).map(|n| names[n]).collect()
}

fn request(row: &Row, method: &str, fate: Fate, stream: bool) -> String {
    let body = match (method, row.model) {
        ("POST", ModelAt::Body | ModelAt::BodyMaybe) => format!(
            "{{\"model\":\"gpt-4o\",\"stream\":{stream},\"stream_options\":{{\"include_usage\":true}}}}"
        ),
        ("POST", _) => "{\"any\":1}".to_owned(),
        _ => String::new(),
    };
    format!(
        "{method} {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-caller\r\nx-fate: {fate:?}\r\nx-stream: {stream}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        path(row),
        body.len()
    )
}

async fn vendor() -> Vendor {
    Vendor::start(|seen| {
        let fate =
            FATES.into_iter().find(|fate| seen.header("x-fate") == Some(&format!("{fate:?}"))).unwrap();
        act(fate, seen.header("x-stream") == Some("true"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_meets_every_fate() {
    let vendor = vendor().await;
    let house = undaunted(&vendor);
    let mut told = 0;
    for row in ROWS.iter().filter(|row| !row.ours) {
        // What is asked in another language is put into other words, where there are any (`any_language.rs`, `vectors.rs`).
        if row.operation.dialect() != protocol::dialect::Dialect::OpenAi
            && (row.asks(row.shape).is_some() || row.about(row.shape).is_some())
        {
            continue;
        }
        // What else is of another language `openai` does not speak, and that is said before anything is sent.
        if row.operation.dialect() != protocol::dialect::Dialect::OpenAi {
            refused_as_not_served(&house, &vendor, row).await;
            continue;
        }
        for method in methods(row) {
            for stream in [false, true].into_iter().filter(|stream| !stream || row.streams) {
                for fate in FATES {
                    one(&house, &vendor, (row, method, stream, fate)).await;
                    told += 1;
                }
            }
        }
    }
    assert!(told > 300, "{told} combinations");
    let records = house.records(|records| records.len() >= told).await;
    let count = |outcome: Outcome| records.iter().filter(|record| record.outcome == outcome).count();
    assert_eq!(count(Outcome::CallerLeft), told / FATES.len(), "one record per caller that left");
}

async fn one(house: &TestHouse, vendor: &Vendor, (row, method, stream, fate): (&Row, &str, bool, Fate)) {
    let name = format!("{method} {} stream={stream} {fate:?}", row.shape);
    let known = vendor.ledger().requests().len();
    let mut caller = Caller::connect(house.address()).await;
    caller.send(request(row, method, fate, stream)).await.unwrap();
    if fate == Fate::CallerLeaves {
        return leaves(vendor, caller, known, &name).await;
    }
    let answer = caller.read_answer().await;
    let seen = vendor.ledger().last().unwrap().seen;
    assert_eq!(vendor.ledger().requests().len(), known + 1, "{name}: {} {}", answer.status, answer.text());
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {UPSTREAM_KEY}").as_str()), "{name}");
    assert!(!seen.contains(b"sk-caller"), "{name}: the caller's key went upstream");
    assert!(answer.header("x-request-id").is_some(), "{name}");
    let text = answer.text();
    match fate {
        Fate::Success if stream => {
            assert_eq!((answer.status, text.clone()), (200, EVENTS.concat()), "{name}")
        }
        Fate::Success => assert_eq!((answer.status, text.as_str()), (200, PLAIN), "{name}"),
        Fate::Refused => assert_eq!((answer.status, text.as_str()), (404, THEIR_ERROR), "{name}"),
        Fate::Failed => assert_eq!((answer.status, text.as_str()), (500, THEIR_ERROR), "{name}"),
        Fate::Cut if stream => {
            assert!(answer.complete, "{name}: our own ending is a proper one");
            assert!(text.starts_with(EVENTS[0]), "{name}: {text}");
            assert!(text.contains("\"code\":\"upstream_stream_interrupted\""), "{name}: {text}");
            assert!(!text.contains("[DONE]") && !text.contains("finish_reason"), "{name}: {text}");
        }
        Fate::Cut => assert_eq!(
            (answer.status, answer.error_code().as_deref()),
            (502, Some("upstream_stream_interrupted")),
            "{name}"
        ),
        Fate::CallerLeaves => {}
    }
    assert!(!text.contains(UPSTREAM_KEY), "{name}: our key leaked");
}

/// The caller goes away; the upstream hears of it within 100 ms.
async fn leaves(vendor: &Vendor, caller: Caller, known: usize, name: &str) {
    let patience = Duration::from_secs(5);
    assert!(
        vendor.ledger().wait_for(|ledger| ledger.requests().len() > known, patience).await,
        "{name}: asked"
    );
    let left = Instant::now();
    caller.reset();
    let ledger = vendor.ledger();
    let closed = ledger
        .wait_for(|ledger| ledger.last().is_some_and(|entry| entry.outcome == Seen::PeerClosed), patience);
    assert!(closed.await, "{name}: the upstream was cancelled");
    let took = vendor.ledger().last().unwrap().peer_closed.unwrap().duration_since(left);
    assert!(took < Duration::from_millis(100), "{name}: cancelled after {took:?}");
}

async fn refused_as_not_served(house: &TestHouse, vendor: &Vendor, row: &Row) {
    let known = vendor.ledger().requests().len();
    let mut caller = Caller::connect(house.address()).await;
    caller.send(request(row, "POST", Fate::Success, false)).await.unwrap();
    let answer = caller.read_answer().await;
    assert_eq!(answer.status, 404, "{}: {}", row.shape, answer.text());
    assert_eq!(vendor.ledger().requests().len(), known, "{}: nothing was sent", row.shape);
}
