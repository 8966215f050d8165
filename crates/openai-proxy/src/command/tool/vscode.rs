//! VS Code's chat: a list of models with whole addresses, in the profile's folder.

use serde_json::json;

use super::{BLANK, Change, Format, Settings, Step, Tool};

/// VS Code, from 1.122. It speaks chat.
pub(super) const TOOL: Tool = Tool {
    word: "vscode",
    name: "VS Code",
    install: "https://code.visualstudio.com",
    files: &[Settings {
        folder: if cfg!(target_os = "macos") {
            &[("HOME", "Library/Application Support/Code/User")]
        } else {
            &[("XDG_CONFIG_HOME", "Code/User"), ("HOME", ".config/Code/User")]
        },
        names: &["chatLanguageModels.json"],
        format: Format::Json,
        changes: |aim| {
            let model = json!({
                "id": aim.model,
                "name": aim.model,
                "url": format!("{}/chat/completions", aim.base()),
                "apiType": "chat-completions",
                "toolCalling": true,
                "vision": false,
                "maxInputTokens": 128_000,
                "maxOutputTokens": 16_000,
            });
            let entry = json!({
                "name": "openai-proxy",
                "vendor": "customendpoint",
                "apiKey": aim.key(),
                "models": [model],
            });
            vec![Change::at(vec![Step::item("name", "openai-proxy")], entry)]
        },
    }],
    notes: &[
        "Not tried here: it needs a desktop. The same in its menu: Chat, Manage Models, Custom Endpoint.",
        "It does not ask which models there are: one entry a model, with its real window.",
    ],
    ..BLANK
};
