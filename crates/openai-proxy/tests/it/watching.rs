//! What is seen of breakers, keys and tries: in the standing of a provider, in its figures, and in the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway::{BreakerWord, Standing};
use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use crate::house::{CHAT_ANSWER, TestHouse, chat};
use crate::starting::{Program, run};

const CHAT: &str = "/v1/chat/completions";

/// A vendor that answers everything with this status.
async fn says(status: u16) -> Vendor {
    Vendor::start(move |_| match status {
        200 => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap_or_default()),
        status => Act::json(status, &serde_json::json!({"error": {"message": "sorry"}})),
    })
    .await
}

async fn ask_for(house: &TestHouse, model: &str) -> u16 {
    ask(house.address(), "POST", CHAT, &[], chat(model, false)).await.status
}

/// Waits until the first provider stands so.
async fn until(house: &TestHouse, stands: impl Fn(&Standing) -> bool) {
    let so = async || stands(&house.inner().gateway().standings().providers[0]);
    assert!(
        testkit::until::until(Duration::from_secs(20), so).await,
        "{:?}",
        house.inner().gateway().standings()
    );
}

async fn metrics(house: &TestHouse) -> String {
    ask(house.address(), "GET", "/metrics", &[], "").await.text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breaker_that_opens_is_told_with_its_model_and_for_how_long() {
    let (broken, well) = (says(500).await, says(200).await);
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai, base_url: \"{}/v1\", api_key: sk-a, breaker: {{min_requests: 2}}}}\n  \
         two: {{type: openai, base_url: \"{}/v1\", api_key: sk-b}}\nmodels: {{m: [one, two]}}\nrouting: {{retries: 0}}\n",
        broken.url(),
        well.url()
    ));
    for _ in 0..3 {
        assert_eq!(ask_for(&house, "m").await, 200, "the second answers");
    }
    house.records(|records| records.len() == 3).await;
    let gateway = house.inner().gateway();
    let one = gateway.standing("one").unwrap();
    assert!(!one.takes_calls, "{one:?}");
    assert_eq!((one.targets.len(), one.targets[0].model.as_deref()), (1, Some("m")));
    assert_eq!((one.targets[0].breaker, one.targets[0].in_flight), (BreakerWord::Open, 0));
    assert!(one.targets[0].seconds_left.is_some_and(|left| (1..=20).contains(&left)), "{one:?}");
    assert_eq!(one.failures_in_a_row, 2, "it learns of every try: two until it was left alone");
    let two = gateway.standing("two").unwrap();
    assert!(two.takes_calls && two.targets[0].breaker == BreakerWord::Closed, "{two:?}");
    assert!(two.targets[0].first_answer_ms.is_some(), "{two:?}");

    let told = gateway.statistics();
    let of =
        |name: &str| told.providers.iter().find(|of| of.provider == name).unwrap().counted.total.sums.clone();
    assert_eq!((told.house.total.sums.calls, told.house.total.sums.errors.total), (3, 0));
    assert_eq!((of("one").calls, of("one").errors.provider_failed), (2, 2));
    assert_eq!((of("two").calls, of("two").answered), (3, 3));

    let text = metrics(&house).await;
    for line in [
        "openai_proxy_attempts_total{provider=\"one\",outcome=\"server\"} 2",
        "openai_proxy_attempts_total{provider=\"two\",outcome=\"answered\"} 3",
        "openai_proxy_failovers_total{from=\"one\",to=\"two\",reason=\"server\"} 2",
        "openai_proxy_breaker_state{provider=\"one\"} 2",
        "openai_proxy_breaker_state{provider=\"two\"} 0",
        "openai_proxy_provider_up{provider=\"one\"} 0",
    ] {
        assert!(text.lines().any(|had| had == line), "{line} is missing:\n{text}");
    }
    let one = gateway.reset_standing("one").unwrap();
    assert!(one.takes_calls && one.targets[0].breaker == BreakerWord::Closed, "{one:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_refused_is_told_with_its_name_and_counted() {
    let vendor = Vendor::start(|seen| match seen.header("authorization") {
        Some("Bearer sk-bad") => Act::json(401, &serde_json::json!({"error": {"message": "who are you"}})),
        _ => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap_or_default()),
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers:\n  one:\n    type: openai\n    base_url: \"{}/v1\"\n    keys:\n      bad: {{key: sk-bad, priority: 1}}\n      good: {{key: sk-good}}\n",
        vendor.url()
    ));
    assert_eq!(ask_for(&house, "m").await, 200);
    house.record().await;
    let one = house.inner().gateway().standing("one").unwrap();
    let keys: Vec<_> = one.keys.iter().map(|key| (key.name.as_str(), key.used, key.aside)).collect();
    assert_eq!(keys, [("bad", 1, Some("auth")), ("good", 1, None)]);
    assert!(one.takes_calls, "another key is well");
    let text = metrics(&house).await;
    let line = "openai_proxy_upstream_key_disabled_total{provider=\"one\",reason=\"auth\"} 1";
    assert!(text.contains(line), "{text}");
    let keys = ask(house.address(), "GET", "/admin/v1/providers/one/keys", &[], "").await.json();
    assert_eq!(keys["data"][0]["status"], "auth", "{keys}");
    assert_eq!(
        (keys["data"][0]["in_use"].as_bool(), keys["data"][1]["in_use"].as_bool()),
        (Some(false), Some(true))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_tells_every_target_in_its_order_with_what_keeps_it_back() {
    let (broken, well) = (says(500).await, says(200).await);
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai, base_url: \"{0}/v1\", api_key: sk-a, priority: 9, breaker: {{min_requests: 1}}}}\n  \
         two: {{type: openai, base_url: \"{1}/v1\", api_key: sk-b, priority: 9}}\n  \
         three: {{type: openai, base_url: \"{1}/v1\", api_key: sk-c}}\n\
         models: {{m: [one, two], long: three/l, other: three/o}}\n\
         routing: {{retries: 0, fallbacks: {{m: [other, {{to: [long], on: context_length}}]}}}}\n",
        broken.url(),
        well.url()
    ));
    let explained = || async {
        let told = ask(house.address(), "GET", "/admin/v1/explain?model=m", &[], "").await.json();
        let of = |one: &serde_json::Value| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            [text("provider"), text("model"), text("asked"), text("breaker")]
        };
        let order: Vec<_> = told["targets"].as_array().into_iter().flatten().map(of).collect();
        (told, order)
    };
    let (told, order) = explained().await;
    assert_eq!(
        order,
        [
            ["one", "m", "first", "closed"],
            ["two", "m", "next", "closed"],
            ["three", "o", "fallback", "closed"],
            ["three", "l", "context_length", "closed"],
        ],
        "{told}"
    );
    assert_eq!(
        (told["strategy"].as_str(), told["targets"][0]["priority"].as_i64()),
        (Some("failover"), Some(9))
    );
    assert_eq!(ask_for(&house, "m").await, 200);
    let asked = (broken.ledger().requests().len(), well.ledger().requests().len());
    let (told, order) = explained().await;
    assert_eq!(
        (&order[0][0], &order[1][0], &order[1][3]),
        (&"two".to_owned(), &"one".to_owned(), &"open".to_owned())
    );
    assert!(told["targets"][1]["why"].to_string().contains("its breaker is open for"), "{told}");
    assert!(told["targets"][0]["first_answer_ms"].is_u64(), "{told}");
    let body = r#"{"path": "/v1/chat/completions", "body": {"model": "m"}}"#;
    let json = [("content-type", "application/json")];
    let same = ask(house.address(), "POST", "/admin/v1/explain", &json, body).await.json();
    assert_eq!(same["way"], told["way"]);
    assert_eq!(asked, (broken.ledger().requests().len(), well.ledger().requests().len()), "nothing was sent");
    assert_eq!(ask_for(&house, "m").await, 200);
    assert_eq!(broken.ledger().requests().len(), asked.0, "the one told first is asked first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_asked_whether_it_is_well_gets_no_calls_while_it_is_not() {
    let ill = Arc::new(AtomicBool::new(true));
    let told = ill.clone();
    let vendor = Vendor::start(move |seen| match seen.path() {
        "/ping" if told.load(Ordering::Relaxed) => Act::json(503, &serde_json::json!({})),
        "/ping" => Act::json(200, &serde_json::json!({})),
        _ => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap_or_default()),
    })
    .await;
    let well = says(200).await;
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai, base_url: \"{}/v1\", api_key: sk-a, health: {{active: 1s, path: /ping, fail_after: 2, pass_after: 2}}}}\n  \
         two: {{type: openai, base_url: \"{}/v1\", api_key: sk-b}}\nmodels: {{m: [one, two]}}\n",
        vendor.url(),
        well.url()
    ));
    let gateway = house.inner().gateway();
    // A target that nobody has asked for yet is shut as well: the call makes it.
    until(&house, |one| one.failures_in_a_row >= 2).await;
    let before = vendor.ledger().requests().iter().filter(|seen| seen.path() != "/ping").count();
    let answer = ask(house.address(), "POST", CHAT, &[], chat("m", false)).await;
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("two"));
    let one = gateway.standing("one").unwrap();
    assert!(!one.takes_calls && one.targets[0].breaker == BreakerWord::Open, "{one:?}");
    let asked = vendor.ledger().requests();
    assert_eq!(asked.iter().filter(|seen| seen.path() != "/ping").count(), before, "no call was sent to it");
    let ping = asked.iter().find(|seen| seen.path() == "/ping").unwrap();
    assert_eq!(ping.header("authorization"), Some("Bearer sk-a"), "with its credential");

    ill.store(false, Ordering::Relaxed);
    until(&house, |one| one.takes_calls).await;
    let answer = ask(house.address(), "POST", CHAT, &[], chat("m", false)).await;
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("one"), "it is well again");
    assert_eq!(house.records(|records| records.len() >= 2).await.len(), 2, "asking is no call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_ask_the_gateway_that_runs_and_say_so() {
    let broken = says(500).await;
    let hook = says(200).await;
    let mut program = Program::configured(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\nproviders:\n  one: {{type: openai, base_url: \"{}/v1\", api_key: sk-a-key-0123, breaker: {{min_requests: 1}}}}\n\
         models: {{m: one}}\nrouting: {{retries: 0}}\nalerts: {{to: {{webhook: \"{}/in\"}}}}\n",
        broken.url(),
        hook.url()
    ));
    let address = program.address();
    assert_eq!(ask(address, "POST", CHAT, &[], chat("m", false)).await.status, 500);
    let said = |arguments: &[&str]| {
        let (code, out, err) = run(program.folder(), arguments, &[]);
        (code, out + &err)
    };
    let (code, told) = said(&["providers", "show", "one"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("takes no calls") && told.contains("m      open,"), "{told}");
    let (code, told) = said(&["explain", "--model", "m"]);
    assert_eq!(code, Some(4), "{told}");
    assert!(
        told.contains("no_healthy_target")
            && told.contains("its breaker is open for")
            && told.contains("the gateway that runs"),
        "{told}"
    );
    let (code, told) = said(&["explain", "--model", "m", "--offline"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(!told.contains("breaker is open") && told.contains("with this configuration"), "{told}");
    let (code, told) = said(&["alerts", "test"]);
    assert_eq!((code, told.contains("webhook")), (Some(0), true), "{told}");
    assert_eq!(hook.ledger().requests().last().map(|seen| seen.path().to_owned()).as_deref(), Some("/in"));
}
