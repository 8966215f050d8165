//! GitHub Copilot CLI: variables only.

use super::{BLANK, Tool};

/// GitHub Copilot CLI. It speaks chat, and asks GitHub for nothing while it is offline.
pub(super) const TOOL: Tool = Tool {
    word: "copilot",
    name: "GitHub Copilot CLI",
    program: Some("copilot"),
    install: "npm install -g @github/copilot",
    variables: |aim| {
        vec![
            ("COPILOT_PROVIDER_BASE_URL", aim.base()),
            ("COPILOT_PROVIDER_API_KEY", aim.key()),
            ("COPILOT_MODEL", aim.model.clone()),
            ("COPILOT_OFFLINE", "true".to_owned()),
        ]
    },
    notes: &["It has no file for these; put the variables into your shell's."],
    ..BLANK
};
