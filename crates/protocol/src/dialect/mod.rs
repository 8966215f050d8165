//! The languages a body can be written in.
//!
//! Straight passage only so far: an operation is spoken in one dialect, and a provider either speaks that dialect for it
//! or cannot serve it. Codecs to and from a hub join here, one file a language.

pub mod headers;

use std::fmt;

/// The language a body is written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// OpenAI's API reference, all of `/v1/*`.
    OpenAi,
    /// Anthropic Messages (`/v1/messages`).
    Anthropic,
    /// Google's `/v1beta/*`.
    Gemini,
    /// Ollama's own `/api/*`.
    Ollama,
}

impl Dialect {
    /// The word used in logs and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
