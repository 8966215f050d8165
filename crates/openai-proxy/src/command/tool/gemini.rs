//! Gemini CLI: variables, and a setting that says they count.
//!
//! Whether it asks Google to sign in stands in its settings only; a file that comes before the person's own may say it.

use super::{Aim, BLANK, Change, Format, Settings, Temporary, Told, Tool};

/// Gemini CLI. It speaks generateContent and adds `/v1beta` itself.
pub(super) const TOOL: Tool = Tool {
    word: "gemini",
    name: "Gemini CLI",
    program: Some("gemini"),
    install: "npm install -g @google/gemini-cli",
    variables: |aim| {
        let mut all = access(aim);
        all.push(("GEMINI_MODEL", aim.model.clone()));
        all
    },
    without: &["GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA"],
    temporary: Some(Temporary {
        name: "settings.json",
        told: Told::Variable("GEMINI_CLI_SYSTEM_SETTINGS_PATH"),
        format: Format::Json,
        changes: |_| vec![with_key()],
        needed: true,
        strict: true,
        stands_for: &[],
    }),
    files: &[
        Settings {
            folder: HOME,
            names: &[".env"],
            format: Format::Lines,
            changes: |aim| access(aim).into_iter().map(|(name, value)| Change::set(&[name], value)).collect(),
        },
        Settings {
            folder: HOME,
            names: &["settings.json"],
            format: Format::Json,
            changes: |aim| vec![with_key(), Change::set(&["model", "name"], aim.model.clone())],
        },
    ],
    notes: &[
        "A project's own .gemini/.env or .env is read in place of the one at home.",
        "The model's name becomes part of an address: one with a question mark does not get through.",
    ],
    speaks: "generate",
    ..BLANK
};

const HOME: &[(&str, &str)] = &[("GEMINI_CLI_HOME", ".gemini"), ("HOME", ".gemini")];

fn access(aim: &Aim) -> Vec<(&'static str, String)> {
    vec![("GOOGLE_GEMINI_BASE_URL", aim.root.clone()), ("GEMINI_API_KEY", aim.key())]
}

fn with_key() -> Change {
    Change::set(&["security", "auth", "selectedType"], "gemini-api-key")
}
