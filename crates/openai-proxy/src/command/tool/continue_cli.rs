//! Continue's `cn`: a configuration file, which an argument may name.

use serde_json::json;

use super::{Aim, BLANK, Change, Format, Settings, Step, Temporary, Told, Tool};

/// Continue CLI. It speaks chat.
pub(super) const TOOL: Tool = Tool {
    word: "continue",
    name: "Continue CLI",
    program: Some("cn"),
    install: "npm install -g @continuedev/cli",
    temporary: Some(Temporary {
        name: "config.yaml",
        told: Told::Argument("--config"),
        format: Format::Yaml,
        changes,
        needed: true,
        strict: false,
        stands_for: &[],
    }),
    files: &[Settings {
        folder: &[("CONTINUE_GLOBAL_DIR", ""), ("HOME", ".continue")],
        names: &["config.yaml"],
        format: Format::Yaml,
        changes,
    }],
    notes: &["The first model of the file is the one that answers; ours is put there."],
    ..BLANK
};

fn changes(aim: &Aim) -> Vec<Change> {
    let model = json!({
        "name": "openai-proxy",
        "provider": "openai",
        "model": aim.model,
        "apiBase": aim.base(),
        "apiKey": aim.key(),
    });
    vec![
        Change::unless_set(&["name"], "openai-proxy"),
        Change::unless_set(&["version"], "0.0.1"),
        Change::unless_set(&["schema"], "v1"),
        Change::at(vec![Step::key("models"), Step::item("name", "openai-proxy")], model),
    ]
}
