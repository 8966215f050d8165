//! Chat and completions.

use super::*;

const CHAT: &str = "/v1/chat/completions";

fn chat(extra: serde_json::Value) -> Script {
    let mut question = json!({"model": "gpt-5", "messages": [{"role": "user", "content": "Hello there"}]});
    question.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    post(CHAT, &question)
}

fn content(script: &Script) -> String {
    let part = |chunk: &serde_json::Value| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned());
    values(script).iter().filter_map(part).collect()
}

#[test]
fn a_stranger_learns_what_to_do_next() {
    let answer = body(&chat(json!({})));
    assert_eq!(answer["model"], "gpt-5");
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    let said = choice["message"]["content"].as_str().unwrap();
    assert!(said.contains("mock") && said.contains("OPENAI_API_KEY") && said.contains("Ollama"));
    let usage = &answer["usage"];
    assert_eq!(usage["prompt_tokens"], 5);
    assert_eq!(usage["total_tokens"], 5 + usage["completion_tokens"].as_u64().unwrap());
}

#[test]
fn a_stream_says_the_same_word_by_word() {
    let script = chat(json!({"stream": true}));
    let chunks = values(&script);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({"content": "This"}));
    assert_eq!(chunks[2]["choices"][0]["delta"], json!({"content": " is"}));
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    let last = &chunks.last().unwrap()["choices"][0];
    assert_eq!((&last["delta"], &last["finish_reason"]), (&json!({}), &json!("stop")));
    assert_eq!(events(&script).last().unwrap(), "[DONE]");
    assert_eq!(content(&script), body(&chat(json!({})))["choices"][0]["message"]["content"]);
    assert_eq!(script.pieces[0].0, Duration::ZERO);
    assert_eq!(script.pieces[1].0, Duration::from_millis(5));
}

#[test]
fn usage_comes_at_the_end_of_a_stream_when_wanted() {
    let chunks = values(&chat(json!({"stream": true, "stream_options": {"include_usage": true}})));
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], body(&chat(json!({})))["usage"]);
}

#[test]
fn limits_stops_and_copies() {
    for name in ["max_tokens", "max_completion_tokens"] {
        let choice = &body(&chat(json!({name: 3})))["choices"][0];
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&json!("This is the"), &json!("length"))
        );
    }
    for stop in [json!(" inside"), json!(["zebra", " inside"])] {
        let choice = &body(&chat(json!({"stop": stop})))["choices"][0];
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&json!("This is the mock"), &json!("stop"))
        );
    }
    let answer = body(&chat(json!({"n": 3, "max_tokens": 2})));
    assert_eq!(answer["choices"].as_array().unwrap().len(), 3);
    assert_eq!(answer["usage"]["completion_tokens"], 6);
    let chunks = values(&chat(json!({"n": 2, "max_tokens": 2, "stream": true})));
    let order: Vec<u64> = chunks.iter().map(|chunk| chunk["choices"][0]["index"].as_u64().unwrap()).collect();
    assert_eq!(order, [0, 1, 0, 1, 0, 1, 0, 1]);
}

#[test]
fn echo_say_and_long() {
    let said = " Grüße,\n\n  ein sehrlangeswortohnejedespause 日本語日本語日本語日本語日本語日本語 \t";
    for stream in [false, true] {
        let question = json!({"model": "mock/echo", "stream": stream, "tools": [], "messages": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": said}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": "x"},
        ]});
        let script = post(CHAT, &question);
        if stream {
            assert_eq!(content(&script), said);
        } else {
            assert_eq!(body(&script)["choices"][0]["message"]["content"], said);
        }
    }
    let say = body(&chat(json!({"model": "mock/say?text=hello%20world+%C3%A9"})));
    assert_eq!(say["choices"][0]["message"]["content"], "hello world é");
    assert_eq!(say["model"], "mock/say?text=hello%20world+%C3%A9");
    let long = chat(json!({"model": "mock/long?words=1000&gap=0ms", "stream": true}));
    assert_eq!(content(&long).split(' ').count(), 1000);
    assert!(long.pieces.iter().all(|(wait, _)| wait.is_zero()));
    let huge = chat(json!({"model": "mock/long?words=999999", "stream": true}));
    assert!(huge.pieces.len() < 20_100);
    assert_eq!(content(&huge).split(' ').count(), 100_000);
}

fn tools() -> serde_json::Value {
    let parameters = json!({"type": "object", "required": ["city", "days"], "properties": {
        "city": {"type": "string"}, "days": {"type": "integer", "minimum": 3}, "unit": {"enum": ["C", "F"]},
    }});
    json!([
        {"type": "custom", "custom": {"name": "shell"}},
        {"type": "function", "function": {"name": "weather", "parameters": parameters}},
        {"type": "function", "function": {"name": "time"}},
    ])
}

#[test]
fn tools_are_called() {
    let choice = &body(&chat(json!({"tools": tools()})))["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &json!(null))
    );
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"], json!({"name": "weather", "arguments": r#"{"city":"mock","days":3}"#}));

    let chunks = values(&chat(json!({"tools": tools(), "stream": true})));
    let begin = &chunks[0]["choices"][0]["delta"];
    assert_eq!(begin["role"], "assistant");
    assert_eq!(begin["tool_calls"][0]["id"], call["id"]);
    let part = |chunk: &serde_json::Value| {
        let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
        Some(call["function"]["arguments"].as_str()?.to_owned())
    };
    let parts: Vec<String> = chunks.iter().filter_map(part).collect();
    assert!(parts.len() > 2, "{parts:?}");
    assert_eq!(parts.concat(), r#"{"city":"mock","days":3}"#);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn tool_choice_is_respected() {
    let called = |choice: serde_json::Value| {
        let answer = body(&chat(json!({"tools": tools(), "tool_choice": choice})));
        answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"].clone()
    };
    assert_eq!(called(json!("none")), json!(null));
    assert_eq!(called(json!("required")), json!("weather"));
    assert_eq!(called(json!({"type": "function", "function": {"name": "time"}})), json!("time"));
    let allowed = json!({"mode": "auto", "tools": [{"type": "function", "function": {"name": "time"}}]});
    assert_eq!(called(json!({"type": "allowed_tools", "allowed_tools": allowed})), json!("time"));
    let unknown = json!({"type": "function", "function": {"name": "none_such"}});
    assert_eq!(error(&chat(json!({"tools": tools(), "tool_choice": unknown}))).0, 400);
}

#[test]
fn a_program_with_many_tools_is_not_told_to_run_one() {
    let many: Vec<_> =
        (0..5).map(|n| json!({"type": "function", "function": {"name": format!("tool{n}")}})).collect();
    let reason = |extra: serde_json::Value| body(&chat(extra))["choices"][0]["finish_reason"].clone();
    assert_eq!(reason(json!({"tools": many})), "stop");
    assert_eq!(reason(json!({"tools": many, "tool_choice": "auto"})), "stop");
    assert_eq!(reason(json!({"tools": many, "tool_choice": "required"})), "tool_calls");
    assert_eq!(reason(json!({"tools": many[..4]})), "tool_calls");
}

#[test]
fn a_tools_result_is_mentioned() {
    let answer = body(&chat(json!({"tools": tools(), "messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": null, "tool_calls": []},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
    ]})));
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains("21 degrees"));
}

#[test]
fn structured_answers_fit() {
    let schema = json!({"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "it", "schema": schema}});
    let said =
        |format| body(&chat(json!({"response_format": format})))["choices"][0]["message"]["content"].clone();
    assert_eq!(said(format), json!(r#"{"ok":true}"#));
    let object = said(json!({"type": "json_object"}));
    let object: serde_json::Value = serde_json::from_str(object.as_str().unwrap()).unwrap();
    assert!(object["answer"].is_string());
    assert!(said(json!({"type": "text"})).as_str().unwrap().starts_with("This is the mock"));
}

#[test]
fn completions() {
    let ask = |extra: serde_json::Value| {
        let mut question = json!({"model": "mock/echo", "prompt": ["one two", [1, 2, 3]]});
        question.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        post("/v1/completions", &question)
    };
    let answer = body(&ask(json!({"n": 2})));
    let texts: Vec<_> =
        answer["choices"].as_array().unwrap().iter().map(|choice| choice["text"].clone()).collect();
    assert_eq!(texts, ["one two", "one two", "", ""]);
    assert_eq!(answer["usage"]["prompt_tokens"], 5);
    let cut = body(&ask(json!({"prompt": "one two", "max_tokens": 1, "echo": true})));
    assert_eq!(cut["choices"][0]["text"], "one twoone");
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
    let script = ask(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let chunks = values(&script);
    assert_eq!(chunks.last().unwrap()["choices"], json!([]));
    let ends = chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop");
    assert_eq!(ends.map(|chunk| chunk["choices"][0]["index"].clone()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(events(&script).last().unwrap(), "[DONE]");
}
