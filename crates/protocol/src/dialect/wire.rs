//! The ways to have a conversation with a model: one table from a wire to its codec.

use std::fmt;

use serde::Deserialize;

use super::{Codec, Dialect, chat, cohere, completions, converse, gemini, messages, ollama, responses};

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

    /// Who reads and writes it.
    pub fn codec(self) -> &'static dyn Codec {
        match self {
            Self::Chat => &chat::CODEC,
            Self::Completions => &completions::CODEC,
            Self::Responses => &responses::CODEC,
            Self::Messages => &messages::CODEC,
            Self::Gemini => &gemini::CODEC,
            Self::Converse => &converse::CODEC,
            Self::Cohere => &cohere::CODEC,
            Self::OllamaChat => &ollama::CHAT,
            Self::OllamaGenerate => &ollama::GENERATE,
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
