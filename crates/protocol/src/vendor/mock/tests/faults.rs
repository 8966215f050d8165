//! Faults and pace by the model's name.

use super::*;

fn chat(model: &str, stream: bool) -> Script {
    let question = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]});
    post("/v1/chat/completions", &question)
}

#[test]
fn pace() {
    let slow = chat("mock/slow", true);
    assert_eq!((slow.before, slow.pieces[1].0), (Duration::from_secs(2), Duration::from_millis(100)));
    let slower = chat("mock/slow?first=1m&gap=3s", true);
    assert_eq!((slower.before, slower.pieces[1].0), (Duration::from_secs(60), Duration::from_secs(3)));
    let plain = chat("mock/echo?first=7ms&gap=1s", false);
    assert_eq!(
        (plain.before, plain.pieces[0].0, plain.pieces.len()),
        (Duration::from_millis(7), Duration::ZERO, 1)
    );
    assert_eq!(chat("mock?gap=0", true).pieces[1].0, Duration::ZERO);
}

#[test]
fn cut_and_hang() {
    for (kind, ending) in [("cut", Ending::Cut), ("hang", Ending::Hang)] {
        let usual = chat(&format!("mock/{kind}"), true);
        assert_eq!((usual.ending, usual.pieces.len()), (ending, 3));
        assert_eq!(chat(&format!("mock/{kind}?after=20"), true).pieces.len(), 20);
        let late = chat(&format!("mock/{kind}?after=20000"), true);
        assert!(!text(&late).contains("[DONE]") && text(&late).contains("finish_reason\":\"stop"));
        let half = chat(&format!("mock/{kind}"), false);
        assert_eq!((half.ending, half.status.as_u16()), (ending, 200));
        assert!(
            text(&half).starts_with("{\"id\"")
                && serde_json::from_str::<serde_json::Value>(&text(&half)).is_err()
        );
        assert!(chat(&format!("mock/{kind}?after=0"), false).pieces.is_empty());
    }
}

#[test]
fn refuse_garbage_and_empty() {
    let refused = chat("mock/refuse", true);
    assert!(refused.ending == Ending::Refuse && refused.pieces.is_empty());
    let garbage = chat("mock/garbage", false);
    assert_eq!(
        (garbage.status.as_u16(), garbage.headers["content-type"].to_str().unwrap()),
        (200, "text/html; charset=utf-8")
    );
    assert!(text(&garbage).starts_with("<!DOCTYPE html>"));
    let empty = chat("mock/empty", false);
    assert!(empty.status == 200 && empty.pieces.is_empty() && empty.ending == Ending::Whole);
}

#[test]
fn errors() {
    assert_eq!(error(&chat("mock/error", true)).0, 500);
    let chosen = chat("mock/error?status=418&code=teapot&message=no%20coffee", false);
    assert_eq!(error(&chosen), (418, "teapot".to_owned(), "no coffee".to_owned()));
    let limited = chat("mock/429?retry_after=2", false);
    assert_eq!(
        (error(&limited).1.as_str(), &limited.headers["retry-after"]),
        ("rate_limit_exceeded", &HeaderValue::from_static("2"))
    );
    assert_eq!(body(&limited)["error"]["type"], "requests");
    assert_eq!(body(&chat("mock/503", false))["error"]["type"], "server_error");
    assert_eq!(error(&chat("mock/401", false)).1, "invalid_api_key");
    assert!(chat("mock/204", false).pieces.is_empty());
    // A fault comes whatever else is wrong with the request.
    assert_eq!(error(&post("/v1/embeddings", &json!({"model": "mock/500"}))).0, 500);
    // A retry-after that no header can carry is left out.
    assert!(chat("mock/429?retry_after=%0a", false).headers.get("retry-after").is_none());
}

#[test]
fn unknown_kinds_and_parameters_are_named() {
    for model in [
        "mock/",
        "mock/nothing",
        "mock/99",
        "mock/100",
        "mock/600",
        "mock/0429",
        "mock/echo?x=1",
        "mock/cut?first=1s&after=x",
        "mock/slow?first=1h",
        "mock/slow?first=100m",
        "mock/slow?gap=5",
        "mock/say?text=%",
        "mock/say?text=%ff",
        "mock/error?status=1000",
        "mock/error?status=99999999999999999999",
    ] {
        let (status, code, message) = error(&chat(model, true));
        assert_eq!((status, code.as_str()), (404, "model_not_found"), "{model}");
        assert!(message.contains(model), "{message}");
    }
    assert!(error(&chat("mock/nothing", false)).2.contains("mock/echo"));
    assert_eq!(chat("gpt-5?x=1", false).status, 200);
    assert_eq!(chat("mocking/bird", false).status, 200);
}
