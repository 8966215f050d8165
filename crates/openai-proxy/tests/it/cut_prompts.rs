//! A prompt its model did not read to the end: a local server says nothing of it, so we do.

use store::UsageRecord;
use testkit::caller::{Answer, ask};
use testkit::vendor::{self, Act, Vendor};

use crate::house::TestHouse;

/// A server of this computer whose model reads so many tokens of anything.
async fn reads(tokens: u64) -> Vendor {
    Vendor::start(move |seen| {
        let end = format!(
            r#"{{"model":"real","created_at":"2026-01-01T00:00:00Z","message":{{"role":"assistant","content":"ok"}},"done":true,"done_reason":"stop","prompt_eval_count":{tokens},"eval_count":2}}"#
        );
        let kind = if seen.json()["stream"] == true { "application/x-ndjson" } else { "application/json" };
        Act::from(vendor::Answer::plain(200, format!("{end}\n")).header("content-type", kind))
    })
    .await
}

fn house(service: &Vendor, settings: &str) -> TestHouse {
    TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: ollama, base_url: \"{}/v1\"{settings}}}}}\nmodels: {{m: there/real}}\n",
        service.url()
    ))
}

async fn asked(house: &TestHouse, words: usize, stream: bool) -> Answer {
    let said = "some words ".repeat(words);
    let body =
        format!(r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"{said}"}}]}}"#);
    ask(house.address(), "POST", "/v1/chat/completions", &[], &body).await
}

fn has_cut(record: &UsageRecord) -> bool {
    record.trail.iter().any(|attempt| attempt.cut)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_learns_that_its_prompt_was_cut_and_so_does_the_operator() {
    let service = reads(20_482).await;
    let house = house(&service, "");
    let whole = asked(&house, 40_000, false).await;
    assert_eq!((whole.status, whole.header("x-openai-proxy-context-cut")), (200, Some("20482")));
    let stream = asked(&house, 40_000, true).await;
    assert!(stream.status == 200 && stream.text().contains("[DONE]"), "{}", stream.text());
    let records = house.records(|records| records.len() == 2).await;
    assert!(records.iter().all(has_cut), "of a stream, too: {records:?}");
    let metrics = ask(house.address(), "GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("openai_proxy_prompts_cut_total{provider=\"there\"} 2"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_that_filled_the_context_it_was_given_was_cut() {
    let service = reads(8192).await;
    let house = house(&service, ", context_length: 8192");
    let answer = asked(&house, 10_000, false).await;
    assert_eq!(answer.header("x-openai-proxy-context-cut"), Some("8192"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_warned_of_a_prompt_that_may_have_been_read_whole() {
    // As many as two words a time have; and what is left where a cache is not counted.
    for (read, words) in [(20_482, 10_000), (317, 40_000), (2050, 1000)] {
        let service = reads(read).await;
        let house = house(&service, "");
        for stream in [false, true] {
            let answer = asked(&house, words, stream).await;
            assert_eq!((answer.status, answer.header("x-openai-proxy-context-cut")), (200, None), "{read}");
        }
        let records = house.records(|records| records.len() == 2).await;
        assert!(!records.iter().any(has_cut), "{records:?}");
    }
}
