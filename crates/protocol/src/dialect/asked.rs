//! What is asked at a door that can be put into other words, and the ways to ask a place for vectors and for an order.
//!
//! Doors are where callers ask, places are where vendors answer. A conversation is told in the same wire at both; vectors and orders are
//! asked for in more ways than any place has to be.

use std::fmt;

use super::{Dialect, Wire};
use crate::operation::Operation;

/// What is asked for, in which words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// An answer to a conversation.
    Conversation(Wire),
    /// A vector for each of some texts.
    Embedding(embedding::Door),
    /// The order of some documents by what they have to do with a question.
    Rerank(rerank::Door),
}

impl Asked {
    /// The operation that is the same in every language.
    pub fn operation(self) -> Operation {
        match self {
            Self::Conversation(_) => Operation::Chat,
            Self::Embedding(_) => Operation::Embeddings,
            Self::Rerank(_) => Operation::Rerank,
        }
    }

    /// The wire of a conversation.
    pub fn wire(self) -> Option<Wire> {
        if let Self::Conversation(wire) = self { Some(wire) } else { None }
    }
}

/// Ways to ask for vectors.
pub mod embedding {
    use super::{Dialect, fmt};

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
}

/// Ways to ask for an order.
pub mod rerank {
    use super::{Dialect, fmt};

    /// How a caller asks.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Door {
        /// Jina's and, in its first version, Cohere's: `POST /v1/rerank`.
        Jina,
        /// Cohere, `POST /v2/rerank`.
        Cohere,
    }

    /// How a vendor is asked.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Place {
        /// As Jina is, and servers of one's own: `POST /v1/rerank`.
        Jina,
        /// Cohere, `POST /v2/rerank`.
        Cohere,
    }

    impl Door {
        /// All of them.
        pub const ALL: &[Self] = &[Self::Jina, Self::Cohere];

        /// The word for it in documents and the names of golden files.
        pub fn name(self) -> &'static str {
            match self {
                Self::Jina => "jina",
                Self::Cohere => "cohere",
            }
        }

        /// The family it belongs to: the older way stands below `/v1`, and is refused as everything there.
        pub fn dialect(self) -> Dialect {
            match self {
                Self::Jina => Dialect::OpenAi,
                Self::Cohere => Dialect::Cohere,
            }
        }
    }

    impl Place {
        /// All of them.
        pub const ALL: &[Self] = &[Self::Jina, Self::Cohere];

        /// The word for it in documents and the names of golden files.
        pub fn name(self) -> &'static str {
            match self {
                Self::Jina => "jina",
                Self::Cohere => "cohere",
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
}
