//! What an attacker tried, and what holds against it: each fault found becomes a test.

use std::time::Duration;

use store::usage_record::Outcome;
use testkit::caller::{Caller, ask};
use testkit::vendor::{Act, Answer, Ending, Vendor};

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat, once, provider, with};

const CHAT: &str = "/v1/chat/completions";

/// Two providers; `private` belongs to the second.
async fn two() -> (Vendor, Vendor, TestHouse) {
    let a = Vendor::start(|_| Act::json(200, &serde_json::json!({"id": "a"}))).await;
    let b = Vendor::start(|_| Act::json(200, &serde_json::json!({"id": "b"}))).await;
    let yaml = format!(
        "providers:\n  a: {{base_url: \"{}/v1\", api_key: sk-a-0123456789}}\n  b: {{base_url: \"{}/v1\", api_key: sk-b-0123456789}}\nmodels: {{pub: a/pub, private: b/own-name}}\n",
        a.url(),
        b.url()
    );
    (a, b, TestHouse::new(&yaml))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_meant_for_one_place_never_goes_to_another() {
    let (a, b, house) = two().await;
    let body = "{\"model\":\"private\",\"input\":\"SECRET\"}";
    for kind in ["application/x-www-form-urlencoded", "text/plain", "application/octet-stream"] {
        let answer = ask(house.address(), "POST", "/v1/responses", &[("content-type", kind)], body).await;
        assert_eq!((answer.status, answer.json()["id"].as_str()), (200, Some("b")), "{kind}");
    }
    let gzip = [("content-encoding", "gzip"), ("content-type", "application/json")];
    assert_eq!(ask(house.address(), "POST", "/v1/responses", &gzip, body).await.status, 400);
    let file = "x".repeat(100_000);
    let form = format!(
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{file}\r\n--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nprivate\r\n--b--\r\n"
    );
    let kind = [("content-type", "multipart/form-data; boundary=b")];
    let answer = ask(house.address(), "POST", "/v1/images/edits", &kind, form).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("missing_model")));
    assert_eq!((a.ledger().requests().len(), b.ledger().requests().len()), (0, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_names_the_model_as_its_provider_does() {
    let (_a, b, house) = two().await;
    let form = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nprivate\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nprivate\r\n--b--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=b")];
    assert_eq!(ask(house.address(), "POST", "/v1/images/edits", &kind, form).await.status, 200);
    assert_eq!(b.ledger().last().unwrap().seen.text(), form.replacen("private", "own-name", 1));
    let late = format!(
        "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nprivate\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{}\r\n--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\npub\r\n--b--\r\n",
        "x".repeat(300_000)
    );
    let answer = ask(house.address(), "POST", "/v1/images/edits", &kind, late).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("conflicting_model")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_models_name_never_becomes_an_address() {
    let azure = Vendor::start(|_| Act::json(200, &serde_json::json!({"id": "x"}))).await;
    let yaml = format!(
        "providers: {{azure: {{base_url: \"{}\", api_version: \"2024-10-21\", api_key: {UPSTREAM_KEY}}}}}\n",
        azure.url()
    );
    let house = TestHouse::new(&yaml);
    for name in ["x/../../admin?a=b&", ".."] {
        let refused = ask(house.address(), "POST", CHAT, &[], chat(name, false)).await;
        assert_eq!((refused.status, azure.ledger().begun()), (400, 0), "{name}: {}", refused.text());
    }
    for name in ["x/..admin?a=b&", "a#b", "dep?api-version=1999&x=", "a b", "..."] {
        assert_eq!(ask(house.address(), "POST", CHAT, &[], chat(name, false)).await.status, 200, "{name}");
        let target = azure.ledger().last().unwrap().seen.target;
        let inner = target.strip_prefix("/openai/deployments/").unwrap();
        let inner = inner.strip_suffix("/chat/completions?api-version=2024-10-21").unwrap();
        assert!(
            inner.bytes().all(|b| b.is_ascii_alphanumeric() || b"%-._~".contains(&b)) && inner != "..",
            "{target}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_without_end_are_refused_and_not_kept() {
    let (vendor, house) = with(|_| Act::text(200, "never")).await;
    let answer = ask(house.address(), "POST", CHAT, &[], chat(&"m".repeat(2_000_000), false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("model_not_found")));
    assert_eq!(house.record().await.model_asked, None);
    let mut caller = Caller::connect(house.address()).await;
    caller
        .send(format!("{} /v1/files HTTP/1.1\r\nhost: localhost\r\n\r\n", "M".repeat(30_000)))
        .await
        .unwrap();
    assert_eq!(caller.read_answer().await.status, 400);
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_known_length_is_whole_and_its_connection_kept() {
    let (vendor, house) =
        with(|_| Answer::plain(200, vec![7u8; 2_000]).header("content-type", "audio/mpeg").into()).await;
    for _ in 0..3 {
        let answer = ask(house.address(), "POST", "/v1/audio/speech", &[], "{\"model\":\"tts-1\"}").await;
        assert_eq!((answer.status, answer.body.len()), (200, 2_000));
    }
    let head = ask(house.address(), "HEAD", "/v1/models", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let records = house.records(|records| records.len() == 4).await;
    assert!(records.iter().all(|record| record.outcome == Outcome::Answered), "{records:#?}");
    let speech =
        vendor.ledger().entries().iter().filter(|entry| entry.seen.path().contains("speech")).count();
    assert_eq!(speech, 3);
    assert!(vendor.ledger().accepted() <= 3, "kept connections are used again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_is_counted_too() {
    let body = format!(
        "{{\"data\":\"{}\",\"usage\":{{\"prompt_tokens\":77,\"total_tokens\":77}}}}",
        "x".repeat(1_500_000)
    );
    let (_vendor, house) =
        with(move |_| Answer::plain(200, body.clone()).header("content-type", "application/json").into())
            .await;
    let answer =
        ask(house.address(), "POST", "/v1/embeddings", &[], "{\"model\":\"e\",\"input\":\"x\"}").await;
    assert_eq!(answer.status, 200);
    let records = house.records(|records| records.iter().any(|record| record.tokens.is_some())).await;
    assert_eq!(records[0].tokens.unwrap().input, 77);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_is_asked_for_again_a_paid_request_is_sent_once() {
    let (vendor, house) = once(|seen| match seen.number {
        0 | 1 if seen.header("x-case") != Some("slow") => {
            Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
        }
        _ => Act::Raw(vec![testkit::vendor::Step::Wait(Duration::from_millis(800))], Ending::Fin),
    })
    .await;
    let mut caller = Caller::connect(house.address()).await;
    let body = chat("gpt-4o", false);
    let request = |extra: &str| {
        format!(
            "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{extra}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    caller.send(request("")).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 200);
    caller.send(request("x-case: slow\r\n")).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 502);
    assert_eq!(vendor.ledger().requests().len(), 2, "a paid request is sent once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_last_event_and_not_with_one_of_its_choices() {
    let half = "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n";
    let (_vendor, house) = with(move |_| Answer::events().send(half).ending(Ending::Reset).into()).await;
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", true)).await;
    assert!(answer.text().contains("upstream_stream_interrupted"), "{}", answer.text());
    let unnamed = "data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n";
    let (_vendor, house) = with(move |_| Answer::events().send(unnamed).into()).await;
    let answer =
        ask(house.address(), "POST", "/v1/responses", &[], "{\"model\":\"gpt-4o\",\"stream\":true}").await;
    assert_eq!(answer.text(), unnamed, "complete, and nothing is put behind it");
    let squeezed: &'static [u8] = b"\x1f\x8b\x08 not text";
    let (_vendor, house) =
        with(move |_| Answer::events().header("content-encoding", "gzip").send(squeezed).into()).await;
    let answer = ask(
        house.address(),
        "POST",
        "/v1/audio/speech",
        &[],
        "{\"model\":\"tts-1\",\"stream_format\":\"sse\"}",
    )
    .await;
    assert_eq!(answer.body.as_ref(), squeezed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_in_odd_places_stay_where_they_are() {
    let (vendor, house) = with(|_| {
        Answer::plain(400, format!("{{\"error\":{{\"message\":\"bad key {UPSTREAM_KEY}\"}}}}"))
            .header("content-type", "application/json")
            .header("x-request-id", UPSTREAM_KEY)
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .into()
    })
    .await;
    let odd = [
        ("x-api_key", "sk-caller"),
        ("x_api-key", "sk-caller"),
        ("ocp-apim-subscription-key", "sk-caller"),
        ("x-auth-token", "sk-caller"),
        ("cookie2", "sk-caller"),
        ("x_forwarded_for", "6.6.6.6"),
    ];
    let answer = ask(house.address(), "POST", CHAT, &odd, chat("gpt-4o", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (502, Some("upstream_bad_response")));
    assert!(!String::from_utf8_lossy(&answer.raw).contains(UPSTREAM_KEY), "our key leaked");
    let seen = vendor.ledger().last().unwrap().seen;
    assert!(!seen.contains(b"sk-caller") && !seen.contains(b"6.6.6.6"), "{:?}", seen.headers);
    for query in ["KEY=x", "%6bey=x", "api_key=x"] {
        let answer = ask(house.address(), "GET", &format!("/v1/files?{query}"), &[], "").await;
        assert_eq!(answer.error_code().as_deref(), Some("key_in_query"), "{query}");
    }
    for origin in ["http://[::1].evil.com", "foo://localhost"] {
        let answer = ask(house.address(), "GET", "/v1/files", &[("origin", origin)], "").await;
        assert_eq!(answer.status, 403, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_hop_is_not_believed() {
    let vendor = Vendor::start(|_| Act::json(200, &serde_json::json!({"id": "x"}))).await;
    let house = TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", trusted_proxies: [127.0.0.0/8]}}\n{}",
        provider(&vendor)
    ));
    let cases =
        [("6.6.6.6, 1.2.3.4:5678", "1.2.3.4"), ("6.6.6.6, nonsense", "127.0.0.1"), ("9.9.9.9", "9.9.9.9")];
    for (claimed, told) in cases {
        ask(house.address(), "GET", "/v1/files", &[("x-forwarded-for", claimed)], "").await;
        assert_eq!(vendor.ledger().last().unwrap().seen.header("x-forwarded-for"), Some(told), "{claimed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encoded_slashes_climb_nowhere() {
    let (vendor, house) = with(|_| Act::text(200, "never")).await;
    for path in [
        "/v1/models/x%2f..%2f..%2ffiles%2ffile-1",
        "/v1/models/%2Fx",
        "/openai/deployments/pub/files/a%2f..%2fadmin",
    ] {
        let answer = ask(house.address(), "DELETE", path, &[], "").await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
    }
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_models_name_of_a_body_is_one_segment_of_every_vendors_path() {
    let vendor = Vendor::start(|_| Act::json(200, &serde_json::json!({}))).await;
    let places = [
        ("gemini", "/v1beta", "", "/v1beta/models/", ":generateContent"),
        ("bedrock", "", "", "/model/", "/converse"),
        (
            "azure",
            "",
            ", api_version: \"2024-10-21\"",
            "/openai/deployments/",
            "/chat/completions?api-version=2024-10-21",
        ),
    ];
    for (kind, base, more, before, behind) in places {
        let house = TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nproviders: {{there: {{type: {kind}, base_url: \"{}{base}\", api_key: {UPSTREAM_KEY}{more}}}}}\nrouting: {{unknown_model: there, retries: 0}}\n",
            vendor.url()
        ));
        for (name, segment) in [
            ("/etc/passwd", "%2Fetc%2Fpasswd"),
            ("a/b?c=d#e", "a%2Fb%3Fc%3Dd%23e"),
            ("m:generateContent", "m%3AgenerateContent"),
            ("m%2e%2e", "m%252e%252e"),
            ("v1.5/..m", "v1.5%2F..m"),
        ] {
            ask(house.address(), "POST", CHAT, &[], chat(name, false)).await;
            let target = vendor.ledger().last().unwrap().seen.target;
            assert_eq!(target, format!("{before}{segment}{behind}"), "{kind} {name}");
        }
        let begun = vendor.ledger().begun();
        for name in ["a\\u0000b", "a\\r\\nb", "a\\u0085b"] {
            let control = ask(house.address(), "POST", CHAT, &[], chat(name, false)).await;
            assert_eq!((control.status, vendor.ledger().begun()), (404, begun), "{kind} {name}");
        }
    }
}

/// Whoever reads addresses as browsers do takes `%2E%2E` for a step up, and some servers decode slashes, or decode twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dots_in_a_models_name_lead_nowhere() {
    let vendor = Vendor::start(|_| Act::json(200, &serde_json::json!({}))).await;
    let places = [
        ("gemini", "/v1beta", ""),
        ("vertex", "/v1/projects/p/locations/l", ""),
        ("bedrock", "", ""),
        ("azure", "", ", api_version: \"2024-10-21\""),
    ];
    for (kind, base, more) in places {
        let house = TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nproviders: {{there: {{type: {kind}, base_url: \"{}{base}\", api_key: {UPSTREAM_KEY}{more}}}}}\nrouting: {{unknown_model: there, retries: 0}}\n",
            vendor.url()
        ));
        let everywhere = [
            "../../admin",
            "a/../b",
            "./x",
            "%2e%2E/x",
            "%252e%252E/x",
            "a/.%2e/x",
            "..\\\\x",
            "..;a=b/x",
            "publishers/x/../y",
            "endpoints/../../x",
        ];
        // Behind these stands a verb in the same segment, and they are names of nothing.
        let segments = [".", "..", "%2E%2E", ".%2e", "x/.."];
        let verbs = matches!(kind, "gemini" | "vertex");
        for name in everywhere.iter().chain(segments.iter().filter(|_| !verbs)) {
            let refused = ask(house.address(), "POST", CHAT, &[], chat(name, false)).await;
            let told = (refused.status, &refused.json()["error"]["param"]);
            assert_eq!(told, (400, &serde_json::json!("model")), "{kind} {name}: {}", refused.text());
        }
    }
    assert_eq!(vendor.ledger().begun(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_asks_for_the_model_of_its_path_and_no_other() {
    let vendor = Vendor::start(|_| Act::json(200, &serde_json::json!({}))).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: gemini, base_url: \"{}/v1beta\", api_key: {UPSTREAM_KEY}}}}}\nmodels: {{cheap: there/cheap}}\n",
        vendor.url()
    ));
    let embed = |model: &str| {
        format!(
            r#"{{"requests":[{{"model":"models/cheap"}},{{"model":"{model}","content":{{"parts":[{{"text":"hi"}}]}}}}]}}"#
        )
    };
    let generate = |model: &str| {
        format!(
            r#"{{"batch":{{"inputConfig":{{"requests":{{"requests":[{{"request":{{"model":"{model}","contents":[]}}}}]}}}}}}}}"#
        )
    };
    for (verb, body) in [
        ("batchEmbedContents", embed("models/dear")),
        ("batchGenerateContent", generate("models/dear")),
        ("asyncBatchEmbedContent", generate("dear")),
    ] {
        let path = format!("/v1beta/models/cheap:{verb}");
        let answer = ask(house.address(), "POST", &path, &[], body).await;
        let told = &answer.json()["error"]["message"];
        assert!(
            answer.status == 400 && told.as_str().is_some_and(|say| say.contains("`dear`")),
            "{verb}: {told}"
        );
    }
    assert_eq!(vendor.ledger().begun(), 0);
    for (verb, body) in
        [("batchEmbedContents", embed("models/cheap")), ("batchGenerateContent", generate("cheap"))]
    {
        let path = format!("/v1beta/models/cheap:{verb}");
        assert_eq!(ask(house.address(), "POST", &path, &[], body).await.status, 200, "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_a_language_stays_with_it_in_both_directions() {
    let vendor = Vendor::start(|_| {
        Answer::plain(200, CHAT_ANSWER)
            .header("content-type", "application/json")
            .header("openai-processing-ms", "12")
            .header("x-amzn-requestid", "one")
            .header("x-goog-safety", "x")
            .header("anthropic-beta", "x")
            .header("x-of-nobodys", "passes")
            .into()
    })
    .await;
    let house = TestHouse::before(&vendor);
    let headers = [
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "tools"),
        ("x-goog-api-client", "x"),
        ("x-amz-date", "x"),
        ("x-amzn-bedrock-trace", "x"),
        ("openai-beta", "x"),
        ("x-of-nobodys", "passes"),
    ];
    let body = r#"{"model":"gpt-4o","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = ask(house.address(), "POST", "/v1/messages", &headers, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = vendor.ledger().last().unwrap().seen;
    for (name, _) in &headers[..6] {
        assert_eq!(seen.header(name), None, "{name} went to a vendor of another language");
    }
    for name in ["openai-processing-ms", "x-amzn-requestid", "x-goog-safety", "anthropic-beta"] {
        assert_eq!(answer.header(name), None, "{name} came back from one");
    }
    assert_eq!(
        (seen.header("x-of-nobodys"), answer.header("x-of-nobodys")),
        (Some("passes"), Some("passes"))
    );
    // In their own language both pass.
    let headers = [("openai-beta", "x"), ("anthropic-beta", "x")];
    let answer = ask(house.address(), "POST", CHAT, &headers, chat("gpt-4o", false)).await;
    assert_eq!(vendor.ledger().last().unwrap().seen.header("openai-beta"), Some("x"));
    assert_eq!(answer.header("openai-processing-ms"), Some("12"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_for_us_is_not_handed_on_and_its_caller_is_told_why() {
    let vendor = Vendor::start(|_| Act::json(200, &serde_json::json!({}))).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: bedrock, base_url: \"{}\", credential: passthrough}}}}\nmodels: {{m: there/real}}\n",
        vendor.url()
    ));
    let signed = [(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKID/20261129/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00",
    )];
    let body = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
    let answer = ask(house.address(), "POST", "/model/m/converse", &signed, body).await;
    assert_eq!((answer.status, vendor.ledger().begun()), (403, 0), "{}", answer.text());
    assert!(answer.text().contains("Signature Version 4"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_without_an_end_is_given_up() {
    let vendor = Vendor::start(|_| {
        let answer = Answer::stream(200).header("content-type", "application/x-ndjson");
        let begun = answer.send("{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"message\":\"");
        (0..10).fold(begun, |answer, _| answer.send("x".repeat(1 << 20))).ending(Ending::Hang).into()
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: ollama, base_url: \"{}/v1\"}}}}\nmodels: {{m: there/real}}\nrouting: {{retries: 0}}\n",
        vendor.url()
    ));
    let answer = ask(house.address(), "POST", CHAT, &[], chat("m", true)).await;
    assert!(
        answer.text().contains("upstream_protocol_error") && !answer.text().contains("[DONE]"),
        "{}",
        answer.text()
    );
    assert_eq!(house.record().await.outcome, Outcome::Interrupted);
}
