//! Servers on this computer: known by what they say, whatever port they stand on; and what is meant for them stays there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::{Found, Given};
use gateway::look_around;
use protocol::vendor::fingerprint::{FINGERPRINTS, ports};
use testkit::caller::ask;
use testkit::vendor::{Act, Answer, Seen, Setup, Vendor};

use crate::house::{TestHouse, chat};
use crate::network;

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
    fake_on(kind, 0).await
}

/// On this port; 0 is any.
async fn fake_on(kind: &'static str, port: u16) -> Vendor {
    let script = move |seen: &Seen| match answers(kind, seen.path()) {
        Some(said) => Answer::plain(200, said).header("content-type", "application/json").into(),
        None => Act::text(404, "{\"detail\":\"Not Found\"}"),
    };
    Setup::new(script).port(port).start().await
}

/// In a network of its own, where the usual ports are free.
#[test]
fn twelve_kinds_are_known_on_their_ports_and_on_each_others() {
    let dir = tempfile::tempdir().unwrap();
    network::run_inside("discovery::on_usual_and_swapped_ports", "", dir.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above in a network of its own"]
async fn on_usual_and_swapped_ports() {
    if !network::is_own() {
        eprintln!("PASSED OVER: this is not the network made for it");
        return;
    }
    let patience = Duration::from_secs(5);
    let usual = |kind: &str| FINGERPRINTS.iter().find(|print| print.name == kind).unwrap().ports;
    // Several share a port: each in turn is alone on it.
    for kind in KINDS {
        for port in usual(kind) {
            let fake = fake_on(kind, *port).await;
            let seen = look_around(&["127.0.0.1".to_owned()], &ports(), patience).await;
            let named: Vec<_> = seen.iter().map(|sighting| (sighting.kind.name, sighting.port)).collect();
            assert_eq!(named, [(kind, *port)]);
            gone(fake).await;
        }
    }
    // All at once, each on a port that others usually have.
    let all = ports();
    assert!(all.len() >= 10, "{all:?}");
    for shift in 1..all.len() {
        let mut fakes = Vec::new();
        for (number, port) in all.iter().enumerate() {
            let kind = KINDS[(number + shift) % KINDS.len()];
            fakes.push((kind, *port, fake_on(kind, *port).await));
        }
        let seen = look_around(&["127.0.0.1".to_owned()], &all, patience).await;
        for (kind, port, _) in &fakes {
            let sighting = seen.iter().find(|sighting| sighting.port == *port);
            assert_eq!(sighting.map(|sighting| sighting.kind.name), Some(*kind), "on port {port}");
        }
        assert_eq!(seen.len(), fakes.len());
        for (_, _, fake) in fakes {
            gone(fake).await;
        }
    }
}

/// Stops a server and waits until its port is free again.
async fn gone(server: Vendor) {
    let port = server.port();
    drop(server);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        tokio::task::yield_now().await;
    }
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
    found_as("ollama", local, cloud, &[]).await
}

/// The local server as one of that kind, and with these settings.
async fn found_as(kind: &str, local: &Vendor, cloud: &Vendor, settings: &[(&str, &str)]) -> TestHouse {
    let environment = BTreeMap::from([
        ("OPENAI_API_KEY".to_owned(), "sk-cloud-0123456789".to_owned()),
        ("OPENAI_BASE_URL".to_owned(), format!("{}/v1", cloud.url())),
    ]);
    let server = Found { name: kind.into(), kind: kind.into(), base_url: format!("{}/v1", local.url()) };
    let settings = [("server.listen", "127.0.0.1:0")].iter().chain(settings);
    let overrides = settings.map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    TestHouse::of(&Given { environment, overrides, found: vec![server], ..Given::default() })
}

fn models(names: &[&str]) -> Act {
    let data: Vec<_> = names.iter().map(|id| serde_json::json!({"id": id})).collect();
    Act::json(200, &serde_json::json!({"object": "list", "data": data}))
}

/// A server of this computer that has one model, and answers in its own language.
fn conversing(seen: &Seen) -> Act {
    let message = serde_json::json!({"role": "assistant", "content": "hello"});
    match seen.path() {
        "/api/chat" => Act::json(
            200,
            &serde_json::json!({"model": "llama3.2:latest", "message": message, "done": true, "done_reason": "stop"}),
        ),
        _ => models(&["llama3.2:latest"]),
    }
}

/// A cloud that announces what clouds do.
async fn cloud() -> Vendor {
    Vendor::start(|_| models(&["gpt-4o", "whisper-1", "tts-1"])).await
}

/// The calls a vendor got, without those for its list.
fn asked(vendor: &Vendor) -> Vec<String> {
    let entries = vendor.ledger().entries_after(0, |entry| entry.seen.path() != "/v1/models");
    entries.into_iter().map(|entry| entry.seen.path().to_owned()).collect()
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_gone_keeps_its_models() {
    let (local, cloud) = (Vendor::start(conversing).await, cloud().await);
    let house = found(&local, &cloud).await;
    assert_eq!(ask(house.address(), "POST", CHAT, &[], chat("llama3.2", false)).await.status, 200);
    assert_eq!(asked(&local), ["/api/chat"], "by its name without the tag, too");
    drop(local);
    let answer = ask(house.address(), "POST", CHAT, &[], chat("llama3.2", false)).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(asked(&cloud), [""; 0]);
    ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
    assert_eq!(asked(&cloud), [CHAT], "what is the cloud's goes there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_came_a_moment_ago_is_found_and_one_that_went_stays() {
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let lists: [&[&str]; 3] = [&["qwen3:8b"], &["qwen3:8b", "llama3.2:latest"], &[]];
    let local = Vendor::start(move |_| models(lists[count.load(Ordering::Relaxed)])).await;
    let cloud = cloud().await;
    let house = found(&local, &cloud).await;
    for (round, model) in ["qwen3:8b", "llama3.2", "llama3.2"].into_iter().enumerate() {
        pulled.store(round, Ordering::Relaxed);
        // A list is asked for again after a second, when a name is not known.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        ask(house.address(), "POST", CHAT, &[], chat("gpt-unheard-of", false)).await;
        let answer = ask(house.address(), "POST", CHAT, &[], chat(model, false)).await;
        assert_eq!(answer.header("x-openai-proxy-provider"), Some("ollama"), "{round}");
    }
    assert_eq!(asked(&cloud), [CHAT; 3], "only the names nobody here has");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_server_has_not_said_what_it_has_unknown_names_go_nowhere() {
    for list in [Act::Reset, Act::json(500, &serde_json::json!({})), Act::text(200, "<html>")] {
        let (local, cloud) = (Vendor::start(move |_| list.clone()).await, cloud().await);
        let house = found(&local, &cloud).await;
        let answer = ask(house.address(), "POST", CHAT, &[], chat("llama3.2", false)).await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("model_not_found")));
        assert!(answer.text().contains("ollama"), "{}", answer.text());
        ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
        assert_eq!(asked(&cloud), [CHAT], "a name the cloud has said is the cloud's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_local_model_cannot_do_no_cloud_is_asked_for() {
    let (local, cloud) = (Vendor::start(|_| models(&["llama3.2"])).await, cloud().await);
    let house = found(&local, &cloud).await;
    for path in ["/v1/moderations", "/v1/tomorrow"] {
        let answer = ask(house.address(), "POST", path, &[], chat("llama3.2", false)).await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("not_served")), "{path}");
    }
    assert_eq!(asked(&cloud), [""; 0]);
}

/// Programs say `tts-1` by habit. Where a server of voices was found and nothing is written, it is meant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_found_server_of_voices_takes_all_speech_unless_somebody_wrote_otherwise() {
    let (local, cloud) = (Vendor::start(|_| Act::text(200, "own")).await, cloud().await);
    let speech = "{\"model\":\"tts-1\",\"input\":\"x\"}";
    let house = found_as("kokoro", &local, &cloud, &[]).await;
    assert_eq!(ask(house.address(), "POST", "/v1/audio/speech", &[], speech).await.text(), "own");
    let written = [("models.tts-1", "openai")];
    let house = found_as("kokoro", &local, &cloud, &written).await;
    ask(house.address(), "POST", "/v1/audio/speech", &[], speech).await;
    assert_eq!(asked(&cloud), ["/v1/audio/speech"]);
}

/// A form with a file, and its model before it.
fn form(model: &str) -> String {
    let field = "--XbX\r\nContent-Disposition: form-data; name=";
    format!("{field}\"model\"\r\n\r\n{model}\r\n{field}\"file\"; filename=\"a\"\r\n\r\nRIFF\r\n--XbX--\r\n")
}

/// The cloud is the only one that can speak and listen; a model of this computer is not made to, by anybody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_and_transcripts_by_a_local_model_go_to_no_cloud_either() {
    let names = ["llama3.2:latest", "whisper-large-v3-turbo"];
    for kind in ["ollama", "lmstudio"] {
        let (local, cloud) = (Vendor::start(move |_| models(&names)).await, cloud().await);
        let house = found_as(kind, &local, &cloud, &[]).await;
        let json = [("content-type", "application/json")];
        let multipart = [("content-type", "multipart/form-data; boundary=XbX")];
        let speech = format!("{{\"model\":\"{}\",\"input\":\"x\"}}", names[0]);
        let mut calls = vec![("/v1/audio/speech", json, speech)];
        for path in ["/v1/audio/transcriptions", "/v1/audio/translations", "/inference"] {
            calls.extend(names.map(|name| (path, multipart, form(name))));
        }
        for (path, headers, body) in calls {
            let answer = ask(house.address(), "POST", path, &headers, body).await;
            assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("not_served")), "{path}");
        }
        assert_eq!(asked(&cloud), [""; 0], "{kind}");
        // What nobody here has is the cloud's, as ever.
        ask(house.address(), "POST", "/v1/audio/transcriptions", &multipart, form("whisper-2")).await;
        assert_eq!(asked(&cloud), ["/v1/audio/transcriptions"], "{kind}");
    }
}

/// A server that cannot be asked for its models may have any: speech by a name nobody knows waits for it, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_by_a_name_that_may_be_an_unheard_servers_goes_to_no_cloud() {
    let (local, cloud) = (Vendor::start(|_| Act::Reset).await, cloud().await);
    let house = found(&local, &cloud).await;
    let speech = |model: &str| format!("{{\"model\":\"{model}\",\"input\":\"x\"}}");
    let answer = ask(house.address(), "POST", "/v1/audio/speech", &[], speech("llama3.2")).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("model_not_found")));
    ask(house.address(), "POST", "/v1/audio/speech", &[], speech("tts-1")).await;
    assert_eq!(asked(&cloud), ["/v1/audio/speech"], "a name the cloud has said is the cloud's");
}

/// Names that the server takes as the same model.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_name_of_a_local_model_stays_here() {
    let (local, cloud) = (Vendor::start(conversing).await, cloud().await);
    let house = found(&local, &cloud).await;
    let names = [
        "Llama3.2",
        "LLAMA3.2:LATEST",
        "library/llama3.2",
        "registry.ollama.ai/library/llama3.2:latest",
        " llama3.2 ",
    ];
    for name in names {
        let answer = ask(house.address(), "POST", CHAT, &[], chat(name, false)).await;
        assert_eq!(answer.header("x-openai-proxy-provider"), Some("ollama"), "{name:?}");
    }
    assert_eq!((asked(&local).len(), asked(&cloud)), (names.len(), vec![]));
}

/// A server without any model has said so: it holds nothing back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_it_has_no_model_keeps_nothing_from_the_cloud() {
    for none in [models(&[]), Act::json(200, &serde_json::json!({"object": "list", "data": null}))] {
        let local = Vendor::start(move |_| none.clone()).await;
        let cloud = Vendor::start(|seen| match seen.path() {
            "/v1/models" => Act::Reset,
            _ => Act::json(200, &serde_json::json!({"choices": []})),
        })
        .await;
        let house = found(&local, &cloud).await;
        let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", false)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(asked(&cloud), [CHAT]);
    }
}

/// What belongs to an account goes where the account is; with a model of this computer, nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_with_a_local_model_in_it_goes_to_no_cloud() {
    let (local, cloud) = (Vendor::start(|_| models(&["llama3.2:latest"])).await, cloud().await);
    let house = found(&local, &cloud).await;
    let paths = [
        "/v1/assistants",
        "/v1/assistants/asst_1",
        "/v1/threads/runs",
        "/v1/threads/thread_1/runs",
        "/v1/fine_tuning/jobs",
        "/v1/batches",
        "/v1/evals",
        "/v1/evals/eval_1/runs",
        "/v1/agents",
        "/v1/realtime/sessions",
    ];
    for path in paths {
        let answer = ask(house.address(), "POST", path, &[], "{\"model\":\"llama3.2\"}").await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (404, Some("not_served")), "{path}");
    }
    assert_eq!(asked(&cloud), [""; 0]);
    for body in ["", "{}", "{\"model\":null}", "{\"model\":\"gpt-4o\"}", "{\"model\":\"gpt-tuned\"}"] {
        for path in paths {
            ask(house.address(), "POST", path, &[], body).await;
        }
    }
    assert_eq!(asked(&cloud), paths.repeat(5), "everything else goes where it went");
}
