//! Tokens counted where a model is served, and estimated where that cannot be asked.

use serde_json::json;
use testkit::caller;
use testkit::vendor::{Act, Vendor};

use crate::house::TestHouse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_claude_in_a_project_of_googles_are_counted_there() {
    let service = Vendor::start(|_| Act::json(200, &json!({"input_tokens": 2095}))).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  cloud:\n    type: vertex\n    base_url: \"{}/v1/projects/p-1/locations/global\"\n    api_key: ya29.of-the-project\nmodels: {{m: cloud/claude-opus-4-8, flash: cloud/gemini-2.5-flash}}\n",
        service.url()
    ));
    let ask = async |path: &str, body: &str| caller::ask(house.address(), "POST", path, &[], body).await;
    let body = r#"{ "model":"m", "messages":[{"role":"user","content":"hi"}], "new":1 }"#;
    let answer = ask("/v1/messages/count_tokens", body).await;
    assert_eq!((answer.status, &answer.json()["input_tokens"]), (200, &json!(2095)), "{}", answer.text());
    let seen = service.ledger().last().unwrap().seen;
    assert_eq!(
        (seen.target.as_str(), seen.text()),
        (
            "/v1/projects/p-1/locations/global/publishers/anthropic/models/count-tokens:rawPredict",
            body.replace(r#""m""#, r#""claude-opus-4-8""#)
        ),
        "one address for all models, and the bytes are the caller's but for its name"
    );
    // Asked for in another language than the model's it is an estimate.
    let begun = service.ledger().begun();
    let contents = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let claude = ask("/v1beta/models/m:countTokens", contents).await;
    let flash = ask("/v1/messages/count_tokens", &body.replace(r#""m""#, r#""flash""#)).await;
    assert!(claude.json()["totalTokens"].as_u64().is_some_and(|tokens| tokens > 0), "{}", claude.text());
    assert!(flash.json()["input_tokens"].as_u64().is_some_and(|tokens| tokens < 2095), "{}", flash.text());
    assert_eq!(service.ledger().begun(), begun);
}
