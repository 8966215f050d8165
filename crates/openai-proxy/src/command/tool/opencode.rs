//! OpenCode: a provider block in its configuration, which a variable may hold whole.

use serde_json::json;

use super::{Aim, BLANK, Change, Format, Settings, Tool};

/// OpenCode. It speaks chat.
pub(super) const TOOL: Tool = Tool {
    word: "opencode",
    name: "OpenCode",
    program: Some("opencode"),
    install: "npm install -g opencode-ai",
    variables: |aim| {
        let content = super::file::json_line(&changes(aim));
        vec![("OPENCODE_CONFIG_CONTENT", content)]
    },
    files: &[Settings {
        folder: &[("XDG_CONFIG_HOME", "opencode"), ("HOME", ".config/opencode")],
        names: &["opencode.json", "opencode.jsonc"],
        format: Format::Json,
        changes,
    }],
    notes: &["A project's own opencode.json wins over the one at home."],
    ..BLANK
};

fn changes(aim: &Aim) -> Vec<Change> {
    let named = format!("openai-proxy/{}", aim.model);
    let provider = json!({
        "npm": "@ai-sdk/openai-compatible",
        "name": "openai-proxy",
        "options": {"baseURL": aim.base(), "apiKey": aim.key()},
        "models": {aim.model.as_str(): {}},
    });
    vec![
        // It writes this line itself where it is missing.
        Change::unless_set(&["$schema"], "https://opencode.ai/config.json"),
        Change::set(&["provider", "openai-proxy"], provider),
        Change::set(&["model"], named.clone()),
        // The one it makes titles with.
        Change::set(&["small_model"], named),
    ]
}
