//! Who may open a WebSocket, and with what.

use control::Proposal;
use serde_json::json;
use testkit::vendor::Vendor;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{LAPTOP, answer, closed, event, id_of, open, open_as, send, straight, streams};
use crate::changes::apply;
use crate::house::{TestHouse, provider};

/// What stands behind the head would be a body for one reader, and the first frames for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opening_with_a_body_is_refused() {
    let (vendor, house) = straight("").await;
    for (framing, body, status) in [
        ("content-length: 2", "{}", 400),
        ("transfer-encoding: chunked", "2\r\n{}\r\n0\r\n\r\n", 400),
        ("transfer-encoding: chunked", "0\r\n\r\n", 400),
        ("content-length: 0", "", 101),
    ] {
        let head = format!(
            "GET /v1/responses HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{framing}\r\n\r\n{body}",
            house.address()
        );
        let mut caller = testkit::caller::Caller::connect(house.address()).await;
        caller.send(head).await.unwrap();
        let answer = caller.try_read_answer_to_head().await.unwrap();
        assert_eq!(answer.status, status, "{framing}: {}", answer.text());
    }
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_asked_for_before_it_opens_and_with_every_message() {
    let door = "server: {listen: \"127.0.0.1:0\", workers: 1}\n";
    let vendor = Vendor::start(streams).await;
    let yaml = |keys: &str| format!("{door}{}auth: {{mode: keys}}\n{keys}", provider(&vendor));
    let house = TestHouse::new(&yaml(&format!(
        "keys: {{laptop: {{key: {LAPTOP}, limits: {{requests: 2/min}}}}, phone: {{key: sk-phone-0123456789abcdefghijklmnopq}}}}\n"
    )));
    let refused = open_as(&house, "sk-nobody-0123456789abcdefghijklmnop").await.unwrap_err();
    assert!(matches!(&refused, Error::Http(answer) if answer.status() == 401), "{refused:?}");
    let mut socket = open(&house).await;
    for _ in 0..2 {
        send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "hi"})).await;
        assert_eq!(id_of(&answer(&mut socket).await), "resp_v1");
    }
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "hi"})).await;
    let told = event(&mut socket).await;
    assert_eq!(
        (told["status"].as_u64(), told["error"]["code"].as_str()),
        (Some(429), Some("rate_limit_exceeded")),
        "{told}"
    );
    assert!(told["headers"]["retry-after"].is_string(), "{told}");
    let records = house.records(|records| records.len() == 4).await;
    assert_eq!(records.iter().filter(|record| record.caller == "laptop").count(), 3, "{records:#?}");
    // Taken away, it closes what it has opened.
    let folder_yaml = yaml("keys: {phone: {key: sk-phone-0123456789abcdefghijklmnopq}}\n");
    house.rewrite(&folder_yaml);
    apply(house.inner().control(), Proposal::Reread).await;
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Policy));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_opens_no_websocket_is_told_so() {
    let (_vendor, house) = straight("").await;
    for (version, key) in [("8", "dGhlIHNhbXBsZSBub25jZQ=="), ("13", "short"), ("13", "")] {
        let head = format!(
            "GET /v1/responses HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: {version}\r\nsec-websocket-key: {key}\r\n\r\n",
            house.address()
        );
        let mut caller = testkit::caller::Caller::connect(house.address()).await;
        caller.send(head).await.unwrap();
        assert_eq!(caller.read_answer().await.status, 400, "{version} {key}");
    }
}
