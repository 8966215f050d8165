//! aider: variables of its own names, or its YAML file.

use super::{BLANK, Change, Format, Settings, Tool};

/// aider. It speaks chat, and names models `openai/...`.
pub(super) const TOOL: Tool = Tool {
    word: "aider",
    name: "aider",
    program: Some("aider"),
    install: "pip install aider-chat",
    // Its own names: those of OPENAI_* would lose against its file.
    variables: |aim| {
        vec![
            ("AIDER_OPENAI_API_BASE", aim.base()),
            ("AIDER_OPENAI_API_KEY", aim.key()),
            ("AIDER_MODEL", format!("openai/{}", aim.model)),
        ]
    },
    files: &[Settings {
        folder: &[("HOME", "")],
        names: &[".aider.conf.yml"],
        format: Format::Yaml,
        changes: |aim| {
            vec![
                Change::set(&["openai-api-base"], aim.base()),
                Change::set(&["openai-api-key"], aim.key()),
                Change::set(&["model"], format!("openai/{}", aim.model)),
            ]
        },
    }],
    notes: &[
        "It fetches a list of prices from GitHub at start, and says so when it cannot.",
        "It warns that it does not know the model's window; --no-show-model-warnings ends that.",
    ],
    ..BLANK
};
