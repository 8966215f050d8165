//! Open WebUI: two variables of its server, or its page of connections.

use super::{BLANK, Tool};

/// Open WebUI.
pub(super) const TOOL: Tool = Tool {
    word: "open-webui",
    name: "Open WebUI",
    install: "https://docs.openwebui.com",
    by_hand: Some(|aim| {
        format!(
            "Where Open WebUI starts (in a container, 127.0.0.1 is the container itself):\n\n  OPENAI_API_BASE_URL={}\n  OPENAI_API_KEY={}\n\nOr in its pages: Admin Panel, Settings, Connections, OpenAI API.\n",
            aim.base(),
            aim.key()
        )
    }),
    notes: &["Not tried here. Variables count at its first start only; later its own database does."],
    ..BLANK
};
