//! Who is told when something is wrong: what arrives, signed how, and what does not go out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::caller::ask;
use testkit::until::until;
use testkit::vendor::{Act, Vendor};

use crate::house::{CHAT_ANSWER, TestHouse, chat};

const CHAT: &str = "/v1/chat/completions";

/// What a hook was sent, once there are so many messages.
async fn sent(hook: &Vendor, count: usize) -> Vec<serde_json::Value> {
    // A request is in the ledger before its body has arrived.
    let came = |ledger: &testkit::vendor::Ledger| {
        ledger.entries().iter().filter(|entry| entry.arrived.is_some()).count() >= count
    };
    let all = hook.ledger().wait_for(came, Duration::from_secs(20)).await;
    let requests = hook.ledger().requests();
    assert!(all, "{} messages came", requests.len());
    requests.iter().map(testkit::vendor::Seen::json).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_goes_down_and_comes_back_is_told_to_everybody_in_their_own_words() {
    let broken = Arc::new(AtomicBool::new(true));
    let state = broken.clone();
    let vendor = Vendor::start(move |_| match state.load(Ordering::Relaxed) {
        true => Act::json(500, &serde_json::json!({"error": {"message": "sorry"}})),
        false => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap_or_default()),
    })
    .await;
    let hook = Vendor::start(|_| Act::json(200, &serde_json::json!({"code": 0}))).await;
    let (slack, feishu) = (
        Vendor::start(|_| Act::json(200, &serde_json::json!({}))).await,
        Vendor::start(|_| Act::json(200, &serde_json::json!({"code": 0}))).await,
    );
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai, base_url: \"{}/v1\", api_key: sk-a, breaker: {{min_requests: 1, open_for: 1s, open_most: 1s}}}}\n\
         routing: {{retries: 0}}\n\
         alerts:\n  to:\n    webhook: {{url: \"{}/in?team=a\", secret: the-secret}}\n    slack: \"{}/services/T0/B0/x\"\n    \
         feishu: {{url: \"{}/open-apis/bot/v2/hook/x\", secret: other}}\n",
        vendor.url(),
        hook.url(),
        slack.url(),
        feishu.url()
    ));
    ask(house.address(), "POST", CHAT, &[], chat("m", false)).await;
    let told = sent(&hook, 1).await;
    assert_eq!(told[0]["alerts"][0]["occasion"], "provider_down", "{told:?}");
    assert_eq!(told[0]["alerts"][0]["subject"], "one");
    let request = &hook.ledger().requests()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/in?team=a"));
    let signature = request.header("x-openai-proxy-signature").unwrap_or_default();
    assert!(signature.starts_with("v1=") && signature.len() == 67, "{signature}");
    assert_eq!(
        request.header("x-openai-proxy-timestamp").map(str::to_owned),
        Some(told[0]["at"].to_string())
    );
    let told = sent(&slack, 1).await;
    assert!(told[0]["text"].as_str().is_some_and(|text| text.contains("Provider one is down")), "{told:?}");
    let told = sent(&feishu, 1).await;
    assert_eq!(
        (told[0]["msg_type"].as_str(), told[0]["sign"].as_str().map(str::len)),
        (Some("text"), Some(44))
    );
    assert!(
        told[0]["content"]["text"].as_str().is_some_and(|text| text.contains("provider_failed")),
        "{told:?}"
    );

    broken.store(false, Ordering::Relaxed);
    let well = async || ask(house.address(), "POST", CHAT, &[], chat("m", false)).await.status == 200;
    assert!(until(Duration::from_secs(20), well).await, "it does not come back");
    let told = sent(&hook, 2).await;
    assert_eq!(told[1]["alerts"][0]["occasion"], "provider_recovered", "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_says_what_became_of_it_at_each_and_a_private_address_is_not_gone_to() {
    let hook = Vendor::start(|_| Act::json(200, &serde_json::json!({}))).await;
    let inside = Vendor::start(|_| Act::json(200, &serde_json::json!({}))).await;
    let feishu =
        Vendor::start(|_| Act::json(200, &serde_json::json!({"code": 19021, "msg": "sign match fail"})))
            .await;
    let house = TestHouse::new(&format!(
        "providers: {{mock: {{}}}}\nalerts:\n  to:\n    webhook: \"{}/in\"\n    slack: {{url: \"{}/secret-path\", allow_private: false}}\n    feishu: \"{}/secret-path\"\n",
        hook.url(),
        inside.url(),
        feishu.url()
    ));
    let told = ask(house.address(), "POST", "/admin/v1/alerts/test", &[], "").await;
    let text = told.text();
    assert_eq!(told.status, 200, "{text}");
    assert!(!text.contains("secret-path"), "an address is a secret: {text}");
    let told = told.json();
    let of = |to: &str| {
        told["data"].as_array().into_iter().flatten().find(|one| one["to"] == to).cloned().unwrap()
    };
    assert_eq!((of("webhook")["taken"].as_bool(), of("webhook")["why"].is_null()), (Some(true), true));
    assert_eq!(sent(&hook, 1).await[0]["alerts"][0]["occasion"], "test");
    assert_eq!(of("slack")["taken"], false, "{text}");
    assert_eq!(inside.ledger().requests().len(), 0, "nothing went to a private address");
    assert!(of("feishu")["why"].as_str().is_some_and(|why| why.contains("sign match fail")), "{text}");
    assert_eq!(feishu.ledger().requests().len(), 2, "it was tried once more");
}
