//! `/v1/models`: from memory, over all providers, in the shape the caller reads.

use std::time::{Duration, Instant};

use testkit::caller::{Caller, ask};
use testkit::vendor::{Act, Vendor};

use crate::house::{TestHouse, chat};

fn list(ids: &[&str]) -> Act {
    let data: Vec<_> = ids.iter().map(|id| serde_json::json!({"id": id, "object": "model", "created": 7, "owned_by": "them", "context": 128})).collect();
    Act::json(200, &serde_json::json!({"object": "list", "data": data}))
}

async fn two() -> (Vendor, Vendor, TestHouse) {
    let cloud = Vendor::start(|seen| {
        if seen.path() == "/v1/models" { list(&["gpt-4o", "org/model:tag"]) } else { Act::text(200, "cloud") }
    })
    .await;
    let local = Vendor::start(|seen| {
        if seen.path() == "/v1/models" { list(&["llama3.2", "gpt-4o"]) } else { Act::text(200, "local") }
    })
    .await;
    let yaml = format!(
        "providers:\n  openai: {{base_url: \"{}/v1\", api_key: sk-test-0123456789}}\n  ollama: {{base_url: \"{}/v1\"}}\nmodels:\n  fast: openai/gpt-4o\n  secret: {{hidden: true, use: [openai]}}\n",
        cloud.url(),
        local.url()
    );
    (cloud, local, TestHouse::new(&yaml))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_models_of_all_providers_are_listed_once() {
    let (cloud, local, house) = two().await;
    let answer = ask(house.address(), "GET", "/v1/models", &[], "").await;
    let ids: Vec<String> = answer.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["fast", "gpt-4o", "org/model:tag", "llama3.2"]);
    assert_eq!(answer.json()["data"][1]["context"], 128, "what the provider says of a model is kept");
    for _ in 0..20 {
        ask(house.address(), "GET", "/v1/models", &[], "").await;
    }
    assert_eq!((cloud.ledger().requests().len(), local.ledger().requests().len()), (1, 1), "from memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_model_is_found_by_its_name_slashes_and_all() {
    let (_cloud, _local, house) = two().await;
    for path in ["/v1/models/org/model:tag", "/v1/models/org%2Fmodel:tag", "/models/org/model:tag"] {
        assert_eq!(ask(house.address(), "GET", path, &[], "").await.json()["id"], "org/model:tag", "{path}");
    }
    assert_eq!(ask(house.address(), "GET", "/v1/models/fast", &[], "").await.json()["id"], "fast");
    let answer = ask(house.address(), "GET", "/v1/models/gpt-4oo", &[], "").await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("model_not_found")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropics_programs_get_anthropics_list() {
    let (_cloud, _local, house) = two().await;
    let answer =
        ask(house.address(), "GET", "/v1/models?limit=1000", &[("anthropic-version", "2023-06-01")], "")
            .await
            .json();
    assert_eq!(
        (answer["has_more"].as_bool(), answer["data"][0]["type"].as_str()),
        (Some(false), Some("model"))
    );
    assert_eq!(answer["first_id"], "fast");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_goes_to_the_provider_that_has_it() {
    let (_cloud, local, house) = two().await;
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("llama3.2", true)).await;
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("ollama"));
    let seen = local.ledger().last().unwrap().seen;
    assert_eq!(seen.header("authorization"), None, "no key of anyone's goes to a local server");
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("gpt-4o", true)).await;
    assert_eq!(answer.header("x-openai-proxy-provider"), Some("openai"), "the first provider written wins");
    assert_eq!(
        ask(house.address(), "POST", "/v1/chat/completions", &[], chat("nobody", false)).await.status,
        404
    );
}

/// With half the upstreams black holes, only the first caller ever waits: hundreds of lists are answered while the holes
/// have not let go of the first question yet, and later ones ask them nothing. (How long a list takes is `make bench`'s affair.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn black_holes_do_not_slow_the_list() {
    let good = Vendor::start(|_| list(&["m1"])).await;
    let hole = Vendor::start(|_| Act::Hang).await;
    let yaml = format!(
        "providers:\n  a: {{base_url: \"{0}/v1\"}}\n  b: {{base_url: \"{1}/v1\"}}\n  c: {{base_url: \"{0}/v1\"}}\n  d: {{base_url: \"{1}/v1\"}}\n",
        good.url(),
        hole.url()
    );
    let house = TestHouse::new(&yaml);
    let first = Instant::now();
    let answer = ask(house.address(), "GET", "/v1/models", &[], "").await;
    assert_eq!(answer.json()["data"][0]["id"], "m1");
    assert!(first.elapsed() < Duration::from_secs(2), "the first caller waits a moment, not for ever");
    let held = |ledger: &testkit::vendor::Ledger| {
        ledger.entries().iter().filter(|entry| entry.peer_closed.is_none()).count()
    };
    let mut caller = Caller::connect(house.address()).await;
    for _ in 0..300 {
        caller.send("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(caller.read_answer().await.status, 200);
    }
    assert_eq!(held(&hole.ledger()), 2, "three hundred lists did not wait for what is still awaited");
    hole.ledger().wait_for(|ledger| held(ledger) == 0, Duration::from_secs(8)).await;
    let asked = hole.ledger().entries().len();
    for _ in 0..300 {
        caller.send("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(caller.read_answer().await.status, 200);
    }
    assert_eq!(hole.ledger().entries().len(), asked, "who did not answer is left alone for a while");
}
