//! The languages a body can be written in.
//!
//! A [`Dialect`] is a family: whose error bodies and headers they are. A [`Wire`] is one way to have a conversation with a model,
//! and each has a codec (`crate::codec`). Vectors and orders are asked for in ways of their own ([`embedding`], [`rerank`]).

pub mod embedding;
pub mod headers;
pub mod rerank;
mod wire;

pub use wire::Wire;

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
    /// AWS Bedrock Runtime.
    Bedrock,
    /// Cohere's own `/v2/*`.
    Cohere,
}

impl Dialect {
    /// The word used in logs and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
        }
    }
}

/// What a server of Ollama's kind says at its root, by which programs know it (Ollama, `server/routes.go`).
pub const NATIVE_GREETING: &str = "Ollama is running";

impl fmt::Display for Dialect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
