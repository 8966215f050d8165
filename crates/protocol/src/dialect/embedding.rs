//! Ways to ask for vectors. Doors are where callers ask, places are where vendors answer; there are more of the former, for no place
//! has to be asked in an older way.

use std::fmt;

use super::Dialect;

/// How a caller asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// OpenAI, `POST /v1/embeddings`.
    OpenAi,
    /// Google, `POST /v1beta/models/{model}:embedContent`: one vector.
    Gemini,
    /// Google, `POST /v1beta/models/{model}:batchEmbedContents`.
    GeminiBatch,
    /// Cohere, `POST /v2/embed`.
    Cohere,
    /// Ollama, `POST /api/embed`.
    Ollama,
    /// Ollama, `POST /api/embeddings`: the older way, one vector.
    OllamaOne,
}

/// How a vendor is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// OpenAI, `POST /v1/embeddings`.
    OpenAi,
    /// Google, `:batchEmbedContents`.
    Gemini,
    /// Cohere, `POST /v2/embed`.
    Cohere,
    /// Ollama, `POST /api/embed`.
    Ollama,
    /// AWS Bedrock, `POST /model/{model}/invoke`, in the form of the model.
    Bedrock,
}

impl Door {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::OpenAi, Self::Gemini, Self::GeminiBatch, Self::Cohere, Self::Ollama, Self::OllamaOne];

    /// The word for it in documents and the names of golden files.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
            Self::GeminiBatch => "gemini-batch",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
            Self::OllamaOne => "ollama-one",
        }
    }

    /// The family it belongs to.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::OpenAi => Dialect::OpenAi,
            Self::Gemini | Self::GeminiBatch => Dialect::Gemini,
            Self::Cohere => Dialect::Cohere,
            Self::Ollama | Self::OllamaOne => Dialect::Ollama,
        }
    }
}

impl Place {
    /// All of them.
    pub const ALL: &[Self] = &[Self::OpenAi, Self::Gemini, Self::Cohere, Self::Ollama, Self::Bedrock];

    /// The word for it in documents and the names of golden files.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
            Self::Bedrock => "bedrock",
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
