//! Tools, calls, and what came of them.

use super::*;

fn look() -> Tool {
    Tool::Function {
        name: "look".into(),
        description: Some(String::new()),
        schema: None,
        strict: None,
        cache: None,
    }
}

#[test]
fn tools_are_named_where_the_conversation_has_calls() {
    let mut request = with_call("a", "{}");
    let (body, losses) = written(&request);
    let empty = json!({"json": {"type": "object", "properties": {}}});
    assert_eq!(body["toolConfig"], json!({"tools": [{"toolSpec": {"name": "look", "inputSchema": empty}}]}));
    assert_eq!(losses, ["tools of earlier calls"]);
    // None may be called, but they must be named.
    request.tools = vec![look()];
    request.choice = Some(Choice::None);
    let (body, losses) = written(&request);
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "look");
    assert!(body["toolConfig"].get("toolChoice").is_none());
    assert_eq!(losses, ["tool_choice none"]);
    // And need not be where nothing was called.
    request.turns.truncate(1);
    let (body, losses) = written(&request);
    assert!(body.get("toolConfig").is_none() && losses.is_empty());
}

#[test]
fn tools_that_only_their_vendor_runs_are_named_again_too() {
    let block =
        json!({"toolUse": {"toolUseId": "a", "name": "search", "input": {}, "type": "server_tool_use"}});
    let turns = vec![
        user(vec![text("Go")]),
        Turn::new(Role::Assistant, vec![Part::Opaque(Wire::Converse, block)]),
        user(vec![text("On")]),
    ];
    let (body, _) = written(&Request { turns, ..Request::default() });
    assert_eq!(body["toolConfig"]["tools"], json!([{"systemTool": {"name": "search"}}]));
}

#[test]
fn only_the_allowed_tools_are_offered() {
    let other = Tool::Function {
        name: "other".into(),
        description: None,
        schema: Some(json!({"properties": {"a": {}}})),
        strict: None,
        cache: None,
    };
    let names = vec!["other".to_owned()];
    let request = Request {
        turns: vec![user(vec![text("Go")])],
        tools: vec![look(), other],
        choice: Some(Choice::Allowed { names, required: true }),
        ..Request::default()
    };
    let (body, losses) = written(&request);
    let schema = json!({"json": {"type": "object", "properties": {"a": {}}}});
    assert_eq!(
        body["toolConfig"],
        json!({"tools": [{"toolSpec": {"name": "other", "inputSchema": schema}}], "toolChoice": {"any": {}}})
    );
    assert!(losses.is_empty());
}

#[test]
fn arguments_that_are_no_object_are_refused() {
    for arguments in ["{\"ci", "[1]", ""] {
        let refused =
            CODEC.write_request(&with_call("a", arguments), Habits::default(), &mut Losses::default());
        assert!(refused.unwrap_err().say.contains("`look`"), "{arguments}");
    }
}

#[test]
fn a_tool_of_free_text_is_a_function_of_one() {
    let mut request = with_call("a", "SELECT \"x\"");
    if let Part::Call(call) = &mut request.turns[1].parts[0] {
        call.custom = true;
    }
    request.tools = vec![Tool::Custom { name: "look".into(), description: None, format: Some(json!({})) }];
    let (body, losses) = written(&request);
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["input"], json!({"input": "SELECT \"x\""}));
    assert_eq!(
        body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["required"],
        json!(["input"])
    );
    assert_eq!(losses, ["custom tools"]);
}

#[test]
fn ids_of_calls_are_made_valid_the_same_for_call_and_outcome() {
    for id in ["fc/1|2", "", &"x".repeat(65), "é"] {
        let (body, losses) = written(&with_call(id, "{}"));
        let made = body["messages"][1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
        assert_eq!(body["messages"][2]["content"][0]["toolResult"]["toolUseId"], made);
        assert!((1..=64).contains(&made.len()) && made.is_ascii() && made != id, "{made}");
        assert!(losses.contains(&"tool call id".to_owned()));
    }
    let (body, losses) = written(&with_call("toolu_01:a.b-c", "{}"));
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["toolUseId"], "toolu_01:a.b-c");
    assert_eq!(losses, ["tools of earlier calls"]);
}

#[test]
fn an_outcome_of_nothing_is_an_empty_text_and_what_it_holds_is_kept() {
    let (body, _) = written(&with_call("a", "{}"));
    assert_eq!(
        body["messages"][2]["content"],
        json!([{"toolResult": {"toolUseId": "a", "content": [{"text": ""}]}}])
    );
    let mut request = with_call("a", "{}");
    let sound = Part::Audio(Media::new(Source::Data { kind: "audio/wav".into(), base64: "UklGRg==".into() }));
    request.turns[2].parts = vec![outcome("a", vec![text(" "), Part::CachePoint(None), sound])];
    let (body, losses) = written(&request);
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"toolResult": {"toolUseId": "a", "content": [{"text": " "}]}},
            {"cachePoint": {"type": "default"}},
        ])
    );
    assert!(losses.contains(&"sounds in a tool's outcome".to_owned()));
}
