//! Where requests go: by path, by model, by what a provider can do; and how each spelling gets there.

use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use crate::house::{TestHouse, UPSTREAM_KEY, chat, with};

async fn named(name: &'static str) -> Vendor {
    Vendor::start(move |_| Act::text(200, name)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_spelling_of_the_base_url_works() {
    let (vendor, house) = with(|_| Act::json(200, &serde_json::json!({"id": "x"}))).await;
    let paths = [
        "/v1/chat/completions",
        "/chat/completions",
        "/v1/v1/chat/completions",
        "/v1/chat/completions/",
        "/openai/v1/chat/completions",
        "/openai/chat/completions",
        "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        "/v1/chat/completions?api-version=x",
    ];
    for path in paths {
        assert_eq!(
            ask(house.address(), "POST", path, &[], chat("gpt-4o", false)).await.status,
            200,
            "{path}"
        );
        assert_eq!(vendor.ledger().last().unwrap().seen.target, "/v1/chat/completions", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_lead_by_the_longest_rule() {
    let (openai, whisper, kokoro) = (named("openai").await, named("whisper").await, named("kokoro").await);
    let yaml = format!(
        "providers:\n  openai: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\n  whisper: {{type: whisper.cpp, base_url: \"{}\"}}\n  kokoro: {{base_url: \"{}/v1\"}}\nroutes:\n  /v1/audio/transcriptions: [whisper, openai]\n  /v1/audio/speech: kokoro\n  /v1/*: openai\n",
        openai.url(),
        whisper.url(),
        kokoro.url()
    );
    let house = TestHouse::new(&yaml);
    let speech = "{\"model\":\"tts-1\",\"input\":\"x\"}";
    assert_eq!(ask(house.address(), "POST", "/v1/audio/speech", &[], speech).await.text(), "kokoro");
    let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=b")];
    assert_eq!(ask(house.address(), "POST", "/v1/audio/transcriptions", &kind, form).await.text(), "whisper");
    assert_eq!(whisper.ledger().last().unwrap().seen.target, "/inference", "its one endpoint");
    assert_eq!(ask(house.address(), "GET", "/v1/files", &[], "").await.text(), "openai");
    assert_eq!(ask(house.address(), "POST", "/v1/tomorrow", &[], "{}").await.text(), "openai");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_addressed_as_azure_wants_it() {
    let azure = named("azure").await;
    let yaml = format!(
        "providers:\n  east: {{type: azure, base_url: \"{}\", api_version: \"2024-10-21\", api_key: {UPSTREAM_KEY}, model_deployments: {{gpt-4o: dep4o}}}}\n",
        azure.url()
    );
    let house = TestHouse::new(&yaml);
    let body = chat("gpt-4o", false);
    assert_eq!(ask(house.address(), "POST", "/v1/chat/completions", &[], body.clone()).await.status, 200);
    let seen = azure.ledger().last().unwrap().seen;
    assert_eq!(seen.target, "/openai/deployments/dep4o/chat/completions?api-version=2024-10-21");
    assert_eq!((seen.header("api-key"), seen.header("authorization")), (Some(UPSTREAM_KEY), None));
    assert_eq!(seen.text(), body, "the address names the deployment; the body is nobody's business");
}

/// A deployment in the path, asked of somebody whose addresses have none: the body says it instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_named_in_the_body_where_the_address_does_not() {
    let vendor = named("openai").await;
    let house = TestHouse::new(&format!(
        "providers: {{openai: \"{}/v1\"}}\nmodels: {{alias: openai/own, asr: openai/ears}}\n",
        vendor.url()
    ));
    let asked = |path: &'static str, headers: [(&'static str, &'static str); 1], body: String| {
        let (address, vendor) = (house.address(), &vendor);
        async move {
            let answer = ask(address, "POST", path, &headers, body).await;
            let seen = vendor.ledger().last().map(|entry| entry.seen.text()).unwrap_or_default();
            (answer.status, answer.error_code().unwrap_or_default(), seen)
        }
    };
    let json = [("content-type", "application/json")];
    for (body, seen) in [
        ("{}", "{\"model\":\"own\"}"),
        ("{ \"messages\":[]}", "{\"model\":\"own\", \"messages\":[]}"),
        ("{\"model\":\"else\"}", "{\"model\":\"own\"}"),
    ] {
        let (status, _, text) =
            asked("/openai/deployments/alias/chat/completions", json, body.to_owned()).await;
        assert_eq!((status, text.as_str()), (200, seen));
    }
    let form = [("content-type", "multipart/form-data; boundary=XbX")];
    let path = "/openai/deployments/asr/audio/transcriptions";
    let part = |name: &str, value: &str| {
        format!("--XbX\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = part("file\"; filename=\"a", "RIFF") + "--XbX--\r\n";
    for before in [String::new(), part("model", "else"), part("model", "ears")] {
        let (status, _, text) = asked(path, form, before + &file).await;
        assert_eq!((status, text), (200, part("model", "ears") + &file));
    }
    let (status, code, _) = asked(path, form, format!("text before\r\n{file}")).await;
    assert_eq!((status, code.as_str()), (400, "missing_model"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarded_headers_go_to_ones_own_servers_only() {
    let (near, far) = (named("near").await, named("far").await);
    let yaml = format!(
        "providers:\n  near: {{base_url: \"{}/v1\"}}\n  far: {{base_url: \"{}/v1\", forwarded: off}}\nmodels: {{n: near, f: far}}\n",
        near.url(),
        far.url()
    );
    let house = TestHouse::new(&yaml);
    let forged = [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=6.6.6.6")];
    ask(house.address(), "POST", "/v1/chat/completions", &forged, chat("n", false)).await;
    let seen = near.ledger().last().unwrap().seen;
    assert_eq!(
        seen.header_all("x-forwarded-for"),
        ["127.0.0.1"],
        "set, not appended to what a caller claims"
    );
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-port"), Some(house.address().port().to_string().as_str()));
    ask(house.address(), "POST", "/v1/chat/completions", &forged, chat("f", false)).await;
    let seen = far.ledger().last().unwrap().seen;
    assert_eq!((seen.header("x-forwarded-for"), seen.header("forwarded")), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mock_answers_and_fails_as_asked() {
    let house = TestHouse::new("providers: {mock: {}}\n");
    let call = |model: &str, stream: bool| {
        ask(house.address(), "POST", "/v1/chat/completions", &[], chat(model, stream))
    };
    assert_eq!(call("mock/echo", false).await.json()["choices"][0]["message"]["content"], "hi");
    let stream = call("mock/say?text=one%20two&gap=0", true).await.text();
    assert!(stream.ends_with("data: [DONE]\n\n") && !stream.contains("\"usage\""), "{stream}");
    let cut = call("mock/cut?after=2&gap=0", true).await.text();
    assert!(cut.contains("upstream_stream_interrupted") && !cut.contains("[DONE]"), "{cut}");
    assert_eq!(call("mock/cut", false).await.status, 502);
    let limited = call("mock/429?retry_after=2", false).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("2")));
    assert_eq!(call("mock/garbage", false).await.error_code().as_deref(), Some("upstream_bad_response"));
    assert_eq!(call("mock/refuse", false).await.status, 502);
    assert_eq!(call("gpt-5", false).await.status, 200, "one provider: every model is its");
    // In that language a stream is an array, unless events are asked for.
    let path = "/v1beta/models/gemini:streamGenerateContent";
    let asked = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}";
    let array = ask(house.address(), "POST", path, &[], asked).await;
    assert_eq!(array.status, 200, "{}", array.text());
    assert!(array.json().as_array().is_some_and(|parts| !parts.is_empty()), "{}", array.text());
}
