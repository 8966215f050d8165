//! What vendors answer: what passes, what is held back, and what becomes an honest error.

use testkit::caller::ask;
use testkit::vendor::{Act, Answer, Ending};

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat, chat_events, with};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_key_refused_is_never_the_callers_401() {
    for status in [401, 403] {
        let (_vendor, house) =
            with(move |_| Act::json(status, &serde_json::json!({"error": {"message": UPSTREAM_KEY}}))).await;
        let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (502, Some("upstream_auth_failed")));
        assert!(!answer.text().contains(UPSTREAM_KEY));
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_ours_with_nothing_left_is_told_as_a_quota_that_no_program_asks_again() {
    let (_vendor, house) =
        with(|_| Act::json(402, &serde_json::json!({"error": {"message": "pay up"}}))).await;
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (429, Some("insufficient_quota")));
    assert_eq!((answer.header("x-should-retry"), answer.header("retry-after")), (Some("false"), None));
    assert!(answer.text().contains("Its operator has to fill it"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_left_alone_is_not_asked_again_by_programs_that_would_for_minutes() {
    let (_vendor, house) =
        with(|_| Act::json(500, &serde_json::json!({"error": {"message": "broken"}}))).await;
    let responses =
        || ask(house.address(), "POST", "/v1/responses", &[], r#"{"model":"gpt-4o","input":"hi"}"#);
    for _ in 0..6 {
        ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
        responses().await;
    }
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (503, Some("no_healthy_target")));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert!(answer.header("retry-after").is_some() && answer.header("retry-after-ms").is_some());
    let answer = responses().await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (503, Some("server_is_overloaded")));
    assert_eq!((answer.header("x-should-retry"), answer.header("retry-after")), (Some("false"), None));
    assert!(answer.header("retry-after-ms").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_own_key_refused_is_told_to_the_caller() {
    let vendor = testkit::vendor::Vendor::start(|_| {
        Act::json(401, &serde_json::json!({"error": {"message": "bad key"}}))
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"{}/v1\", credential: passthrough}}}}\n",
        vendor.url()
    ));
    let answer =
        ask(house.address(), "POST", CHAT, &[("authorization", "Bearer sk-mine")], chat("gpt-4o", false))
            .await;
    assert_eq!((answer.status, answer.json()["error"]["message"].as_str()), (401, Some("bad key")));
    assert_eq!(vendor.ledger().last().unwrap().seen.header("authorization"), Some("Bearer sk-mine"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_account_and_secrets_stay_inside() {
    let (_vendor, house) = with(|_| {
        Answer::plain(200, CHAT_ANSWER)
            .header("content-type", "application/json")
            .header("openai-organization", "org-ours")
            .header("openai-project", "proj_ours")
            .header("set-cookie", "__cf=1")
            .header("server", "cloudflare")
            .header("x-echo", &format!("Bearer {UPSTREAM_KEY}"))
            .header("x-openai-proxy-provider", "forged")
            .header("x-ratelimit-remaining-tokens", "7")
            .into()
    })
    .await;
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
    for gone in ["openai-organization", "openai-project", "set-cookie", "server", "x-echo"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("openai"));
    assert_eq!(answer.header("x-ratelimit-remaining-tokens"), Some("7"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_success_that_is_no_answer_is_a_502() {
    let cases: [(&'static str, &'static str); 4] = [
        ("text/html", "<html>login</html>"),
        ("application/json", ""),
        ("application/json", "{\"id\":\"x\",\"choi"),
        ("application/json", "oops"),
    ];
    for (kind, body) in cases {
        let (_vendor, house) =
            with(move |_| Answer::plain(200, body).header("content-type", kind).into()).await;
        let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
        assert_eq!(
            (answer.status, answer.error_code().as_deref()),
            (502, Some("upstream_bad_response")),
            "{kind} {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_upstream_is_a_502_that_names_no_address() {
    let house =
        TestHouse::new("providers: {openai: {base_url: \"http://127.0.0.1:1/v1\", api_key: sk-x-123456}}\n");
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (502, Some("upstream_unreachable")));
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_answers_pass_as_they_are() {
    let squeezed: &'static [u8] = b"\x1f\x8b\x08\x00not really gzip\x00\xff";
    let (vendor, house) = with(move |_| {
        Answer::plain(200, squeezed)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .into()
    })
    .await;
    let answer = ask(house.address(), "GET", "/v1/files", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(
        (answer.status, answer.header("content-encoding"), answer.body.as_ref()),
        (200, Some("gzip"), squeezed)
    );
    assert_eq!(vendor.ledger().last().unwrap().seen.header("accept-encoding"), Some("gzip"));
    let house = TestHouse::before(&vendor);
    ask(house.address(), "POST", CHAT, &[("accept-encoding", "gzip")], chat("gpt-4o", false)).await;
    assert_eq!(
        vendor.ledger().last().unwrap().seen.header("accept-encoding"),
        None,
        "a count must be readable"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_streams_as_binary_while_it_comes() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let gate = go.clone();
    let (_vendor, house) = with(move |_| {
        Answer::stream(200)
            .header("content-type", "audio/mpeg")
            .send(vec![1u8; 4000])
            .wait_for(&gate)
            .send(vec![2u8; 4000])
            .into()
    })
    .await;
    let mut caller = testkit::caller::Caller::connect(house.address()).await;
    let body = "{\"model\":\"tts-1\",\"input\":\"x\"}";
    let request = format!(
        "POST /v1/audio/speech HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.send(request).await.unwrap();
    caller.wait_for_head().await.unwrap();
    // The head is here though the vendor has not sent the second half yet.
    go.notify_one();
    let answer = caller.read_answer().await;
    assert_eq!(answer.body.as_ref(), [vec![1u8; 4000], vec![2u8; 4000]].concat());
    assert!(answer.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_told_not_followed() {
    let elsewhere = testkit::vendor::Vendor::start(|_| Act::text(200, "elsewhere")).await;
    let url = elsewhere.url();
    let (_vendor, house) = with(move |_| Answer::plain(302, "").header("location", &url).into()).await;
    let answer = ask(house.address(), "GET", "/v1/files", &[], "").await;
    assert_eq!(answer.status, 302);
    assert_eq!(elsewhere.ledger().requests().len(), 0);
}

/// People write `api_key: ollama` for servers that want any key: such a word in an answer is a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_placeholder_for_a_key_is_not_a_secret() {
    let vendor = testkit::vendor::Vendor::start(|_| {
        let said = CHAT_ANSWER.replace("hello", "ollama is a llama runner");
        Answer::plain(200, said)
            .header("content-type", "application/json")
            .header("x-engine", "ollama")
            .into()
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"{}/v1\", api_key: ollama}}}}\n",
        vendor.url()
    ));
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
    assert_eq!((answer.status, answer.header("x-engine")), (200, Some("ollama")), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_type_is_said_to_be_of_its_connection_is_a_stream_all_the_same() {
    let (_vendor, house) = with(|_| {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close, content-type\r\n\r\n";
        Act::raw(head.to_owned() + &chat_events(true).concat(), Ending::Fin)
    })
    .await;
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", true)).await;
    assert_eq!(answer.text(), chat_events(false).concat(), "its count was asked for by us");
    let counted = house.record().await.tokens.map(|tokens| (tokens.input, tokens.output));
    assert_eq!(counted, Some((9, 12)));
}
