//! What is asked: one table of operations, read by the router, the documents and the tests alike.
//!
//! A row says which methods and which path shape belong to an [`Operation`], where its model's name is found, how its
//! body travels and how its answer may come back. Paths are written as OpenAI writes them, without `/v1`. Anything
//! under `/v1/` that no row names is [`Operation::Other`] and passes untouched: a new endpoint never needs a release.
//!
//! Source: the operations of OpenAI's OpenAPI description 2.3.0 and of the official Python library, November 2026.

mod asked;
mod spelling;
mod table;

pub use asked::Asked;
pub use spelling::{Found, PathProblem, Spelling, dialect_of, find, foreign, manages, rename};
pub(crate) use table::asks_for_events;
pub use table::{About, ROWS, Row, chat, embeddings, rerank};

use crate::dialect::Dialect;

/// What a caller asks for.
///
/// Groups of administrative and stateful endpoints are one operation each: they differ in nothing we act on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each variant is described by its row in the table")]
pub enum Operation {
    Chat,
    StoredChats,
    Completions,
    Responses,
    StoredResponses,
    Embeddings,
    Moderations,
    Models,
    ModelAdmin,
    Decisions,
    Images,
    Speech,
    Transcriptions,
    Translations,
    Voices,
    Videos,
    Provenance,
    Realtime,
    Live,
    Conversations,
    Files,
    Uploads,
    Batches,
    VectorStores,
    Containers,
    Skills,
    FineTuning,
    Evals,
    Webhooks,
    Agents,
    Assistants,
    Safety,
    Organization,
    Rerank,
    Messages,
    MessageBatches,
    Generate,
    Converse,
    ChatV2,
    EmbedV2,
    RerankV2,
    Native,
    Other,
}

impl Operation {
    /// The word for it in logs, metrics and `compatible.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::StoredChats => "stored_chats",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::StoredResponses => "stored_responses",
            Self::Embeddings => "embeddings",
            Self::Moderations => "moderations",
            Self::Models => "models",
            Self::ModelAdmin => "model_admin",
            Self::Decisions => "decisions",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Voices => "voices",
            Self::Videos => "videos",
            Self::Provenance => "provenance",
            Self::Realtime => "realtime",
            Self::Live => "live",
            Self::Conversations => "conversations",
            Self::Files => "files",
            Self::Uploads => "uploads",
            Self::Batches => "batches",
            Self::VectorStores => "vector_stores",
            Self::Containers => "containers",
            Self::Skills => "skills",
            Self::FineTuning => "fine_tuning",
            Self::Evals => "evals",
            Self::Webhooks => "webhooks",
            Self::Agents => "agents",
            Self::Assistants => "assistants",
            Self::Safety => "safety",
            Self::Organization => "organization",
            Self::Rerank => "rerank",
            Self::Messages => "messages",
            Self::MessageBatches => "message_batches",
            Self::Generate => "generate",
            Self::Converse => "converse",
            Self::ChatV2 => "chat_v2",
            Self::EmbedV2 => "embed_v2",
            Self::RerankV2 => "rerank_v2",
            Self::Native => "native",
            Self::Other => "other",
        }
    }

    /// Whether `stream: true` is answered with server-sent events, whoever answers. Speech is not among them: servers of
    /// one's own answer a streamed speech with sound. Nor is an operation nobody has told us of.
    pub fn streams_events(self) -> bool {
        matches!(
            self,
            Self::Chat
                | Self::Completions
                | Self::Responses
                | Self::Messages
                | Self::ChatV2
                | Self::Images
                | Self::Assistants
        )
    }

    /// Whether the events of its streams carry names (`event:` lines).
    pub fn names_events(self) -> bool {
        matches!(
            self,
            Self::Responses | Self::StoredResponses | Self::Images | Self::Assistants | Self::Messages
        )
    }

    /// The language its bodies are written in.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Messages | Self::MessageBatches => Dialect::Anthropic,
            Self::Generate => Dialect::Gemini,
            Self::Converse => Dialect::Bedrock,
            Self::ChatV2 | Self::EmbedV2 | Self::RerankV2 => Dialect::Cohere,
            Self::Native => Dialect::Ollama,
            _ => Dialect::OpenAi,
        }
    }
}

/// Where the name of the model stands in a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelAt {
    /// Nowhere: the operation belongs to an account, not to a model.
    Nowhere,
    /// In a JSON object or a multipart form; without it the request cannot be routed (400).
    Body,
    /// In the body if it is there; without it the path decides.
    BodyMaybe,
    /// In the body if it is there; but the account decides the way, and the name only keeps what is of this computer here.
    BodyNoted,
    /// In the query, as `?model=` (WebSocket sessions).
    Query,
    /// In the path, before the verb: `/models/{model}:{verb}`; what a body says beside it is for nobody.
    Path,
}

/// A set of HTTP methods, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Methods(u8);

impl Methods {
    /// `GET` (and with it `HEAD`).
    pub const GET: Self = Self(1);
    /// `POST`.
    pub const POST: Self = Self(2);
    /// `DELETE`.
    pub const DELETE: Self = Self(4);
    /// `PUT` and `PATCH`: no operation of today uses them; an unknown one may.
    pub const CHANGE: Self = Self(8);

    /// Both sets together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without another.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `method` is in the set.
    pub fn allow(self, method: &http::Method) -> bool {
        let bit = match *method {
            http::Method::GET | http::Method::HEAD => 1,
            http::Method::POST => 2,
            http::Method::DELETE => 4,
            http::Method::PUT | http::Method::PATCH => 8,
            _ => 0,
        };
        self.0 & bit != 0
    }

    /// The value of an `Allow` header (RFC 9110, 10.2.1).
    pub fn allow_header(self) -> String {
        let names = [(1, "GET, HEAD"), (2, "POST"), (4, "DELETE"), (8, "PUT, PATCH")];
        let listed: Vec<&str> = names.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, n)| *n).collect();
        listed.join(", ")
    }
}

#[cfg(test)]
mod tests;
