//! Clocks: towards upstreams (connect, first byte, between bytes, total) and towards callers (head, body), and the one
//! replay after a stale connection (F-1 to F-7, F-15).
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

mod callers;
mod stale;
mod upstreams;

use std::time::{Duration, Instant};

use testkit::caller::{Answer as Got, ask};
use testkit::vendor::{Act, Answer, Seen, Vendor};

use crate::house::{CHAT_ANSWER, ONCE, TestHouse, UPSTREAM_KEY, chat};

/// How much later than its time something may happen.
const SLACK: u128 = 300;

fn house(vendor: &Vendor, timeouts: &str) -> TestHouse {
    at(&vendor.url(), timeouts)
}

/// One worker, so that the connection kept by one call is the one the next call takes.
fn at(url: &str, timeouts: &str) -> TestHouse {
    TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\nproviders: {{openai: {{base_url: \"{url}/v1\", api_key: {UPSTREAM_KEY}, timeouts: {{{timeouts}}}}}}}\n{ONCE}"
    ))
}

async fn ask_chat(house: &TestHouse, stream: bool) -> (Got, u128) {
    let begun = Instant::now();
    let json = [("content-type", "application/json")];
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &json, chat("gpt-4o", stream)).await;
    (answer, begun.elapsed().as_millis())
}

fn answers_chat(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
}

/// The vendor's side is closed, not kept and not forgotten.
async fn assert_closed(vendor: &Vendor) {
    assert!(
        vendor.ledger().wait_for(|ledger| ledger.open() == 0, Duration::from_secs(1)).await,
        "the vendor's connection is still open"
    );
}

/// A call as it is written on a connection.
fn plain_chat(house: &TestHouse) -> String {
    let body = chat("gpt-4o", false);
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        house.address(),
        body.len()
    )
}
