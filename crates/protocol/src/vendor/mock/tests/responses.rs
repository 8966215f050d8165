//! Responses, whole, streamed and stored.

use super::*;

const RESPONSES: &str = "/v1/responses";

fn kinds(script: &Script) -> Vec<String> {
    let values = values(script);
    for (number, value) in values.iter().enumerate() {
        assert_eq!(value["sequence_number"], number);
    }
    assert!(!text(script).contains("[DONE]"));
    values.iter().map(|value| value["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_response_repeats_what_was_asked() {
    let question = json!({"model": "m", "input": "Hi", "instructions": "Be brief", "metadata": {"a": "b"}});
    let answer = body(&post(RESPONSES, &question));
    assert_eq!((&answer["object"], &answer["status"]), (&json!("response"), &json!("completed")));
    assert_eq!((&answer["instructions"], &answer["metadata"]), (&json!("Be brief"), &json!({"a": "b"})));
    assert_eq!(answer["output"][0]["content"][0]["type"], "output_text");
    assert_eq!(answer["usage"]["input_tokens"], 3);
    assert!(answer["id"].as_str().unwrap().starts_with("resp_"));
}

#[test]
fn the_stream_of_a_text() {
    let script = post(RESPONSES, &json!({"model": "mock/say?text=one%20two", "input": "Hi", "stream": true}));
    assert_eq!(
        kinds(&script),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let values = values(&script);
    assert_eq!((&values[4]["delta"], &values[5]["delta"]), (&json!("one"), &json!(" two")));
    assert_eq!(values[2]["item"]["content"], json!([]));
    assert_eq!(values[8]["item"], values[9]["response"]["output"][0]);
    assert_eq!(values[0]["response"]["id"], values[9]["response"]["id"]);
    assert!(values[0]["response"]["usage"].is_null());
    let whole = post(RESPONSES, &json!({"model": "mock/say?text=one%20two", "input": "Hi"}));
    assert_eq!(body(&whole), values[9]["response"]);
}

#[test]
fn the_stream_of_a_call() {
    let tools = json!([
        {"type": "web_search"},
        {"type": "function", "name": "f", "parameters": {"required": ["x"], "properties": {"x": {"type": "number"}}}},
    ]);
    let question =
        json!({"model": "m", "input": [{"role": "user", "content": "Hi"}], "tools": tools, "stream": true});
    let script = post(RESPONSES, &question);
    assert_eq!(
        kinds(&script),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let item = &values(&script)[5]["item"];
    assert_eq!((&item["name"], &item["arguments"]), (&json!("f"), &json!(r#"{"x":1}"#)));
}

#[test]
fn inputs_limits_and_formats() {
    let said = |extra: serde_json::Value| {
        let mut question = json!({"model": "m", "input": "Hi"});
        question.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = body(&post(RESPONSES, &question));
        (answer["output"][0]["content"][0]["text"].clone(), answer)
    };
    let items = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
        {"type": "reasoning", "summary": []},
    ]);
    assert_eq!(said(json!({"model": "mock/echo", "input": items})).0, "ab");
    assert_eq!(said(json!({"model": "mock/echo"})).0, "Hi");
    let output = json!([
        {"role": "user", "content": "Hi"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "42 apples"},
    ]);
    let tools = json!([{"type": "function", "name": "f"}]);
    assert!(said(json!({"input": output, "tools": tools})).0.as_str().unwrap().contains("42 apples"));
    let format =
        json!({"type": "json_schema", "name": "n", "schema": {"type": "array", "items": {"const": 5}}});
    assert_eq!(said(json!({"text": {"format": format}})).0, "[5]");
    let (text, answer) = said(json!({"max_output_tokens": 2}));
    assert_eq!((&text, &answer["status"]), (&json!("This is"), &json!("incomplete")));
    assert_eq!(answer["incomplete_details"], json!({"reason": "max_output_tokens"}));
    let cut = post(RESPONSES, &json!({"model": "m", "input": "Hi", "max_output_tokens": 2, "stream": true}));
    assert_eq!(kinds(&cut).last().unwrap(), "response.incomplete");
}

#[test]
fn stored_responses_are_made_up_from_their_ids() {
    let found = body(&get("/v1/responses/resp_abc?include=x"));
    assert_eq!((&found["id"], &found["status"]), (&json!("resp_abc"), &json!("completed")));
    let cancelled = body(&ask(&Method::POST, "/v1/responses/resp_abc/cancel", "", ""));
    assert_eq!((&cancelled["id"], &cancelled["status"]), (&json!("resp_abc"), &json!("cancelled")));
    let deleted = body(&ask(&Method::DELETE, "/v1/responses/resp_abc", "", ""));
    assert_eq!(deleted, json!({"id": "resp_abc", "object": "response", "deleted": true}));
    assert_eq!(error(&get("/v1/responses/abc")).0, 404);
}
