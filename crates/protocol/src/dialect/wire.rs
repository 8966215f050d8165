//! The ways to have a conversation with a model: their names and families.

use std::fmt;

use serde::Deserialize;

use super::Dialect;

/// One way to write a conversation and its answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// OpenAI, `POST /v1/chat/completions`.
    Chat,
    /// OpenAI, `POST /v1/completions`.
    Completions,
    /// OpenAI, `POST /v1/responses`.
    Responses,
    /// Anthropic, `POST /v1/messages`.
    Messages,
    /// Google, `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
    Gemini,
    /// AWS Bedrock, `POST /model/{model}/converse` and `/converse-stream`.
    Converse,
    /// Cohere, `POST /v2/chat`.
    Cohere,
    /// Ollama, `POST /api/chat`.
    OllamaChat,
    /// Ollama, `POST /api/generate`.
    OllamaGenerate,
}

impl Wire {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Messages,
        Self::Gemini,
        Self::Converse,
        Self::Cohere,
        Self::OllamaChat,
        Self::OllamaGenerate,
    ];

    /// The word for it in logs, documents and the names of golden files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Converse => "converse",
            Self::Cohere => "cohere",
            Self::OllamaChat => "ollama-chat",
            Self::OllamaGenerate => "ollama-generate",
        }
    }

    /// The family it belongs to.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Completions | Self::Responses => Dialect::OpenAi,
            Self::Messages => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
            Self::Converse => Dialect::Bedrock,
            Self::Cohere => Dialect::Cohere,
            Self::OllamaChat | Self::OllamaGenerate => Dialect::Ollama,
        }
    }

    /// How every [`Self::tag`] begins.
    pub const CLAIM: &[u8] = b"opx";

    /// Eight characters of base64 (RFC 4648, section 4) that stand before a mark of its vendors' (`hub::marks`).
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chat => "opxchat0",
            Self::Completions => "opxcomp0",
            Self::Responses => "opxresp0",
            Self::Messages => "opxmess0",
            Self::Gemini => "opxgemi0",
            Self::Converse => "opxconv0",
            Self::Cohere => "opxcohe0",
            Self::OllamaChat | Self::OllamaGenerate => "opxolla0",
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
