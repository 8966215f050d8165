//! Qwen Code: OpenAI's variables, and two arguments that win over its settings.

use super::{BLANK, Change, Format, Settings, Tool};

/// Qwen Code. It speaks chat.
pub(super) const TOOL: Tool = Tool {
    word: "qwen",
    name: "Qwen Code",
    program: Some("qwen"),
    install: "npm install -g @qwen-code/qwen-code",
    variables: |aim| vec![("OPENAI_BASE_URL", aim.base()), ("OPENAI_API_KEY", aim.key())],
    // How it signs in and which model it asks stand in its settings, too, and win over variables there.
    arguments: |aim| ["--auth-type", "openai", "--model", aim.model.as_str()].map(str::to_owned).into(),
    files: &[Settings {
        folder: &[("HOME", ".qwen")],
        names: &["settings.json"],
        format: Format::Json,
        changes: |aim| {
            vec![
                Change::set(&["security", "auth", "selectedType"], "openai"),
                Change::set(&["security", "auth", "baseUrl"], aim.base()),
                Change::set(&["security", "auth", "apiKey"], aim.key()),
                Change::set(&["model", "name"], aim.model.clone()),
            ]
        },
    }],
    notes: &["It rewrites its settings file when it starts, so that --restore may find it changed."],
    ..BLANK
};
