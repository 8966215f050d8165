//! Who answers at a port: known by what it says, never by the port alone.
//!
//! Several kinds of server share a port (8000, 8080), and any of them may run on another one. So every question is put to
//! every open port, and the answers decide. Sources: the servers' own documentation as named in `compatible.toml`, and
//! thushan/olla's published profiles for usual ports.

use serde_json::Value;

/// A kind of server that can be recognised.
#[derive(Debug)]
pub struct Fingerprint {
    /// What it is called on the screen; also the provider's name.
    pub name: &'static str,
    /// The `type` of the provider.
    pub vendor: &'static str,
    /// Where it usually listens.
    pub ports: &'static [u16],
    /// What to ask.
    pub path: &'static str,
    /// The path of its base URL.
    pub base_path: &'static str,
    /// What it is good for, in a word or two for the screen.
    pub good_for: &'static str,
    /// Worth a word when it does not answer.
    pub well_known: bool,
    /// Whether this is its answer.
    recognise: fn(&Value, &str) -> bool,
    /// How many models or voices its answer names, if it does.
    count: fn(&Value) -> Option<usize>,
}

/// Every kind, those with the surest answers first: the first that recognises its own wins.
pub static FINGERPRINTS: &[Fingerprint] = &[
    Fingerprint {
        name: "ollama",
        vendor: "ollama",
        ports: &[11434],
        path: "/api/tags",
        base_path: "/v1",
        good_for: "chat, embeddings",
        well_known: true,
        recognise: |json, _| json["models"].is_array() && json["data"].is_null(),
        count: |json| json["models"].as_array().map(Vec::len),
    },
    Fingerprint {
        name: "lmstudio",
        vendor: "lmstudio",
        ports: &[1234],
        path: "/api/v0/models",
        base_path: "/v1",
        good_for: "chat, embeddings",
        well_known: true,
        recognise: |json, _| json["data"].is_array(),
        count: list,
    },
    Fingerprint {
        name: "kokoro",
        vendor: "kokoro",
        ports: &[8880],
        path: "/v1/audio/voices",
        base_path: "/v1",
        good_for: "speech",
        well_known: true,
        recognise: |json, _| json["voices"].is_array(),
        count: |json| json["voices"].as_array().map(Vec::len),
    },
    Fingerprint {
        name: "llama.cpp",
        vendor: "llama.cpp",
        ports: &[8080, 8001],
        path: "/props",
        base_path: "/v1",
        good_for: "chat, embeddings",
        well_known: true,
        recognise: |json, _| json["default_generation_settings"].is_object(),
        count: none,
    },
    Fingerprint {
        name: "sglang",
        vendor: "sglang",
        ports: &[30000],
        path: "/get_model_info",
        base_path: "/v1",
        good_for: "chat",
        well_known: false,
        recognise: |json, _| json["model_path"].is_string(),
        count: none,
    },
    Fingerprint {
        name: "docker-model-runner",
        vendor: "openai-compatible",
        ports: &[12434],
        path: "/engines/v1/models",
        base_path: "/engines/v1",
        good_for: "chat, embeddings",
        well_known: false,
        recognise: |json, _| json["data"].is_array(),
        count: list,
    },
    Fingerprint {
        name: "speaches",
        vendor: "speaches",
        ports: &[8000],
        path: "/openapi.json",
        base_path: "/v1",
        good_for: "transcription, speech",
        well_known: false,
        recognise: |json, _| {
            let title = json["info"]["title"].as_str().unwrap_or_default().to_ascii_lowercase();
            title.contains("speaches")
                || title.contains("faster whisper server")
                || title.contains("faster-whisper")
        },
        count: none,
    },
    Fingerprint {
        name: "whisper.cpp",
        vendor: "whisper.cpp",
        ports: &[9000, 8080, 8000],
        path: "/",
        base_path: "",
        good_for: "transcription",
        well_known: true,
        recognise: |_, text| {
            let title = text
                .split("<title>")
                .nth(1)
                .and_then(|rest| rest.split("</title>").next())
                .unwrap_or_default();
            title.to_ascii_lowercase().contains("whisper")
        },
        count: none,
    },
    Fingerprint {
        name: "localai",
        vendor: "localai",
        ports: &[8080],
        path: "/system",
        base_path: "/v1",
        good_for: "chat, embeddings, speech, transcription",
        well_known: false,
        recognise: |json, _| json["backends"].is_array() && json["loaded_models"].is_array(),
        count: none,
    },
    Fingerprint {
        name: "litellm",
        vendor: "openai-compatible",
        ports: &[4000],
        path: "/health/liveliness",
        base_path: "/v1",
        good_for: "another gateway",
        well_known: false,
        recognise: |json, _| json.as_str().is_some_and(|said| said.starts_with("I'm alive")),
        count: none,
    },
    Fingerprint {
        name: "vllm",
        vendor: "vllm",
        ports: &[8000],
        path: "/v1/models",
        base_path: "/v1",
        good_for: "chat, embeddings",
        well_known: true,
        recognise: |json, _| owned_by(json, "vllm"),
        count: list,
    },
    Fingerprint {
        name: "lmdeploy",
        vendor: "openai-compatible",
        ports: &[23333],
        path: "/v1/models",
        base_path: "/v1",
        good_for: "chat",
        well_known: false,
        recognise: |json, _| owned_by(json, "lmdeploy"),
        count: list,
    },
];

impl Fingerprint {
    /// Whether an answer of 200 with this body is this kind's; then, how many models or voices it names.
    pub fn recognise(&self, body: &[u8]) -> Option<Option<usize>> {
        let text = std::str::from_utf8(body).ok()?;
        let json: Value = serde_json::from_str(text).unwrap_or_default();
        (self.recognise)(&json, text).then(|| (self.count)(&json))
    }
}

/// Every port some kind usually listens on, each once.
pub fn ports() -> Vec<u16> {
    let mut ports: Vec<u16> = FINGERPRINTS.iter().flat_map(|print| print.ports).copied().collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn list(json: &Value) -> Option<usize> {
    json["data"].as_array().map(Vec::len)
}

fn none(_: &Value) -> Option<usize> {
    None
}

fn owned_by(json: &Value, owner: &str) -> bool {
    json["data"].as_array().is_some_and(|list| list.iter().any(|entry| entry["owned_by"] == owner))
}
