//! Servers on this computer: known by what they say, whatever port they stand on; and what is meant for them stays there.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Found, Given};
use gateway::look_around;
use testkit::caller::ask;
use testkit::vendor::{Act, Answer, Ending, Vendor};

use crate::house::{TestHouse, chat};

/// The twelve, each with the answers its own kind gives.
fn answers(kind: &str, path: &str) -> Option<String> {
    let list = |owner: &str| {
        format!(
            "{{\"object\":\"list\",\"data\":[{{\"id\":\"m\",\"object\":\"model\",\"owned_by\":\"{owner}\"}}]}}"
        )
    };
    let said = match (kind, path) {
        ("ollama", "/api/tags") => {
            "{\"models\":[{\"name\":\"llama3.2:latest\"},{\"name\":\"qwen3:8b\"}]}".to_owned()
        }
        ("ollama", "/") => "Ollama is running".to_owned(),
        ("ollama", "/v1/models") => list("library"),
        ("lmstudio", "/api/v0/models") => {
            "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"publisher\":\"x\",\"quantization\":\"4bit\"}]}"
                .to_owned()
        }
        ("lmstudio", "/v1/models") => list("organization_owner"),
        ("kokoro", "/v1/audio/voices") => "{\"voices\":[\"af_bella\",\"af_sky\"]}".to_owned(),
        ("kokoro", "/v1/models") => list("kokoro"),
        ("llama.cpp", "/props") => {
            "{\"default_generation_settings\":{\"n_ctx\":4096},\"total_slots\":1}".to_owned()
        }
        ("llama.cpp", "/v1/models") => list("llamacpp"),
        ("sglang", "/get_model_info") => "{\"model_path\":\"meta/llama\",\"is_generation\":true}".to_owned(),
        ("sglang", "/v1/models") => list("sglang"),
        ("docker-model-runner", "/engines/v1/models") => list("docker"),
        ("speaches", "/openapi.json") => {
            "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Speaches\"}}".to_owned()
        }
        ("speaches", "/v1/models") => list("Systran"),
        ("whisper.cpp", "/") => "<html><head><title>Whisper.cpp Server</title></head></html>".to_owned(),
        ("localai", "/system") => "{\"backends\":[\"llama-cpp\"],\"loaded_models\":[]}".to_owned(),
        ("localai", "/readyz") => "OK".to_owned(),
        ("localai", "/v1/models") => list("localai"),
        ("litellm", "/health/liveliness") => "\"I'm alive!\"".to_owned(),
        ("litellm", "/v1/models") => list("openai"),
        ("vllm" | "lmdeploy", "/v1/models") => list(kind),
        _ => return None,
    };
    Some(said)
}

const KINDS: [&str; 12] = [
    "ollama",
    "lmstudio",
    "kokoro",
    "llama.cpp",
    "sglang",
    "docker-model-runner",
    "speaches",
    "whisper.cpp",
    "localai",
    "litellm",
    "vllm",
    "lmdeploy",
];

async fn fake(kind: &'static str) -> Vendor {
    Vendor::start(move |seen| match answers(kind, seen.path()) {
        Some(said) => Answer::plain(200, said).header("content-type", "application/json").into(),
        None => Act::text(404, "{\"detail\":\"Not Found\"}"),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_kinds_are_known_on_any_port_and_none_is_mistaken() {
    let mut fakes = Vec::new();
    for kind in KINDS {
        fakes.push((kind, fake(kind).await));
    }
    let web = Vendor::start(|_| Answer::plain(200, "<html><title>My page</title></html>").into()).await;
    let plain = Vendor::start(|_| Act::json(200, &serde_json::json!({"status": "ok"}))).await;
    let mut ports: Vec<u16> = fakes.iter().map(|(_, fake)| fake.port()).collect();
    ports.extend([web.port(), plain.port()]);
    let seen = look_around(&["127.0.0.1".to_owned()], &ports, Duration::from_secs(5)).await;
    for (kind, fake) in &fakes {
        let sighting = seen.iter().find(|sighting| sighting.port == fake.port());
        assert_eq!(sighting.map(|sighting| sighting.kind.name), Some(*kind));
    }
    assert_eq!(seen.len(), KINDS.len(), "an ordinary page and an ordinary API are nobody: {seen:?}");
    assert_eq!(seen[0].count, Some(2), "ollama says how many models it has");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_that_say_nothing_cost_no_more_than_the_patience() {
    let silent = Vendor::start(|_| Act::Hang).await;
    let ollama = fake("ollama").await;
    let began = std::time::Instant::now();
    let ports = [1, silent.port(), ollama.port()];
    let seen = look_around(&["127.0.0.1".to_owned()], &ports, Duration::from_millis(300)).await;
    assert_eq!(seen.len(), 1);
    assert!(began.elapsed() < Duration::from_millis(450), "{:?}", began.elapsed());
}

/// A local server and a cloud, both found, nothing written.
async fn found(local: &Vendor, cloud: &Vendor) -> TestHouse {
    let environment = BTreeMap::from([
        ("OPENAI_API_KEY".to_owned(), "sk-cloud-0123456789".to_owned()),
        ("OPENAI_BASE_URL".to_owned(), format!("{}/v1", cloud.url())),
    ]);
    let ollama =
        Found { name: "ollama".into(), kind: "ollama".into(), base_url: format!("{}/v1", local.url()) };
    let overrides = vec![("server.listen".to_owned(), "127.0.0.1:0".to_owned())];
    TestHouse::of(&Given { environment, overrides, found: vec![ollama], ..Given::default() })
}

/// However the local server fails, what was meant for it never reaches a cloud (D-15).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_meant_for_this_computer_never_goes_to_a_cloud() {
    let local = Vendor::start(|seen| {
        if seen.path() == "/v1/models" {
            return Act::json(200, &serde_json::json!({"data": [{"id": "llama3.2"}]}));
        }
        match seen.number % 6 {
            0 => Act::Reset,
            1 => Act::Close,
            2 => Act::json(500, &serde_json::json!({"error": {}})),
            3 => Answer::events().send("data: {}\n\n").ending(Ending::Reset).into(),
            4 => Act::json(404, &serde_json::json!({"error": {"message": "model not found"}})),
            _ => Act::text(200, "<html>"),
        }
    })
    .await;
    let cloud = Vendor::start(|_| Act::json(200, &serde_json::json!({"data": [{"id": "gpt-4o"}]}))).await;
    let house = found(&local, &cloud).await;
    ask(house.address(), "GET", "/v1/models", &[], "").await;
    for round in 0..600 {
        ask(house.address(), "POST", "/v1/chat/completions", &[], chat("llama3.2", round % 2 == 0)).await;
    }
    drop(local);
    for _ in 0..20 {
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("llama3.2", false)).await;
        assert_eq!(answer.status, 502, "the server has gone, and its models stay its own");
    }
    let reached = cloud.ledger().entries().iter().filter(|entry| entry.seen.path() != "/v1/models").count();
    assert_eq!(reached, 0);
    ask(house.address(), "POST", "/v1/chat/completions", &[], chat("gpt-4o", false)).await;
    assert_eq!(
        cloud.ledger().last().unwrap().seen.path(),
        "/v1/chat/completions",
        "what is the cloud's goes there"
    );
}
