//! Instances of JSON schemas.

use proptest::prelude::*;

use super::*;
use crate::vendor::mock::schema::instance;

#[test]
fn instances_fit() {
    for (schema, wanted) in [
        (json!({"type": "object", "properties": {"a": {"type": "string"}}}), json!({})),
        (
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}),
            json!({"a": "mock"}),
        ),
        (json!({"enum": ["x", "y"]}), json!("x")),
        (json!({"const": {"k": 1}}), json!({"k": 1})),
        (json!({"type": ["null", "integer"]}), json!(1)),
        (json!({"type": "null"}), json!(null)),
        (json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]}), json!(true)),
        (json!({"type": "array", "items": {"type": "integer"}, "minItems": 3}), json!([1, 1, 1])),
        (json!({"type": "array", "maxItems": 0}), json!([])),
        (json!({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 2}), json!([1, 2])),
        (json!({"type": "integer", "minimum": 10, "maximum": 20}), json!(10)),
        (json!({"type": "integer", "exclusiveMinimum": 10}), json!(11)),
        (json!({"type": "integer", "maximum": -4}), json!(-4)),
        (json!({"type": "number", "minimum": 2.5}), json!(2.5)),
        (json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}), json!(1)),
        (json!({"type": "integer", "multipleOf": 7}), json!(7)),
        (json!({"type": "string", "minLength": 7}), json!("mock mo")),
        (json!({"type": "string", "maxLength": 2}), json!("mo")),
        (json!({"type": "string", "format": "date"}), json!("2026-01-01")),
        (
            json!({"allOf": [{"required": ["a"], "properties": {"a": {"const": 1}}},
                          {"required": ["b"], "properties": {"b": {"const": 2}}}]}),
            json!({"a": 1, "b": 2}),
        ),
        (json!({"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}), json!(1)),
        (json!({"$ref": "#/$defs/gone"}), json!(null)),
        (json!({}), json!("mock")),
        (json!(true), json!("mock")),
    ] {
        assert_eq!(instance(&schema), wanted, "{schema}");
    }
}

#[test]
fn recursion_ends() {
    let list = json!({"type": "object", "required": ["next"], "properties": {
        "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    }});
    let written = instance(&list).to_string();
    assert_eq!(written, r#"{"next":{"next":{"next":null}}}"#);
    let tree = json!({"type": "object", "required": ["kids"], "properties": {
        "kids": {"type": "array", "items": {"$ref": "#"}},
    }});
    assert!(instance(&tree).to_string().contains("\"kids\":[]"));
    instance(&json!({"$ref": "#"}));
    let wide = json!({"required": ["a", "b", "c", "d"], "properties": {
        "a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#"}, "d": {"$ref": "#"},
    }});
    assert!(instance(&wide).to_string().len() < 100_000);
}

proptest! {
    // Each case asks some seventy questions.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_request_panics(body in "[{\\[\"a-z:,}\\]0-9 ]{0,60}", path in prop::sample::select(vec![
        "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/moderations",
        "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/images/generations", "/v1/images/edits",
    ])) {
        ask(&Method::POST, path, "application/json", body.clone());
        let odd = ["input", "messages", "prompt", "tools", "tool_choice", "response_format", "text", "stop", "voice"];
        let values = [json!(null), json!([]), json!([{}]), json!({}), json!([[]]), json!(-1.5), json!(body), json!([body])];
        for (name, value) in odd.iter().flat_map(|name| values.iter().map(move |value| (name, value))) {
            let mut question = json!({
                "model": "m", "input": "a", "prompt": "a", "voice": "a", "image": "a", "stream": body.len() % 2 == 0,
                "messages": [{"role": "user", "content": "a"}],
            });
            question[*name] = value.clone();
            post(path, &question);
        }
    }
}
