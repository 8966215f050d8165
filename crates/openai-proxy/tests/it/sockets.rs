//! Responses over a WebSocket, with a real client library: each message is a call of its own, to any kind of place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use testkit::caller::PATIENCE;
use testkit::vendor::{self, Act, Framing, Seen, Vendor};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use control::Proposal;

use crate::changes::apply;
use crate::house::{TestHouse, provider};

type Socket = WebSocketStream<TcpStream>;

const LAPTOP: &str = "sk-laptop-0123456789abcdefghijklmnop";

async fn timely<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.unwrap()
}

async fn open_as(house: &TestHouse, key: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/v1/responses", house.address()).into_client_request().unwrap();
    let bearer = format!("Bearer {key}");
    for (name, value) in [
        ("authorization", bearer.as_str()),
        ("openai-beta", "responses_websockets=2026-02-06"),
        ("x-own", "passes"),
    ] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(house.address()).await.unwrap();
    timely(client_async(request, stream)).await.map(|(socket, _)| socket)
}

async fn open(house: &TestHouse) -> Socket {
    open_as(house, LAPTOP).await.unwrap()
}

async fn send(socket: &mut Socket, message: Value) {
    timely(socket.send(Message::text(message.to_string()))).await.unwrap();
}

/// The next message that is no ping.
async fn message(socket: &mut Socket) -> Option<Message> {
    loop {
        match timely(socket.next()).await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(message)) => return Some(message),
            Some(Err(_)) | None => return None,
        }
    }
}

/// The next event.
async fn event(socket: &mut Socket) -> Value {
    let message = message(socket).await.unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap_or_else(|_| panic!("{message:?}"))
}

/// All events of an answer.
async fn answer(socket: &mut Socket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = event(socket).await;
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        events.push(event);
        if ["response.completed", "response.incomplete", "response.failed", "error"].contains(&&*kind) {
            return events;
        }
    }
}

/// Why it was closed.
async fn closed(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        match message(socket).await {
            Some(Message::Close(frame)) => return frame.map(|frame| frame.code),
            Some(_) => {}
            None => return None,
        }
    }
}

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"odd":1.50,"response":{"id":"resp_v1","object":"response","status":"in_progress","output":[]}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":1,"response":{"id":"resp_v1","object":"response","status":"completed","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hey","annotations":[]}]}],"usage":{"input_tokens":9,"output_tokens":2,"total_tokens":11}}}"#;

/// A vendor of Responses over HTTP.
fn streams(_: &Seen) -> Act {
    let events = format!(
        "event: response.created\ndata: {CREATED}\n\nevent: response.completed\ndata: {COMPLETED}\n\n"
    );
    vendor::Answer::events().framing(Framing::Chunked).send(events).into()
}

async fn straight(more: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(streams).await;
    let house = TestHouse::new(&format!("{}{more}", provider(&vendor)));
    (vendor, house)
}

/// A vendor that has chat completions only, and repeats how much it was told.
fn counts(seen: &Seen) -> Act {
    let count = seen.json()["messages"].as_array().map_or(0, Vec::len);
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!(
            "data: {}\n\n",
            json!({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})
        )
    };
    let first = chunk(json!({"role": "assistant", "content": format!("heard {count}")}), Value::Null);
    let all = first + &chunk(json!({}), json!("stop")) + "data: [DONE]\n\n";
    vendor::Answer::events().framing(Framing::Chunked).send(all).into()
}

async fn translated(more: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(counts).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-there, capabilities: [chat, models]}}}}\nmodels: {{m: there/m}}\n{more}",
        vendor.url()
    ));
    (vendor, house)
}

fn text_of(events: &[Value]) -> String {
    events.last().unwrap()["response"]["output"][0]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn id_of(events: &[Value]) -> String {
    events.last().unwrap()["response"]["id"].as_str().unwrap_or_else(|| panic!("{events:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_vendor_become_messages_byte_for_byte_and_each_message_is_a_call() {
    let (vendor, house) = straight("").await;
    let mut socket = open(&house).await;
    for number in 1..=2 {
        let asked = r#"{"type":"response.create","model":"gpt-4o","temperature":0.50,"input":"hi","stream_options":null}"#;
        timely(socket.send(Message::text(asked))).await.unwrap();
        for expected in [CREATED, COMPLETED] {
            assert_eq!(message(&mut socket).await.unwrap(), Message::text(expected));
        }
        let seen = vendor.ledger().requests().last().unwrap().clone();
        assert_eq!(
            seen.text(),
            r#"{"stream":true,"model":"gpt-4o","temperature":0.50,"input":"hi","stream_options":null}"#
        );
        assert_eq!((seen.method.as_str(), seen.path()), ("POST", "/v1/responses"));
        assert_eq!(
            (seen.header("x-own"), seen.header("openai-beta"), seen.header("upgrade")),
            (Some("passes"), None, None)
        );
        let records = house.records(|records| records.len() == number).await;
        let last = records.last().unwrap();
        let tokens = last.tokens.map(|tokens| (tokens.input, tokens.output));
        assert_eq!(
            (last.operation.as_ref(), last.status, tokens),
            ("responses", 200, Some((9, 2))),
            "{last:?}"
        );
    }
    socket.close(None).await.unwrap();
    let records = house.records(|records| records.len() == 3).await;
    assert_eq!(
        records.iter().filter(|record| record.status == 101).count(),
        1,
        "its opening has a record, too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_of_another_language_answers_and_goes_on_with_and_without_store() {
    let (vendor, house) = translated("").await;
    for store in [true, false] {
        let mut socket = open(&house).await;
        let mut previous: Option<String> = None;
        for (turn, heard) in [1, 3, 5].into_iter().enumerate() {
            let mut create = json!({"type": "response.create", "model": "m", "store": store, "input": format!("turn {turn}")});
            if let Some(previous) = &previous {
                create["previous_response_id"] = Value::from(previous.clone());
            }
            send(&mut socket, create).await;
            let events = answer(&mut socket).await;
            assert_eq!(text_of(&events), format!("heard {heard}"), "store {store}: {events:?}");
            assert_eq!(events.last().unwrap()["response"]["previous_response_id"], json!(previous));
            previous = Some(id_of(&events));
        }
        // On another connection it is there if it was kept.
        let mut other = open(&house).await;
        send(
            &mut other,
            json!({"type": "response.create", "model": "m", "input": "on", "previous_response_id": previous}),
        )
        .await;
        let events = answer(&mut other).await;
        match store {
            true => assert_eq!(text_of(&events), "heard 7"),
            false => {
                assert_eq!(events[0]["error"]["code"], "previous_response_not_found", "{events:?}");
                assert_eq!(events[0]["status"], 400);
                // It ends nothing: the whole conversation may be sent.
                send(&mut other, json!({"type": "response.create", "model": "m", "input": "again"})).await;
                assert_eq!(text_of(&answer(&mut other).await), "heard 1");
            }
        }
    }
    assert!(!vendor.ledger().contains(b"previous_response_id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_keeps_nothing_is_told_all_that_was_said_on_the_connection() {
    let (vendor, house) = straight("").await;
    let mut socket = open(&house).await;
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "store": false, "input": "one"}))
        .await;
    let first = id_of(&answer(&mut socket).await);
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "store": false, "input": [{"role": "user", "content": "two"}], "previous_response_id": first})).await;
    answer(&mut socket).await;
    let asked = vendor.ledger().requests().last().unwrap().json();
    assert!(asked.get("previous_response_id").is_none(), "{asked}");
    let said: Vec<&str> =
        asked["input"].as_array().unwrap().iter().map(|item| item["role"].as_str().unwrap()).collect();
    assert_eq!(said, ["user", "assistant", "user"], "{asked}");
    assert!(asked["input"].as_array().unwrap().iter().all(|item| item.get("id").is_none()), "{asked}");
    // What the vendor keeps is left to it.
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "three"})).await;
    let kept = id_of(&answer(&mut socket).await);
    send(
        &mut socket,
        json!({"type": "response.create", "model": "gpt-4o", "input": "four", "previous_response_id": kept}),
    )
    .await;
    answer(&mut socket).await;
    let asked = vendor.ledger().requests().last().unwrap().json();
    assert_eq!((&asked["previous_response_id"], &asked["input"]), (&json!(kept), &json!("four")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warming_up_asks_no_model_and_is_gone_on_with() {
    let (vendor, house) = translated("").await;
    let mut socket = open(&house).await;
    send(
        &mut socket,
        json!({"type": "response.create", "model": "m", "generate": false, "store": false, "input": "first"}),
    )
    .await;
    let events = answer(&mut socket).await;
    assert_eq!(
        events.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(),
        ["response.created", "response.completed"]
    );
    assert_eq!(vendor.ledger().requests().len(), 0);
    send(&mut socket, json!({"type": "response.create", "model": "m", "generate": true, "store": false, "input": "second", "previous_response_id": id_of(&events)})).await;
    assert_eq!(text_of(&answer(&mut socket).await), "heard 2");
    assert!(!vendor.ledger().contains(b"generate"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warming_up_remembers_no_more_than_a_little() {
    let (_vendor, house) = translated("").await;
    let mut socket = open(&house).await;
    let items = vec![json!({}); 400_000];
    send(&mut socket, json!({"type": "response.create", "model": "m", "generate": false, "input": items}))
        .await;
    let told = event(&mut socket).await;
    assert_eq!(
        (told["status"].as_u64(), told["error"]["code"].as_str(), told["error"]["param"].as_str()),
        (Some(413), Some("request_too_large"), Some("generate")),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_in_turn_and_bear_the_name_of_their_lane() {
    let (vendor, house) = translated("").await;
    let mut socket = open(&house).await;
    for lane in ["a", "b", "c"] {
        send(&mut socket, json!({"type": "response.create", "model": "m", "stream_id": lane, "input": lane}))
            .await;
    }
    for lane in ["a", "b", "c"] {
        for event in answer(&mut socket).await {
            assert_eq!(event["stream_id"], lane, "{event}");
        }
    }
    assert!(!vendor.ledger().contains(b"stream_id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_told_as_an_event_and_ends_nothing_else() {
    let (_vendor, house) = translated("").await;
    let mut socket = open(&house).await;
    for (wrong, status, code) in [
        ("no json", 400, "unsupported_parameter"),
        (r#"{"type":"session.update"}"#, 400, "unsupported_parameter"),
        (r#"{"type":"response.create","model":"nobody","input":"x"}"#, 404, "model_not_found"),
        (r#"{"type":"response.create","model":"m","input":7}"#, 400, "unsupported_parameter"),
        (r#"{"type":"response.create","model":"m","model":"n","input":"x"}"#, 400, "duplicate_key"),
        (r#"{"type":"response.create","model":"m","stream":1,"stream":1,"input":"x"}"#, 400, "duplicate_key"),
        (
            r#"{"type":"response.create","model":"m","store":false,"store":true,"input":"x"}"#,
            400,
            "duplicate_key",
        ),
        (
            r#"{"type":"response.create","model":"m","previous_response_id":7,"input":"x"}"#,
            400,
            "invalid_json",
        ),
        (
            r#"{"type":"response.create","model":"nobody","generate":false,"input":"x"}"#,
            404,
            "model_not_found",
        ),
    ] {
        timely(socket.send(Message::text(wrong))).await.unwrap();
        let told = event(&mut socket).await;
        assert_eq!(
            (told["type"].as_str(), told["status"].as_u64()),
            (Some("error"), Some(status)),
            "{wrong}: {told}"
        );
        assert_eq!(told["error"]["code"], code, "{wrong}: {told}");
    }
    timely(socket.send(Message::binary(vec![1, 2]))).await.unwrap();
    assert_eq!(event(&mut socket).await["error"]["code"], "invalid_json");
    // Codex says when it has read an answer; nothing is to be said to that.
    send(&mut socket, json!({"type": "response.processed", "response_id": "resp_1"})).await;
    send(&mut socket, json!({"type": "response.create", "model": "m", "input": "x"})).await;
    assert_eq!(text_of(&answer(&mut socket).await), "heard 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_refuses_or_breaks_off_is_told_and_the_next_request_is_answered() {
    let vendor = Vendor::start(|seen| match seen.json()["input"].as_str() {
        Some("refuse") => vendor::Answer::plain(400, r#"{"error":{"message":"bad input","type":"invalid_request_error","param":"input","code":"theirs"}}"#)
            .header("content-type", "application/json")
            .into(),
        Some("break") => vendor::Answer::events()
            .framing(Framing::Chunked)
            .send(format!("event: response.created\ndata: {CREATED}\n\nevent: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"m\",\"output_index\":0,\"content_index\":0,\"delta\":\"half\"}}\n\n"))
            .ending(testkit::vendor::Ending::Fin)
            .into(),
        _ => streams(seen),
    })
    .await;
    let house = TestHouse::new(&format!("{}{}", provider(&vendor), crate::house::ONCE));
    let mut socket = open(&house).await;
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "refuse"})).await;
    let told = event(&mut socket).await;
    assert_eq!(
        (told["status"].as_u64(), told["error"]["code"].as_str()),
        (Some(400), Some("theirs")),
        "{told}"
    );
    assert!(told["headers"]["x-request-id"].is_string(), "{told}");
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "break"})).await;
    let events = answer(&mut socket).await;
    let last = events.last().unwrap();
    assert_eq!(
        (last["type"].as_str(), last["error"]["code"].as_str()),
        (Some("error"), Some("upstream_stream_interrupted")),
        "{events:?}"
    );
    send(&mut socket, json!({"type": "response.create", "model": "gpt-4o", "input": "well"})).await;
    assert_eq!(id_of(&answer(&mut socket).await), "resp_v1");
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
async fn a_caller_that_leaves_has_its_answer_ended() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |_| {
        vendor::Answer::events()
            .framing(Framing::Chunked)
            .send(format!("event: response.created\ndata: {CREATED}\n\nevent: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"delta\":\"half\"}}\n\n"))
            .wait_for(&held)
            .into()
    })
    .await;
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
        vendor::Answer::events()
            .framing(Framing::Chunked)
            .send(format!("event: response.created\ndata: {CREATED}\n\nevent: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"delta\":\"half\"}}\n\n"))
            .wait_for(&held)
            .send(format!("event: response.completed\ndata: {COMPLETED}\n\n"))
            .into()
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
    tokio::time::sleep(Duration::from_secs(5)).await;
    while let Some(Ok(_)) = timely(socket.next()).await {}
    let records = house.records(|records| !records.is_empty()).await;
    assert_eq!(records[0].status, 101);
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
