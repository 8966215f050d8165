//! What somebody says of a provider by hand, and what its answers tell: who is asked, and what callers hear.

use std::time::{Duration, SystemTime};

use gateway::{Ending, Gateway, HealthWord, NoSuchProvider, Override, OverrideKind, Question, Way};
use http::Method;
use testkit::caller::{Answer, ask};
use testkit::vendor::{Act, Vendor};

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat};

const CHAT: &str = "/v1/chat/completions";

/// A vendor that announces one model and answers every chat.
async fn vendor(model: &'static str) -> Vendor {
    Vendor::start(move |seen| match seen.path().ends_with("/models") {
        true => Act::json(200, &serde_json::json!({"object": "list", "data": [{"id": model}]})),
        false => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap_or_default()),
    })
    .await
}

/// A provider line, beside us or in a cloud.
fn line(name: &str, vendor: &Vendor, kind: &str) -> String {
    format!("  {name}: {{type: {kind}, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\n", vendor.url())
}

fn said(kind: OverrideKind, lasts: Option<Duration>) -> Override {
    let (by, why) = ("ana".to_owned(), "new disks".to_owned());
    Override { kind, by, why, since: SystemTime::now(), lasts }
}

async fn chats(house: &TestHouse, model: &str) -> Answer {
    ask(house.address(), "POST", CHAT, &[], chat(model, false)).await
}

fn gateway(house: &TestHouse) -> &Gateway {
    house.inner().gateway()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_provider_is_not_asked_and_its_callers_hear_when_to_come_back() {
    let vendor = vendor("m").await;
    let house = TestHouse::new(&format!("providers:\n{}", line("one", &vendor, "openai-compatible")));
    for kind in [OverrideKind::Paused, OverrideKind::ForcedOpen] {
        let standing = gateway(&house).set_standing("one", said(kind, Some(Duration::from_mins(5)))).unwrap();
        assert!(
            !standing.takes_calls && standing.overridden.is_some_and(|told| told.seconds_left == Some(300))
        );
        let answer = chats(&house, "m").await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (503, Some("provider_paused")));
        assert_eq!(
            (answer.header("x-should-retry"), answer.header("retry-after")),
            (Some("true"), Some("300"))
        );
        assert!(!answer.text().contains("ana") && !answer.text().contains("disks"), "{}", answer.text());
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    gateway(&house).set_standing("one", said(OverrideKind::Paused, None)).unwrap();
    assert_eq!(chats(&house, "m").await.header("retry-after"), None, "nobody knows");
    assert_eq!(vendor.ledger().requests().len(), 0, "nothing was sent to it");

    gateway(&house).reset_standing("one").unwrap();
    assert_eq!(chats(&house, "m").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_by_itself() {
    let vendor = vendor("m").await;
    let house = TestHouse::new(&format!("providers:\n{}", line("one", &vendor, "openai-compatible")));
    gateway(&house).set_standing("one", said(OverrideKind::Paused, Some(Duration::ZERO))).unwrap();
    assert_eq!(chats(&house, "m").await.status, 200);
    let standing = gateway(&house).standing("one").unwrap();
    assert_eq!((standing.takes_calls, standing.overridden), (true, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_outlasts_a_reload_and_is_for_names_that_are_configured() {
    let vendor = vendor("m").await;
    let yaml = format!("providers:\n{}", line("one", &vendor, "openai-compatible"));
    let house = TestHouse::new(&yaml);
    gateway(&house).set_standing("one", said(OverrideKind::Paused, None)).unwrap();
    assert_eq!(gateway(&house).set_standing("two", said(OverrideKind::Paused, None)), Err(NoSuchProvider));
    let signal = control::Actor::itself(control::Via::Signal);
    house.inner().control().apply(&signal, control::Proposal::Reread.into()).await.unwrap();
    assert_eq!(chats(&house, "m").await.error_code().as_deref(), Some("provider_paused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_together_stands_in_for_each_other() {
    let (first, second) = (vendor("m").await, vendor("m").await);
    let house = TestHouse::new(&format!(
        "providers:\n{}{}models: {{m: [one, two]}}\nroutes: {{/v1/embeddings: [one, two]}}\n",
        line("one", &first, "ollama"),
        line("two", &second, "openai")
    ));
    gateway(&house).set_standing("one", said(OverrideKind::Paused, Some(Duration::from_mins(9)))).unwrap();
    let answer = chats(&house, "m").await;
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("two"), "also a cloud, for that is written");
    let body = r#"{"model":"m","input":"x"}"#;
    let answer = ask(house.address(), "POST", "/v1/embeddings", &[], body).await;
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("two"));
    gateway(&house)
        .set_standing("two", said(OverrideKind::ForcedOpen, Some(Duration::from_mins(3))))
        .unwrap();
    let answer = chats(&house, "m").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("180")), "the first to come back");
    assert!(answer.text().contains("`one`"), "{}", answer.text());
    assert_eq!(first.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_of_this_computer_goes_to_no_cloud_while_its_server_is_paused() {
    let (near, far, nearer) = (vendor("m").await, vendor("m").await, vendor("m").await);
    let house = TestHouse::new(&format!(
        "providers:\n{}{}",
        line("near", &near, "lmstudio"),
        line("far", &far, "openai")
    ));
    assert_eq!(chats(&house, "m").await.header("x-openai-proxy-provider"), Some("near"));
    gateway(&house).set_standing("near", said(OverrideKind::Paused, None)).unwrap();
    assert_eq!(chats(&house, "m").await.error_code().as_deref(), Some("provider_paused"));
    let listed = ask(house.address(), "GET", "/v1/models", &[], "").await;
    assert_eq!(listed.json()["data"][0]["id"], "m", "its models are still listed");

    let house = TestHouse::new(&format!(
        "providers:\n{}{}{}",
        line("near", &near, "lmstudio"),
        line("far", &far, "openai"),
        line("nearer", &nearer, "lmstudio")
    ));
    assert_eq!(chats(&house, "m").await.header("x-openai-proxy-provider"), Some("near"));
    gateway(&house).set_standing("near", said(OverrideKind::Paused, None)).unwrap();
    let answer = chats(&house, "m").await;
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("nearer"), "another server of ours has it");
    let chats = far.ledger().requests().iter().filter(|asked| asked.path() == CHAT).count();
    assert_eq!(chats, 0, "the cloud saw none of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_provider_is_not_asked_for_its_models_either() {
    let (one, two) = (vendor("m").await, vendor("n").await);
    let lines = [line("one", &one, "openai-compatible"), line("two", &two, "openai-compatible")];
    let house = TestHouse::new(&format!("providers:\n{}", lines.concat()));
    gateway(&house).set_standing("one", said(OverrideKind::Paused, None)).unwrap();
    let listed = ask(house.address(), "GET", "/v1/models", &[], "").await;
    assert_eq!(listed.json()["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(one.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_says_who_is_paused_and_where_calls_go_meanwhile() {
    let (one, two) = (vendor("m").await, vendor("m").await);
    let lines = [line("one", &one, "openai-compatible"), line("two", &two, "openai-compatible")];
    let house = TestHouse::new(&format!("providers:\n{}models: {{m: [one, two]}}\n", lines.concat()));
    gateway(&house).set_standing("one", said(OverrideKind::Paused, None)).unwrap();
    let question = Question { method: &Method::POST, target: CHAT, model: Some("m"), body: None };
    let told = gateway(&house).explain(&question).await;
    assert!(matches!(told.way, Ok(Way::There { provider, .. }) if provider == "two"));
    let overridden = told.places[0].overridden.as_ref().unwrap();
    assert_eq!((overridden.by.as_str(), overridden.why.as_str()), ("ana", "new disks"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_show_what_is_said_by_hand_as_long_as_it_holds() {
    let house = TestHouse::new("providers: {mock: {}}\n");
    let metrics = async || ask(house.address(), "GET", "/metrics", &[], "").await.text();
    assert!(!metrics().await.contains("provider_overrides{"));
    gateway(&house).set_standing("mock", said(OverrideKind::ForcedClosed, None)).unwrap();
    let shown = "openai_proxy_provider_overrides{provider=\"mock\",kind=\"forced_closed\"} 1";
    assert!(metrics().await.contains(shown), "{}", metrics().await);
    assert_eq!(chats(&house, "any").await.status, 200, "forced closed: it is tried");
    gateway(&house).reset_standing("mock").unwrap();
    assert!(!metrics().await.contains("provider_overrides{"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_by_the_last_answers() {
    let vendor = Vendor::start(|seen| match seen.json()["model"].as_str() {
        Some("broken") => Act::json(500, &serde_json::json!({})),
        _ => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap_or_default()),
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers:\n{}routing: {{retries: 0}}\n",
        line("one", &vendor, "openai-compatible")
    ));
    let health = |told: &gateway::Standings| (told.providers[0].health, told.providers[0].failures_in_a_row);
    assert_eq!(health(&gateway(&house).standings()), (HealthWord::Unknown, 0));
    chats(&house, "good").await;
    for _ in 0..3 {
        chats(&house, "broken").await;
    }
    house.records(|records| records.len() == 4).await;
    let told = gateway(&house).standings();
    assert_eq!(health(&told), (HealthWord::Degraded, 3));
    assert_eq!(told.providers[0].last_failure.map(|failure| failure.kind), Some(Ending::ProviderFailed));
    assert!(told.providers[0].takes_calls, "it is told, and keeps no call away");
    assert_eq!((told.summary.degraded, told.summary.healthy, told.summary.paused), (1, 0, 0));
    chats(&house, "good").await;
    house.records(|records| records.len() == 5).await;
    assert_eq!(health(&gateway(&house).standings()), (HealthWord::Healthy, 0));
    let json = serde_json::to_value(gateway(&house).standings()).unwrap();
    assert_eq!(json["providers"][0]["health"], "healthy");
    assert_eq!(json["providers"][0]["override"], serde_json::Value::Null);
}
