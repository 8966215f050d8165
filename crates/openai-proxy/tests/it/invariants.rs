//! The seven invariants of the line, each under its number (`crates/gateway/src/serve.rs`, ARCHITECTURE.md).

use std::sync::Arc;
use std::time::Duration;

use store::usage_record::Outcome;
use testkit::caller::{Caller, ask};
use testkit::vendor::{Act, Answer, Ending, Ledger, Seen, Vendor};
use tokio::sync::Notify;

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat, chat_events, once, provider, with};

/// A change of configuration in the middle of a call does not touch it; the next call sees the change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_1_a_call_sees_one_snapshot() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let old = Vendor::start(move |_| {
        let events = chat_events(false);
        let answer = Answer::events().send(events[..2].concat()).wait_for(&gate);
        events[2..].iter().fold(answer, |answer, event| answer.send(event.clone())).into()
    })
    .await;
    let new = Vendor::start(|_| Act::text(200, "new")).await;
    let house = TestHouse::before(&old);
    let mut caller = Caller::connect(house.address()).await;
    caller.send(post("/v1/chat/completions", &chat("gpt-4o", true))).await.unwrap();
    caller.wait_for_head().await.unwrap();
    house.rewrite(&format!("server: {{listen: \"127.0.0.1:0\"}}\n{}", provider(&new)));
    let signal = control::Actor::itself(control::Via::Signal);
    house.inner().control().apply(&signal, control::Proposal::Reread.into()).await.unwrap();
    go.notify_one();
    let answer = caller.read_answer().await;
    assert_eq!(answer.text(), chat_events(false).concat(), "the running call ended as it began");
    let next = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("gpt-4o", false)).await;
    assert_eq!(
        (next.text().as_str(), new.ledger().requests().len(), old.ledger().requests().len()),
        ("new", 1, 1)
    );
}

/// Once a byte has been sent on, nothing is asked for again that could reach the caller twice: a stream that breaks is gone on
/// with, or ends as broken, and with that switched off it is one request upstream, whatever happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_2_nothing_is_said_again_after_the_first_byte() {
    let cut = |_: &Seen| Answer::events().send(chat_events(false)[..2].concat()).ending(Ending::Reset).into();
    let vendor = Vendor::start(cut).await;
    let switched_off = TestHouse::new(&format!(
        "{}routing: {{rescue: {{continuation: off, restart: off}}}}\n",
        provider(&vendor)
    ));
    let usual = TestHouse::before(&vendor);
    for (house, most) in [(switched_off, 1), (usual, 4)] {
        let before = vendor.ledger().requests().len();
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("gpt-4o", true)).await;
        assert!(answer.text().contains("upstream_stream_interrupted"), "{}", answer.text());
        assert_eq!(answer.text().matches("hé").count(), 1, "{}", answer.text());
        let asked = vendor.ledger().requests().len() - before;
        assert!(asked <= most, "{asked} times");
    }
}

/// Bytes pass as they came; the two edits touch nothing else, and what we asked for is kept from the caller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_3_bytes_pass_as_they_came_but_for_two_edits() {
    let vendor = Vendor::start(|seen| {
        let counted = seen.text().contains("\"include_usage\":true");
        chat_events(counted).into_iter().fold(Answer::events(), |answer, event| answer.send(event)).into()
    })
    .await;
    let house = TestHouse::new(&format!("{}models: {{alias: openai/gpt-4o}}\n", provider(&vendor)));
    let odd = "{ \"seed\" : 12345678901234567890123,\r\n\t\"model\":\"alias\" , \"x\":[1e400,{\"model\":\"inner\"}],\"stream\":true}";
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], odd).await;
    let seen = vendor.ledger().last().unwrap().seen.text();
    let expected = odd.replace("\"alias\"", "\"gpt-4o\"").replacen(
        '{',
        "{\"stream_options\":{\"include_usage\":true},",
        1,
    );
    assert_eq!(seen, expected);
    assert_eq!(answer.text(), chat_events(false).concat(), "no usage chunk, no null, every other byte");
    let asked = "{\"model\":\"gpt-4o\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}";
    let house = TestHouse::before(&vendor);
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], asked).await;
    assert_eq!(vendor.ledger().last().unwrap().seen.text(), asked, "nothing to edit, nothing edited");
    assert_eq!(answer.text(), chat_events(true).concat());
    assert_eq!(house.record().await.tokens.map(|tokens| (tokens.input, tokens.output)), Some((9, 12)));
}

/// Answered, refused by us, refused by the vendor, cut, left, unreadable: one record each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_4_exactly_one_record_per_call() {
    let (vendor, house) = once(|seen| match seen.header("x-case") {
        Some("cut") => Answer::events().send("data: {}\n\n").ending(Ending::Reset).into(),
        Some("hang") => Act::Hang,
        Some("refuse") => Act::Reset,
        Some("deny") => Act::json(429, &serde_json::json!({"error": {}})),
        _ => Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into(),
    })
    .await;
    let address = house.address();
    let calls = [("good", 200), ("deny", 429), ("refuse", 502), ("cut", 200)];
    for (case, status) in calls {
        let answer =
            ask(address, "POST", "/v1/chat/completions", &[("x-case", case)], chat("gpt-4o", case == "cut"))
                .await;
        assert_eq!(answer.status, status, "{case}");
    }
    ask(address, "POST", "/v1/chat/completions", &[], "{broken").await;
    ask(address, "GET", "/nowhere", &[], "").await;
    let mut caller = Caller::connect(address).await;
    let hang =
        post("/v1/chat/completions", &chat("gpt-4o", false)).replacen("\r\n", "\r\nx-case: hang\r\n", 1);
    caller.send(hang).await.unwrap();
    let hangs =
        |ledger: &Ledger| ledger.last().is_some_and(|entry| entry.seen.header("x-case") == Some("hang"));
    assert!(vendor.ledger().wait_for(hangs, Duration::from_secs(5)).await);
    caller.reset();
    let records = house.records(|records| records.len() >= 7).await;
    assert_eq!(records.len(), 7, "{records:#?}");
    let mut outcomes: Vec<(u16, Outcome)> =
        records.iter().map(|record| (record.status, record.outcome)).collect();
    outcomes.sort_by_key(|(status, outcome)| (*status, outcome.label()));
    let expected = [
        (200, Outcome::Answered),
        (200, Outcome::Interrupted),
        (400, Outcome::Refused),
        (404, Outcome::Refused),
        (429, Outcome::Answered),
        (499, Outcome::CallerLeft),
        (502, Outcome::Refused),
    ];
    assert_eq!(outcomes, expected);
    let good =
        records.iter().find(|record| record.status == 200 && record.outcome == Outcome::Answered).unwrap();
    let tokens = good.tokens.unwrap();
    assert_eq!((tokens.input, tokens.output, good.bytes_out), (9, 12, CHAT_ANSWER.len() as u64));
}

/// Records are written by one writer, off the line: answers keep coming while thousands wait to be written, and none is
/// lost that had a place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_5_the_line_does_not_wait_for_the_books() {
    let (_vendor, house) =
        with(|_| Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()).await;
    let request = post("/v1/chat/completions", &chat("gpt-4o", false));
    let mut caller = Caller::connect(house.address()).await;
    for _ in 0..2_000 {
        caller.send(request.clone()).await.unwrap();
        assert_eq!(caller.read_answer().await.status, 200);
    }
    let records = house.records(|records| records.len() >= 2_000).await;
    assert_eq!(records.len(), 2_000);
}

/// A permit is given back on every ending: nothing is counted as running when nobody is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_6_a_permit_is_given_back_on_every_ending() {
    let (vendor, house) = once(|seen| match seen.header("x-case") {
        Some("cut") => Answer::events().send("data: {}\n\n").ending(Ending::Reset).into(),
        Some("hang") => Act::Hang,
        _ => Act::json(200, &serde_json::json!({"id": "x"})),
    })
    .await;
    for case in ["good", "cut"] {
        ask(house.address(), "POST", "/v1/chat/completions", &[("x-case", case)], chat("gpt-4o", true)).await;
    }
    let mut caller = Caller::connect(house.address()).await;
    let hang =
        post("/v1/chat/completions", &chat("gpt-4o", false)).replacen("\r\n", "\r\nx-case: hang\r\n", 1);
    caller.send(hang).await.unwrap();
    vendor.ledger().wait_for(|ledger| ledger.requests().len() == 3, Duration::from_secs(5)).await;
    assert_eq!(house.inner().calls(), 1, "the hanging call is in the house");
    caller.reset();
    house.records(|records| records.len() == 3).await;
    assert_eq!(house.inner().calls(), 0);
}

/// What a caller writes into headers steers neither the destination nor the credential (T-19), and no stage reads them
/// past the door.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_7_no_header_of_a_caller_steers_the_way() {
    let attacker = Vendor::start(|_| Act::text(200, "attacker")).await;
    let (vendor, house) = with(|_| Act::json(200, &serde_json::json!({"id": "x"}))).await;
    let elsewhere = attacker.url();
    let headers = [
        ("x-base-url", elsewhere.as_str()),
        ("x-openai-proxy-provider", "attacker"),
        ("x-portkey-custom-host", &elsewhere),
        ("x-forwarded-host", &elsewhere),
        ("x-openai-proxy-timeout", "1"),
        ("http_proxy", &elsewhere),
        ("api_base", &elsewhere),
    ];
    let body = format!(
        "{{\"model\":\"gpt-4o\",\"api_base\":\"{elsewhere}\",\"api_key\":\"sk-evil\",\"messages\":[]}}"
    );
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &headers, body.clone()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(attacker.ledger().requests().len(), 0);
    let seen = vendor.ledger().last().unwrap().seen;
    assert_eq!(seen.text(), body, "unknown fields are data");
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {UPSTREAM_KEY}").as_str()));
    for gone in ["x-openai-proxy-provider", "x-forwarded-host", "x-openai-proxy-timeout"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
