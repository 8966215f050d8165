//! Other languages than OpenAI's, from the caller to the built-in mock: straight passage, routed by the model.

use store::usage_record::Outcome;
use testkit::caller::{Caller, ask};

use crate::house::{TestHouse, chat};

const MOCK: &str = "providers: {inside: {type: mock}}\nmodels: {manatee: inside/mock/say?text=huge+manatees}\nrouting: {unknown_model: inside}\n";
const QUESTION: &str = r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#;

fn message(model: &str) -> String {
    format!(
        r#"{{"model":"{model}","max_tokens":9,"stream":true,"messages":[{{"role":"user","content":"hi"}}]}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_alias_answers_in_three_languages() {
    let house = TestHouse::new(MOCK);
    let post = async |path: &str, body: &str| ask(house.address(), "POST", path, &[], body).await;
    let answer = post("/v1/chat/completions", &chat("manatee", false)).await.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "huge manatees");
    let answer = post("/v1/messages?beta=true", &message("manatee")).await.text();
    assert!(answer.starts_with("event: message_start") && answer.contains(" manatees"), "{answer}");
    for path in
        ["/v1beta/models/manatee:generateContent", "/v1beta/models/manatee:streamGenerateContent?alt=sse"]
    {
        let answer = post(path, QUESTION).await.text();
        assert!(answer.contains("usageMetadata") && answer.contains(" manatees"), "{answer}");
    }
    let records = house.records(|records| records.len() == 4).await;
    for record in &records {
        assert_eq!(
            (record.outcome, record.model_asked.as_deref()),
            (Outcome::Answered, Some("manatee")),
            "{record:#?}"
        );
        assert!(record.tokens.is_some_and(|tokens| tokens.output > 0), "{record:#?}");
    }
    assert_eq!(records.iter().filter(|record| record.stream).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_told_in_the_callers_language() {
    let house = TestHouse::new(MOCK);
    let post = async |path: &str, body: &str| ask(house.address(), "POST", path, &[], body).await;
    let limited = post("/v1/messages", &message("mock/429")).await;
    assert_eq!((limited.status, limited.json()["error"]["type"].as_str()), (429, Some("rate_limit_error")));
    for model in ["mock/429", "mock%2F429"] {
        let limited = post(&format!("/v1beta/models/{model}:generateContent"), QUESTION).await;
        let status = limited.json()["error"]["status"].clone();
        assert_eq!((limited.status, status.as_str()), (429, Some("RESOURCE_EXHAUSTED")));
    }
    let mut caller = Caller::connect(house.address()).await;
    let body = message("mock/cut?after=6");
    let head = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    caller.send(format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await.unwrap();
    let cut = caller.read_answer().await.text();
    assert!(cut.starts_with("event: message_start") && cut.contains("event: error"), "{cut}");
    assert!(!cut.contains("message_stop"), "{cut}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_speaks_is_said_honestly() {
    let two = "providers: {openai: {api_key: sk-x}, inside: {type: mock}}\nmodels: {gpt: openai/gpt, pet: inside/mock}\n";
    let house = TestHouse::new(&format!("discovery: {{enabled: never}}\n{two}"));
    let ask = async |path: &str| ask(house.address(), "POST", path, &[], QUESTION).await;
    let refused = ask("/v1beta/models/gpt:asyncBatchEmbedContent").await;
    assert_eq!((refused.status, refused.json()["error"]["status"].as_str()), (404, Some("NOT_FOUND")));
    let said = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.contains("`gpt`") && said.contains("gemini language"), "{said}");
    // The model decides: its neighbour is served by somebody who speaks it.
    assert_eq!(ask("/v1beta/models/pet:generateContent").await.status, 200);
}
