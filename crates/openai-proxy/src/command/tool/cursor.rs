//! Cursor: its own settings page, and an address its servers can reach.

use super::{BLANK, Tool};

/// Cursor.
pub(super) const TOOL: Tool = Tool {
    word: "cursor",
    name: "Cursor",
    install: "https://cursor.com",
    by_hand: Some(|aim| {
        format!(
            "In Cursor: Settings, Models, API Keys.\n\n  OpenAI API Key             {}\n  Override OpenAI Base URL   https://YOUR-PUBLIC-NAME/v1\n  Add model                  {}\n",
            aim.key(),
            aim.model
        )
    }),
    notes: &[
        "Not tried here: it needs a desktop.",
        "Its requests come from Cursor's servers, so a gateway on this computer is out of its reach: it needs a public name, HTTPS and a key.",
    ],
    ..BLANK
};
