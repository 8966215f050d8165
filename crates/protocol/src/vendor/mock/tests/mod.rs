//! What a user of the mock would notice, endpoint by endpoint.

mod chat;
mod faults;
mod generate;
mod media;
mod messages;
mod responses;
mod structure;

use serde_json::json;

use super::*;

/// Asks with any method, path, type and body.
fn ask(method: &Method, path: &str, content_type: &str, body: impl Into<Bytes>) -> Script {
    let body = body.into();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    answer(&Asked {
        method,
        path,
        query,
        content_type: Some(content_type),
        body: &body,
        now: 1_800_000_000,
        turn: 7,
    })
}

fn post(path: &str, body: &serde_json::Value) -> Script {
    ask(&Method::POST, path, "application/json", body.to_string())
}

fn get(path: &str) -> Script {
    ask(&Method::GET, path, "", "")
}

fn text(script: &Script) -> String {
    let bytes: Vec<u8> = script.pieces.iter().flat_map(|(_, piece)| piece.clone()).collect();
    String::from_utf8(bytes).unwrap()
}

fn body(script: &Script) -> serde_json::Value {
    serde_json::from_str(&text(script)).unwrap()
}

/// The data of each event; every event must stand in a piece of its own.
fn events(script: &Script) -> Vec<String> {
    assert_eq!(script.headers["content-type"], "text/event-stream; charset=utf-8");
    let data = |piece: &Bytes| {
        let piece = std::str::from_utf8(piece).unwrap().strip_suffix("\n\n").unwrap().to_owned();
        let (head, data) = piece.rsplit_once("data: ").unwrap();
        if let Some(name) = head.strip_prefix("event: ") {
            let value: serde_json::Value = serde_json::from_str(data).unwrap();
            assert_eq!(value["type"], name.trim_end());
        }
        data.to_owned()
    };
    script.pieces.iter().map(|(_, piece)| data(piece)).collect()
}

/// The events as JSON, without `[DONE]`.
fn values(script: &Script) -> Vec<serde_json::Value> {
    events(script)
        .iter()
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// An error's status and code; all four fields must be there.
fn error(script: &Script) -> (u16, String, String) {
    let body = body(script);
    let fields: Vec<&String> = body["error"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["message", "type", "param", "code"]);
    let word = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (script.status.as_u16(), word("code"), word("message"))
}

#[test]
fn the_same_question_gets_the_same_answer() {
    let question = json!({"model": "mock", "messages": [{"role": "user", "content": "Hi"}], "stream": true});
    let (one, two) = (post("/v1/chat/completions", &question), post("/v1/chat/completions", &question));
    assert_eq!(one.pieces, two.pieces);
    assert_eq!(one.headers, two.headers);
    assert!(one.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
}

#[test]
fn lists() {
    let models = body(&get("/v1/models"));
    assert_eq!(models["object"], "list");
    for model in models["data"].as_array().unwrap() {
        let name = model["id"].as_str().unwrap();
        assert!(behaviour::Behaviour::of(name).is_ok(), "{name}");
    }
    assert_eq!(body(&get("/v1/models/mock/say%3Ftext=a"))["id"], "mock/say?text=a");
    assert_eq!(error(&get("/v1/models/mock/nothing")).1, "model_not_found");
    assert_eq!(body(&get("/v1/files?limit=2"))["data"], json!([]));
    let moderation = body(&post("/v1/moderations", &json!({"input": ["a", "b"]})));
    assert_eq!(moderation["results"].as_array().unwrap().len(), 2);
    assert_eq!(moderation["results"][0]["categories"]["self-harm/intent"], false);
}

#[test]
fn what_it_cannot_do_it_says() {
    for (method, path) in [
        (Method::POST, "/v1/files"),
        (Method::GET, "/v1/chat/completions"),
        (Method::DELETE, "/v1/models/mock"),
        (Method::GET, "/v1/responses/resp_1/input_items"),
        (Method::GET, "/"),
    ] {
        let (status, _, message) = error(&ask(&method, path, "", ""));
        assert_eq!(status, 404);
        assert!(message.contains("/v1/chat/completions"), "{message}");
    }
}

#[test]
fn bad_requests() {
    let chat = "/v1/chat/completions";
    assert_eq!(error(&ask(&Method::POST, chat, "application/json", "{")).0, 400);
    assert_eq!(error(&ask(&Method::POST, chat, "application/json", "[]")).1, "invalid_type");
    let user = json!([{"role": "user", "content": "Hi"}]);
    for (path, question, code, message) in [
        (chat, json!({"messages": user}), "", "you must provide a model parameter"),
        (chat, json!({"model": ""}), "", "you must provide a model parameter"),
        (
            chat,
            json!({"model": "m"}),
            "missing_required_parameter",
            "Missing required parameter: 'messages'.",
        ),
        (chat, json!({"model": "m", "messages": []}), "empty_array", "Invalid 'messages': empty array."),
        (chat, json!({"model": "m", "messages": "Hi"}), "invalid_type", "Invalid type for 'messages'"),
        (chat, json!({"model": "m", "messages": ["Hi"]}), "invalid_type", "Invalid type for 'messages[0]'"),
        (
            chat,
            json!({"model": "m", "messages": [{}]}),
            "missing_required_parameter",
            "Missing required parameter",
        ),
        (chat, json!({"model": 5, "messages": user}), "invalid_type", "Invalid type for 'model'"),
        (chat, json!({"model": "m", "messages": user, "n": 0}), "integer_out_of_range", "Invalid 'n'"),
        (
            chat,
            json!({"model": "m", "messages": user, "stream": "yes"}),
            "invalid_type",
            "Invalid type for 'stream'",
        ),
        (
            "/v1/responses",
            json!({"model": "m"}),
            "missing_required_parameter",
            "Missing required parameter: 'input'.",
        ),
        (
            "/v1/responses",
            json!({"input": "Hi"}),
            "missing_required_parameter",
            "Missing required parameter: 'model'.",
        ),
        ("/v1/embeddings", json!({"model": "m", "input": []}), "invalid_array_length", "Invalid 'input'"),
        (
            "/v1/embeddings",
            json!({"model": "m", "input": [1, "a"]}),
            "invalid_type",
            "Invalid type for 'input'",
        ),
        (
            "/v1/completions",
            json!({"model": "m"}),
            "missing_required_parameter",
            "Missing required parameter: 'prompt'.",
        ),
    ] {
        let (status, given, said) = error(&post(path, &question));
        assert_eq!((status, given.as_str()), (400, code), "{question}");
        assert!(said.starts_with(message), "{said}");
    }
}
