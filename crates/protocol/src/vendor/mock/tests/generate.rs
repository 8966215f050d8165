//! Gemini's language: whole, in both kinds of stream, counted, and its errors.

use super::*;

fn path(model: &str, verb: &str) -> String {
    format!("/v1/v1beta/models/{model}:{verb}")
}

fn question() -> serde_json::Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}, {"text": " there"}]}]})
}

fn said(parts: &[serde_json::Value]) -> String {
    parts.iter().map(|part| part["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap()).collect()
}

/// An error's code, status and message; the shape must be theirs.
fn refused(script: &Script) -> (u64, String, String) {
    let error = body(script)["error"].clone();
    assert_eq!(error["code"], script.status.as_u16());
    let word = |name: &str| error[name].as_str().unwrap().to_owned();
    (error["code"].as_u64().unwrap(), word("status"), word("message"))
}

#[test]
fn a_question_is_answered_and_counted() {
    let answer = body(&post(&path("gemini-x", "generateContent"), &question()));
    assert_eq!(answer["modelVersion"], "gemini-x");
    assert!(said(std::slice::from_ref(&answer)).starts_with("This is the mock"));
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    let usage = &answer["usageMetadata"];
    assert_eq!(usage["promptTokenCount"], 3);
    assert_eq!(usage["totalTokenCount"], 3 + usage["candidatesTokenCount"].as_u64().unwrap());
    assert_eq!(body(&post(&path("m", "countTokens"), &question())), json!({"totalTokens": 3}));
    let wrapped = json!({"generateContentRequest": question()});
    assert_eq!(body(&post(&path("m", "countTokens"), &wrapped)), json!({"totalTokens": 3}));
}

#[test]
fn a_text_has_the_same_vector_alone_and_in_a_batch() {
    let content = |text: &str| json!({"content": {"parts": [{"text": text}]}, "outputDimensionality": 8});
    let one = body(&post(&path("m", "embedContent"), &content("Hello there")));
    let batch = json!({"requests": [content("another"), content("Hello there")]});
    let batch = body(&post(&path("m", "batchEmbedContents"), &batch));
    assert_eq!(batch["embeddings"][1], one["embedding"]);
    assert_eq!(one["embedding"]["values"].as_array().unwrap().len(), 8);
    assert_eq!(one["usageMetadata"]["promptTokenCount"], 2);
    let script = post(&path("m", "embedContent"), &json!({"text": "Hello"}));
    assert_eq!(refused(&script).1, "INVALID_ARGUMENT");
}

#[test]
fn both_kinds_of_stream_say_the_same() {
    let whole = body(&post(&path("m", "generateContent"), &question()));
    let events = values(&post(&(path("m", "streamGenerateContent") + "?alt=sse"), &question()));
    let array = post(&path("m", "streamGenerateContent"), &question());
    assert!(array.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    assert!(array.pieces.len() > 5);
    let parts = body(&array);
    let parts = parts.as_array().unwrap();
    assert_eq!(parts, &events);
    assert_eq!(said(parts), said(std::slice::from_ref(&whole)));
    let (last, others) = parts.split_last().unwrap();
    assert!(others.iter().all(|part| part["candidates"][0].get("finishReason").is_none()));
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
}

#[test]
fn the_models_name_shapes_the_answer() {
    let say = body(&post(&path("mock/say%3Ftext=huge+manatees", "generateContent"), &question()));
    assert_eq!(said(&[say]), "huge manatees");
    let mut short = question();
    short["generationConfig"] = json!({"maxOutputTokens": 1});
    let echo = body(&post(&path("mock/echo", "generateContent"), &short));
    assert_eq!(echo["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(said(&[echo]), "Hello");
    let cut = post(&(path("mock/cut", "streamGenerateContent") + "?alt=sse"), &question());
    assert_eq!((cut.ending, cut.pieces.len()), (Ending::Cut, 3));
    assert_eq!(refused(&post(&path("mock/429", "generateContent"), &question())).1, "RESOURCE_EXHAUSTED");
    assert_eq!(refused(&post(&path("mock/503", "streamGenerateContent"), &question())).1, "UNAVAILABLE");
}

#[test]
fn structured_answers_fit() {
    let mut question = question();
    let schema = json!({"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}});
    question["generationConfig"] =
        json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
    assert_eq!(said(&[body(&post(&path("m", "generateContent"), &question))]), r#"{"ok":true}"#);
}

#[test]
fn what_is_wrong_is_said_in_the_same_language() {
    let missing = refused(&post(&path("m", "generateContent"), &json!({})));
    assert_eq!((missing.0, missing.1.as_str()), (400, "INVALID_ARGUMENT"));
    assert_eq!(refused(&post(&path("mock/nothing", "generateContent"), &question())).1, "NOT_FOUND");
    let unknown = refused(&post(&path("m", "predict"), &question()));
    assert!(unknown.2.contains("countTokens"), "{unknown:?}");
    assert_eq!(refused(&get("/v1/v1beta/models/m")).0, 404);
}
