//! What is asked and answered over a WebSocket, in turn, by any kind of place.

use futures_util::SinkExt;
use serde_json::{Value, json};
use testkit::vendor::{self, Act, Framing, Seen, Vendor};
use tokio_tungstenite::tungstenite::Message;

use super::{COMPLETED, CREATED, answer, event, id_of, message, open, send, straight, streams, timely};
use crate::house::{TestHouse, provider};

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
