//! Zed: a block of its settings; the key comes from a variable or the keychain.

use serde_json::json;

use super::{BLANK, Change, Format, Settings, Tool};

/// Zed. It speaks chat.
pub(super) const TOOL: Tool = Tool {
    word: "zed",
    name: "Zed",
    install: "https://zed.dev",
    files: &[Settings {
        folder: &[("XDG_CONFIG_HOME", "zed"), ("HOME", ".config/zed")],
        names: &["settings.json"],
        format: Format::Json,
        changes: |aim| {
            let model = json!({"name": aim.model, "display_name": aim.model, "max_tokens": 128_000});
            let provider = json!({"api_url": aim.base(), "available_models": [model]});
            vec![Change::set(&["language_models", "openai_compatible", "openai-proxy"], provider)]
        },
    }],
    notes: &[
        "Not tried here: it needs a desktop.",
        "It insists on a key: set OPENAI_PROXY_API_KEY=openai-proxy where it starts, or enter it in its panel.",
        "max_tokens is the model's window: write the real one.",
    ],
    ..BLANK
};
