//! Real exchanges with real vendors, relayed: not one byte differs, however the bytes are split on the way.

use std::path::Path;
use std::sync::{Arc, Mutex};

use testkit::caller::Caller;
use testkit::recordings::{Recording, load, splits};
use testkit::vendor::{Act, Answer, Vendor};

use crate::house::{ONCE, TestHouse, UNDAUNTED, UPSTREAM_KEY};

/// Where a recording's answer is written in pieces.
fn answer(recording: &Recording, seed: u64) -> Act {
    let body = &recording.resp_body;
    let mut cuts = splits(body.len(), seed);
    cuts.push(body.len());
    let kind = recording.resp_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = kind.map(|(_, kind)| kind.as_str()).filter(|kind| !kind.is_empty());
    let default = if recording.is_stream() { "text/event-stream" } else { "application/json" };
    let mut answer = Answer::stream(recording.status).header("content-type", kind.unwrap_or(default));
    let mut from = 0;
    for cut in cuts {
        answer = answer.send(body[from..cut].to_vec());
        from = cut;
    }
    answer.into()
}

/// The provider as the recording's vendor spells its addresses, and the path a caller of ours asks for.
fn provider(name: &str, recording: &Recording, port: u16) -> (String, String) {
    let path = &recording.path;
    if name == "azure-openai" {
        let version =
            recording.query.split('&').find_map(|pair| pair.strip_prefix("api-version=")).unwrap_or("v1");
        let line = format!(
            "azure: {{base_url: \"http://127.0.0.1:{port}\", api_version: \"{version}\", api_key: {UPSTREAM_KEY}}}"
        );
        return (line, path.clone());
    }
    let known = [
        "/chat/completions",
        "/completions",
        "/responses",
        "/embeddings",
        "/conversations",
        "/images",
        "/realtime",
        "/audio",
        "/models",
        "/files",
        "/moderations",
        "/uploads",
        "/batches",
        "/vector_stores",
        "/containers",
        "/threads",
        "/assistants",
    ];
    let at = known.iter().filter_map(|shape| path.find(shape)).min();
    let (base, rest) = path.split_at(at.unwrap_or(0));
    let base = if base.is_empty() { "/v1" } else { base };
    let rest = if at.is_some() { rest.to_owned() } else { path.clone() };
    (
        format!(
            "openai: {{base_url: \"http://127.0.0.1:{port}{base}\", api_key: {UPSTREAM_KEY}, breaker: {UNDAUNTED}}}"
        ),
        format!("/v1{rest}"),
    )
}

async fn relayed(name: &'static str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(recordings) = load(root, name) else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout, so {name} cannot be relayed");
        return;
    };
    let current: Arc<Mutex<Option<(Recording, u64)>>> = Arc::default();
    let script = current.clone();
    let vendor = Vendor::start(move |_| {
        let guard = script.lock().unwrap();
        let (recording, seed) = guard.as_ref().unwrap();
        answer(recording, *seed)
    })
    .await;
    let mut houses: Vec<(String, TestHouse)> = Vec::new();
    let mut relayed = 0;
    for (seed, recording) in recordings.into_iter().enumerate() {
        if recording.path.contains("/api/models") {
            // A hub's page about a model, outside the OpenAI-like API: not ours to relay.
            continue;
        }
        let (line, path) = provider(name, &recording, vendor.port());
        if !houses.iter().any(|(known, _)| *known == line) {
            houses.push((line.clone(), TestHouse::new(&format!("providers: {{{line}}}\n{ONCE}"))));
        }
        let house = &houses.iter().find(|(known, _)| *known == line).unwrap().1;
        *current.lock().unwrap() = Some((recording.clone(), seed as u64));
        relay_one(name, &vendor, house, (&recording, &path, seed as u64)).await;
        relayed += 1;
    }
    assert!(relayed > 0);
}

async fn relay_one(
    name: &str,
    vendor: &Vendor,
    house: &TestHouse,
    (recording, path, seed): (&Recording, &str, u64),
) {
    let id = &recording.id;
    let kind = recording.req_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = kind.map_or("application/json", |(_, kind)| kind.as_str());
    // With the count asked for, a stream is passed without any edit; without, the edit is the one we own up to.
    let query = if recording.query.is_empty() { String::new() } else { format!("?{}", recording.query) };
    let head = format!(
        "{} {path}{query} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {kind}\r\nauthorization: Bearer sk-caller\r\ncontent-length: {}\r\n\r\n",
        recording.method,
        recording.req_body.len()
    );
    let mut request = head.into_bytes();
    request.extend_from_slice(&recording.req_body);
    let known = vendor.ledger().requests().len();
    let mut caller = Caller::connect(house.address()).await;
    caller.send_split(&request, &splits(request.len(), seed ^ 0x5bd1)).await.unwrap();
    let answer = caller.read_answer().await;
    assert_eq!(
        vendor.ledger().requests().len(),
        known + 1,
        "{name} {id}: answered {} {}",
        answer.status,
        answer.text()
    );
    let seen = vendor.ledger().last().unwrap().seen;
    if matches!(recording.status, 401 | 403) {
        assert_eq!(answer.status, 502, "{name} {id}: our own key refused is not the caller's fault");
        return;
    }
    assert_eq!(answer.status, recording.status, "{name} {id}: {}", answer.text());
    assert!(answer.complete, "{name} {id}");
    let asked_for_us = seen.body.len() != recording.req_body.len();
    if asked_for_us {
        let added = String::from_utf8_lossy(&seen.body).replacen(
            "\"stream_options\":{\"include_usage\":true},",
            "",
            1,
        );
        let added =
            added.replacen("\"include_usage\":true,", "", 1).replacen("\"include_usage\":true", "", 1);
        let sent = String::from_utf8_lossy(&recording.req_body);
        assert!(
            added == sent || sent.replacen("\"include_usage\":false", "", 1) == added,
            "{name} {id}: one edit only"
        );
    } else {
        assert_eq!(seen.body, recording.req_body, "{name} {id}: the request's bytes");
    }
    let expected = if asked_for_us { unasked(&recording.resp_body) } else { recording.resp_body.clone() };
    assert!(
        answer.body == expected,
        "{name} {id}: the answer's bytes\n{}\n{}",
        String::from_utf8_lossy(&answer.body),
        String::from_utf8_lossy(&expected)
    );
    assert_eq!(
        seen.header("authorization").or(seen.header("api-key")).map(|key| key.trim_start_matches("Bearer ")),
        Some(UPSTREAM_KEY)
    );
}

/// An answer without the usage chunk nobody asked for, cut out by another hand than the gateway's: on text, by line.
fn unasked(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let mut out = String::new();
    for event in text.split_inclusive("\n\n") {
        let Some(json) = event.trim_end().strip_prefix("data: ").filter(|json| json.starts_with('{')) else {
            out.push_str(event);
            continue;
        };
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let count = value.get("usage");
        if count.is_some_and(serde_json::Value::is_object)
            && value["choices"].as_array().is_some_and(Vec::is_empty)
        {
            continue;
        }
        if count.is_some_and(serde_json::Value::is_null) {
            out.push_str(
                &event.replacen(",\"usage\":null", "", 1).replacen("\"usage\":null,", "", 1).replacen(
                    ", \"usage\": null",
                    "",
                    1,
                ),
            );
        } else {
            out.push_str(event);
        }
    }
    out.into_bytes()
}

macro_rules! vendors {
    ($($test:ident: $name:literal),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            relayed($name).await;
        })+
    };
}

vendors! {
    openai_passes_byte_for_byte: "openai",
    azure_passes_byte_for_byte: "azure-openai",
    groq_passes_byte_for_byte: "groq",
    mistral_passes_byte_for_byte: "mistral",
    deepseek_passes_byte_for_byte: "deepseek",
    openrouter_passes_byte_for_byte: "openrouter",
    huggingface_passes_byte_for_byte: "huggingface",
}
