//! Anthropic's language: whole, streamed, counted, and its errors.

use super::*;

const MESSAGES: &str = "/v1/messages";

fn messages(extra: serde_json::Value) -> Script {
    let mut question = json!({"model": "claude-x", "max_tokens": 500, "messages": [{"role": "user", "content": "Hello there"}]});
    question.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    post(MESSAGES, &question)
}

fn said(script: &Script) -> String {
    let part = |event: &serde_json::Value| Some(event["delta"]["text"].as_str()?.to_owned());
    values(script).iter().filter_map(part).collect()
}

/// An error's status, type and message; the shape must be theirs.
fn refused(script: &Script) -> (u16, String, String) {
    let body = body(script);
    assert_eq!(body["type"], "error");
    let word = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    (script.status.as_u16(), word("type"), word("message"))
}

#[test]
fn a_question_is_answered_and_counted() {
    let answer = body(&messages(json!({"system": [{"type": "text", "text": "Be brief"}]})));
    assert_eq!((&answer["type"], &answer["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!((&answer["model"], &answer["stop_reason"]), (&json!("claude-x"), &json!("end_turn")));
    assert!(answer["id"].as_str().unwrap().starts_with("msg_"));
    assert!(answer["content"][0]["text"].as_str().unwrap().starts_with("This is the mock"));
    assert_eq!(answer["usage"]["input_tokens"], 7);
    let counted = post(
        "/v1/messages/count_tokens",
        &json!({"model": "m", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello there"}]},
        ]}),
    );
    assert_eq!(body(&counted), json!({"input_tokens": 5}));
}

#[test]
fn a_stream_goes_from_start_to_stop() {
    let script = messages(json!({"stream": true}));
    let events = values(&script);
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..4], ["message_start", "content_block_start", "ping", "content_block_delta"]);
    assert_eq!(kinds[kinds.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    let whole = body(&messages(json!({})));
    assert_eq!(said(&script), whole["content"][0]["text"]);
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], whole["usage"]["input_tokens"]);
    let ended = &events[events.len() - 2];
    assert_eq!(ended["delta"]["stop_reason"], "end_turn");
    assert_eq!(ended["usage"], whole["usage"]);
}

#[test]
fn tools_are_brought_and_not_called() {
    let tools = json!([{"name": "weather", "input_schema": {"type": "object"}}]);
    let answer = body(&messages(json!({"tools": tools})));
    assert_eq!(answer["content"][0]["type"], "text");
    let result = json!([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "21 degrees"}]}]);
    let answer = body(&messages(json!({"messages": [{"role": "user", "content": result}]})));
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("21 degrees"));
}

#[test]
fn the_models_name_shapes_the_answer() {
    let say = json!({"model": "mock/say?text=huge+manatees", "stream": true});
    assert_eq!(said(&messages(say)), "huge manatees");
    let answer = body(&messages(json!({"model": "mock/echo", "max_tokens": 1})));
    assert_eq!(
        (&answer["content"][0]["text"], &answer["stop_reason"]),
        (&json!("Hello"), &json!("max_tokens"))
    );
    let cut = messages(json!({"model": "mock/cut?after=4", "stream": true}));
    assert_eq!((cut.ending, cut.pieces.len()), (Ending::Cut, 4));
    let limited = messages(json!({"model": "mock/429?retry_after=2"}));
    assert_eq!(refused(&limited).1, "rate_limit_error");
    assert_eq!(limited.headers["retry-after"], "2");
    assert_eq!(refused(&messages(json!({"model": "mock/529"}))).1, "overloaded_error");
    assert_eq!(refused(&messages(json!({"model": "mock/error?status=400&type=x"}))).1, "x");
}

#[test]
fn what_is_wrong_is_said_in_the_same_language() {
    assert_eq!(refused(&messages(json!({"model": "mock/nothing"}))).1, "not_found_error");
    for (question, message) in [
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (json!({"messages": null}), "messages: Field required"),
        (json!({"messages": []}), "messages: at least one message is required"),
        (json!({"messages": "Hi"}), "messages: Input should be a valid list"),
        (json!({"messages": [{}]}), "messages.0.role: Field required"),
        (json!({"model": null}), "model: Field required"),
    ] {
        let (status, kind, said) = refused(&messages(question));
        assert_eq!((status, kind.as_str(), said.as_str()), (400, "invalid_request_error", message));
    }
    assert_eq!(refused(&ask(&Method::POST, MESSAGES, "application/json", "{")).0, 400);
    assert_eq!(refused(&get(MESSAGES)).0, 404);
}
