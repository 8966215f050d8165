//! Codex: a provider of its own in config.toml, which can also be given as arguments.
//!
//! Not its `openai_base_url`: with that it tries a WebSocket first.

use serde_json::json;

use super::{Aim, BLANK, Change, Format, Settings, Tool};

/// Codex. It speaks Responses.
pub(super) const TOOL: Tool = Tool {
    word: "codex",
    name: "Codex",
    program: Some("codex"),
    install: "npm install -g @openai/codex",
    variables: |aim| aim.key.iter().map(|key| (KEY, key.clone())).collect(),
    arguments: |aim| {
        let provider = super::file::toml_line(&provider(aim));
        let settings = [
            format!("model={}", json!(aim.model)),
            "model_provider=\"openai-proxy\"".to_owned(),
            format!("model_providers.openai-proxy={provider}"),
        ];
        settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
    },
    files: &[Settings {
        folder: &[("CODEX_HOME", ""), ("HOME", ".codex")],
        names: &["config.toml"],
        format: Format::Toml,
        changes: |aim| {
            vec![
                Change::set(&["model"], aim.model.clone()),
                Change::set(&["model_provider"], "openai-proxy"),
                Change::set(&["model_providers", "openai-proxy"], provider(aim)),
            ]
        },
    }],
    notes: &["With a key: export OPENAI_PROXY_KEY; the file names only the variable."],
    speaks: "responses",
    ..BLANK
};

/// The variable its key is in.
const KEY: &str = "OPENAI_PROXY_KEY";

fn provider(aim: &Aim) -> serde_json::Value {
    let mut provider = json!({"name": "openai-proxy", "base_url": aim.base(), "wire_api": "responses"});
    if aim.key.is_some() {
        provider["env_key"] = KEY.into();
    }
    provider
}
