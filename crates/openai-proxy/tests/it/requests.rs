//! What callers send: what passes, what is refused, and how it is said.

use testkit::caller::ask;
use testkit::vendor::{Act, Answer};

use crate::house::{CHAT_ANSWER, TestHouse, chat, provider, with};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bodies_are_refused_before_any_upstream_hears_of_them() {
    let (vendor, house) = with(|_| Act::text(200, "never")).await;
    let deep = format!("{{\"model\":\"gpt-4o\",\"x\":{}{}}}", "[".repeat(70), "]".repeat(70));
    let cases: [(&[u8], u16, &str); 12] = [
        (b"{broken", 400, "invalid_json"),
        (b"{\"model\":\"a\"} {}", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b"{\"model\":\"\xff\"}", 400, "invalid_json"),
        (b"\xef\xbb\xbf{\"model\":\"a\"}", 400, "invalid_json"),
        (b"{\"model\":7}", 400, "invalid_json"),
        (b"{\"messages\":[]}", 400, "missing_model"),
        (b"{\"model\":\"a\",\"\\u006dodel\":\"b\"}", 400, "duplicate_key"),
        (b"{\"model\":\"a\",\"Model\":\"b\"}", 400, "duplicate_key"),
        (b"{\"Model\":\"b\"}", 400, "duplicate_key"),
        (b"{\"model\":\"\"}", 400, "missing_model"),
        (deep.as_bytes(), 400, "invalid_json"),
    ];
    for (body, status, code) in cases {
        let answer = ask(house.address(), "POST", CHAT, &[], body.to_vec()).await;
        let shown = String::from_utf8_lossy(body).into_owned();
        assert_eq!((answer.status, answer.error_code().as_deref()), (status, Some(code)), "{shown}");
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{shown}");
        let error = &answer.json()["error"];
        assert!(
            error["message"].is_string() && error["type"].is_string() && error.get("param").is_some(),
            "{error}"
        );
    }
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_model_is_told_with_the_nearest_name() {
    let (vendor, _) = with(|_| Act::json(200, &serde_json::json!({"data": []}))).await;
    let house = TestHouse::new(&format!("{}models: {{gpt-4o-mini: openai}}\n", provider(&vendor)));
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o-mni", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("model_not_found")));
    assert!(answer.text().contains("Nearest: `gpt-4o-mini`"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_names_for_the_model_are_refused() {
    let (vendor, house) = with(|_| Act::text(200, "never")).await;
    let path = format!("{CHAT}?model=gpt-4o");
    let answer = ask(house.address(), "POST", &path, &[], chat("gpt-5", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("conflicting_model")));
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_413_by_its_length_or_by_its_bytes() {
    let (vendor, _) = with(|_| Act::text(200, "never")).await;
    let house = TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", limits: {{body: 1KiB, upload: 2KiB}}}}\n{}",
        provider(&vendor)
    ));
    let long = format!("{{\"model\":\"gpt-4o\",\"x\":\"{}\"}}", "a".repeat(2000));
    let answer = ask(house.address(), "POST", CHAT, &[], long.clone()).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (413, Some("request_too_large")));
    let mut caller = testkit::caller::Caller::connect(house.address()).await;
    let chunked = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    caller.send(chunked).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 413);
    let answer =
        ask(house.address(), "POST", "/v1/files", &[("content-type", "text/plain")], "a".repeat(3000)).await;
    assert_eq!(answer.status, 413);
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_fields_headers_and_paths_pass() {
    let (vendor, house) = with(|_| {
        Answer::plain(201, "{\"made\":1}")
            .header("content-type", "application/json")
            .header("x-their", "1")
            .into()
    })
    .await;
    let body = "{\"model\":\"gpt-4o\",\"tomorrow\":{\"a\":[1,2,{\"b\":null}]}}";
    let answer = ask(
        house.address(),
        "POST",
        "/v1/tomorrow/thing?a=1&b=%20",
        &[("x-mine", "2"), ("openai-beta", "agents=v1")],
        body,
    )
    .await;
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.header("x-their")),
        (201, "{\"made\":1}", Some("1"))
    );
    let seen = vendor.ledger().last().unwrap().seen;
    assert_eq!((seen.target.as_str(), seen.text().as_str()), ("/v1/tomorrow/thing?a=1&b=%20", body));
    assert_eq!((seen.header("x-mine"), seen.header("openai-beta")), (Some("2"), Some("agents=v1")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_goes_in_and_out() {
    let (vendor, house) = with(|_| {
        Answer::plain(200, CHAT_ANSWER)
            .header("content-type", "application/json")
            .header("x-request-id", "req_theirs")
            .into()
    })
    .await;
    let answer =
        ask(house.address(), "POST", CHAT, &[("x-request-id", "mine-1")], chat("gpt-4o", false)).await;
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(answer.header("x-openai-proxy-upstream-request-id"), Some("req_theirs"));
    assert_eq!(vendor.ledger().last().unwrap().seen.header("x-request-id"), Some("mine-1"));
    assert!(answer.header("server-timing").is_some_and(|timing| timing.starts_with("gateway;dur=")));
    let expected = [("provider", "openai"), ("model", "gpt-4o"), ("attempts", "1")];
    for (name, value) in expected {
        assert_eq!(answer.header(&format!("x-openai-proxy-{name}")), Some(value));
    }
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
    assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_") && id.len() == 36));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_pages_and_foreign_host_names_are_refused() {
    let (vendor, house) = with(|_| Act::json(200, &serde_json::json!({"id": "x"}))).await;
    let body = chat("gpt-4o", false);
    let answer =
        ask(house.address(), "POST", CHAT, &[("origin", "https://evil.example")], body.clone()).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (403, Some("origin_refused")));
    let mut caller = testkit::caller::Caller::connect(house.address()).await;
    caller.send("GET /v1/files HTTP/1.1\r\nhost: rebound.example:2020\r\n\r\n").await.unwrap();
    let answer = caller.read_answer().await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (421, Some("host_not_allowed")));
    assert_eq!(vendor.ledger().requests().len(), 0);
    let answer = ask(house.address(), "POST", CHAT, &[("origin", "http://localhost:3000")], body).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, Some("http://localhost:3000"))
    );
    let preflight = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = ask(house.address(), "OPTIONS", CHAT, &preflight, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-headers")), (204, Some("authorization")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_speaks_the_callers_language() {
    let (_vendor, house) = with(|_| Act::text(200, "never")).await;
    let answer = ask(
        house.address(),
        "POST",
        "/v1/messages",
        &[("anthropic-version", "2023-06-01")],
        "{\"model\":\"claude\"}",
    )
    .await;
    assert_eq!((answer.status, answer.json()["type"].as_str().unwrap()), (400, "error"));
    let path = "/v1beta/models/gemini:generateContent";
    let answer = ask(house.address(), "POST", path, &[], "{}").await;
    let error = &answer.json()["error"];
    assert_eq!(
        (answer.status, &error["code"], &error["status"]),
        (400, &400.into(), &"INVALID_ARGUMENT".into())
    );
    let answer = ask(house.address(), "POST", "/api/chat", &[], "{\"model\":\"llama\"}").await;
    assert!(answer.json()["error"].is_string(), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_house_answers_for_itself() {
    let (vendor, house) = with(|_| Act::text(200, "never")).await;
    for path in ["/health", "/livez", "/readyz", "/v1/health"] {
        assert_eq!(ask(house.address(), "GET", path, &[], "").await.status, 200, "{path}");
    }
    let head = ask(house.address(), "HEAD", "/", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let page = ask(house.address(), "GET", "/", &[("accept", "text/html")], "").await;
    assert!(page.text().starts_with("<!doctype html>"));
    assert!(ask(house.address(), "GET", "/", &[], "").await.text().starts_with("This is openai-proxy"));
    ask(house.address(), "POST", CHAT, &[], "{broken").await;
    house.records(|records| records.len() == 1).await;
    let metrics = ask(house.address(), "GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("openai_proxy_rejected_total{reason=\"invalid_json\"} 1"), "{metrics}");
    assert_eq!(vendor.ledger().requests().len(), 0);
}
