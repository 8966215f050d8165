//! Claude Code: variables, or its settings' own `env` block, which wins over variables.

use super::{Aim, BLANK, Change, Format, Settings, Temporary, Told, Tool};

/// Claude Code. It speaks Messages and adds `/v1` itself.
pub(super) const TOOL: Tool = Tool {
    word: "claude",
    name: "Claude Code",
    program: Some("claude"),
    install: "npm install -g @anthropic-ai/claude-code",
    variables,
    without: &[
        "ANTHROPIC_API_KEY",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
        "CLAUDE_CODE_USE_FOUNDRY",
    ],
    // The `env` block of the person's own settings would win over variables; that of this file wins over both.
    temporary: Some(Temporary {
        name: "settings.json",
        told: Told::Argument("--settings"),
        format: Format::Json,
        changes,
        needed: false,
        strict: false,
        stands_for: &[],
    }),
    files: &[Settings {
        folder: &[("CLAUDE_CONFIG_DIR", ""), ("HOME", ".claude")],
        names: &["settings.json"],
        format: Format::Json,
        changes,
    }],
    notes: &["A variable ANTHROPIC_API_KEY in your shell would be sent too: unset it (launch does)."],
    speaks: "messages",
    ..BLANK
};

fn variables(aim: &Aim) -> Vec<(&'static str, String)> {
    vec![
        ("ANTHROPIC_BASE_URL", aim.root.clone()),
        ("ANTHROPIC_AUTH_TOKEN", aim.key()),
        ("ANTHROPIC_MODEL", aim.model.clone()),
        // The small model it uses for titles and the like.
        ("ANTHROPIC_DEFAULT_HAIKU_MODEL", aim.model.clone()),
    ]
}

fn changes(aim: &Aim) -> Vec<Change> {
    variables(aim).into_iter().map(|(name, value)| Change::set(&["env", name], value)).collect()
}
