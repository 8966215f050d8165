//! The rule of seed 003: a model is asked for by its exact name or not at all. A provider whose models are written gets those
//! and no others, also when it is the only one there is.

use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use crate::house::{TestHouse, UPSTREAM_KEY, chat};

/// A vendor that answers everything, and has more models than are written.
async fn vendor() -> Vendor {
    Vendor::start(|seen| match seen.path() {
        "/v1/models" => {
            Act::json(200, &serde_json::json!({"data": [{"id": "gpt-4o"}, {"id": "secret-model"}]}))
        }
        _ => Act::json(200, &serde_json::json!({"id": "x"})),
    })
    .await
}

/// A file of the older form, word for word but for the address.
fn older(vendor: &Vendor) -> TestHouse {
    TestHouse::new(&format!(
        r#"
instances:
  - name: "instance1"
    provider_type: "azure"
    api_key: "{UPSTREAM_KEY}"
    api_base: "{}"
    api_version: "2024-08-01-preview"
    supported_models:
      - "gpt-4o-2024-11-20"  # Full versioned model name
      - "gpt-4o-2024-08-06"  # Different version of gpt-4o
    model_deployments:
      # Map each specific version to a different deployment
      gpt-4o-2024-11-20: "gpt4o-november"
      gpt-4o-2024-08-06: "gpt4o-august"
"#,
        vendor.url()
    ))
}

async fn asked(house: &TestHouse, model: &str) -> (u16, String) {
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat(model, false)).await;
    (answer.status, answer.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_dated_version_goes_to_its_own_deployment() {
    let vendor = vendor().await;
    let house = older(&vendor);
    for (model, deployment) in
        [("gpt-4o-2024-11-20", "gpt4o-november"), ("gpt-4o-2024-08-06", "gpt4o-august")]
    {
        assert_eq!(asked(&house, model).await.0, 200);
        let target = vendor.ledger().last().unwrap().seen.target;
        assert!(
            target.starts_with(&format!("/openai/deployments/{deployment}/chat/completions")),
            "{target}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_not_listed_is_refused_and_nobody_is_asked() {
    let vendor = vendor().await;
    let house = older(&vendor);
    let near = [
        "gpt-4o",
        "GPT-4o-2024-11-20",
        "gpt-4o-2024-11-20 ",
        "gpt-4o-2024-11-2",
        "azure/gpt-4o-2024-11-20",
        "gpt4o-november",
        "other",
    ];
    for model in near {
        let (status, text) = asked(&house, model).await;
        assert_eq!(status, 404, "{model}: {text}");
        assert!(text.contains("\"model_not_found\""), "{model}: {text}");
    }
    assert!(
        asked(&house, "gpt-4o").await.1.contains("Nearest: `gpt-4o-2024-"),
        "the nearest is named, and not taken"
    );
    let speech = "{\"model\":\"tts-1\",\"input\":\"x\"}";
    let answer = ask(house.address(), "POST", "/v1/audio/speech", &[], speech).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert!(vendor.ledger().last().is_none(), "somebody was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_general_name_works_where_it_is_listed() {
    let vendor = vendor().await;
    for lists in [
        "supported_models: [gpt-4o]",
        "model_deployments: {gpt-4o: gpt-4o}",
        "models: [gpt-4o]",
        "models: {gpt-4o: gpt-4o}",
    ] {
        let house = TestHouse::new(&format!(
            "providers: {{only: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, {lists}}}}}\n",
            vendor.url()
        ));
        assert_eq!(asked(&house, "gpt-4o").await.0, 200, "{lists}");
        assert_eq!(asked(&house, "secret-model").await.0, 404, "{lists}: it has it, and it is not written");
    }
}

/// What is written still counts: a pattern, or where unknown models go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_list_goes_there_only_where_it_is_written() {
    let vendor = vendor().await;
    let provider = format!(
        "providers: {{only: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, models: [gpt-4o]}}}}\n",
        vendor.url()
    );
    for (more, status) in [
        ("", 404),
        ("routing: {unknown_model: error}\n", 404),
        ("routing: {unknown_model: only}\n", 200),
        ("models: {\"other-*\": only}\n", 200),
    ] {
        let house = TestHouse::new(&format!("{provider}{more}"));
        assert_eq!(asked(&house, "other-model").await.0, status, "{more}");
    }
    let asks =
        format!("providers: {{only: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}}}\n", vendor.url());
    assert_eq!(
        asked(&TestHouse::new(&asks), "other-model").await.0,
        200,
        "nothing is written about its models"
    );
}
