//! A door in the place of Ollama: its paths, and no others.

use testkit::caller::{Caller, ask};
use testkit::vendor::{Act, Vendor};

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat};

async fn with(settings: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2, ollama_listen: \"127.0.0.1:0\"}}\ndiscovery: {{enabled: never}}\n\
         providers: {{there: {{type: openai, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}}}\nmodels: {{m: there/gpt-4o}}\n{settings}",
        vendor.url()
    ));
    (vendor, house)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_know_only_ollamas_address_find_what_they_look_for() {
    let (_vendor, house) = with("").await;
    let door = house.inner().native().unwrap();
    for method in ["GET", "HEAD"] {
        assert_eq!(ask(door, method, "/", &[], "").await.status, 200, "{method}");
    }
    assert_eq!(ask(door, "GET", "/", &[], "").await.text(), "Ollama is running");
    assert!(ask(door, "GET", "/api/version", &[], "").await.json()["version"].is_string());
    assert_eq!(ask(door, "GET", "/api/tags", &[], "").await.json()["models"][0]["model"], "m");
    let body = r#"{"model":"m","stream":false,"messages":[{"role":"user","content":"hi"}]}"#;
    let told = ask(door, "POST", "/api/chat", &[], body).await;
    assert_eq!(told.json()["message"]["content"], "hello", "{}", told.text());
    let told = ask(door, "POST", "/v1/chat/completions", &[], chat("m", false)).await;
    assert_eq!((told.status, told.text().as_str()), (200, CHAT_ANSWER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_is_served_there() {
    let (vendor, house) = with("").await;
    let door = house.inner().native().unwrap();
    for (method, path) in [
        ("POST", "/v1beta/models/m:generateContent"),
        ("POST", "/model/m/converse"),
        ("POST", "/v2/chat"),
        ("POST", "/v1/rerank"),
        ("GET", "/v1/files"),
        ("POST", "/v1/something/new"),
    ] {
        let answer = ask(door, method, path, &[], r#"{"model":"m"}"#).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(answer.text().contains("server.listen"), "{path}: {}", answer.text());
    }
    for path in ["/admin/v1/providers", "/instances", "/config", "/metrics"] {
        assert_eq!(ask(door, "GET", path, &[], "").await.status, 404, "{path}");
    }
    assert_eq!(vendor.ledger().begun(), 0);
    // The usual door says who it is, as ever.
    assert!(ask(house.address(), "GET", "/", &[], "").await.text().contains("openai-proxy"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_asked_for_there_as_at_the_other_doors() {
    let key = "sk-laptop-0123456789abcdefghijklmnop";
    let (_vendor, house) = with(&format!("auth: {{mode: keys}}\nkeys: {{laptop: {{key: {key}}}}}\n")).await;
    let door = house.inner().native().unwrap();
    let body = r#"{"model":"m","stream":false,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(ask(door, "POST", "/api/chat", &[], body).await.status, 401);
    let bearer = format!("Bearer {key}");
    assert_eq!(ask(door, "POST", "/api/chat", &[("authorization", &bearer)], body).await.status, 200);
    let mut elsewhere = Caller::connect(door).await;
    elsewhere.send("GET /api/tags HTTP/1.1\r\nhost: evil.example\r\n\r\n").await.unwrap();
    assert_eq!(elsewhere.read_answer().await.status, 421, "names of ours only");
}
