//! What is said between a caller and a vendor who speak two languages, whatever is asked: a conversation, vectors, an order.

use http::{HeaderMap, StatusCode};

use super::tap;
use super::translation::{Passing, Translation, Unusable};
use super::{Habits, embedding, rerank};
use crate::dialect::Dialect;
use crate::fault;
use crate::hub::{Losses, Unreadable};
use crate::operation::Asked;
use crate::usage::Usage;

/// One question and its answer, on their way between two languages.
#[derive(Debug)]
pub enum Exchange {
    /// Of a conversation.
    Conversation(Box<Translation>),
    /// For vectors.
    Embedding(embedding::Translation),
    /// For an order.
    Rerank(rerank::Translation),
}

impl Exchange {
    /// The request for the vendor, and what it loses.
    ///
    /// # Errors
    /// When it cannot be asked without what the vendor's language cannot say.
    pub fn request(&mut self, habits: Habits) -> Result<(Vec<u8>, Losses), Unreadable> {
        match self {
            Self::Conversation(conversation) => conversation.request(habits),
            Self::Embedding(vectors) => vectors.request(),
            Self::Rerank(order) => Ok(order.request()),
        }
    }

    /// The vendor's whole answer, as its caller reads it, and what it counted.
    ///
    /// # Errors
    /// When it is no answer in the vendor's language, or nothing usable is in it.
    pub fn response(&self, head: &HeaderMap, body: &[u8]) -> Result<(Vec<u8>, Option<Usage>), Unusable> {
        match self {
            Self::Conversation(conversation) => conversation.response(body),
            Self::Embedding(vectors) => vectors.response(head, body).map_err(Unusable::Unreadable),
            Self::Rerank(order) => order.response(body).map_err(Unusable::Unreadable),
        }
    }

    /// How much of the prompt was read, in tokens, where the vendor surely cut it and did not say so.
    pub fn cut(&self, counted: Usage) -> Option<u64> {
        match self {
            Self::Conversation(conversation) => conversation.cut(counted),
            Self::Embedding(_) | Self::Rerank(_) => None,
        }
    }

    /// The vendor's streamed answer; `None`: none was asked for.
    pub fn stream(&self) -> Option<Passing> {
        match self {
            Self::Conversation(conversation) if conversation.streams() => Some(conversation.stream()),
            _ => None,
        }
    }

    /// The vendor's refusal in the caller's words.
    pub fn refusal(&self, status: StatusCode, body: &[u8]) -> String {
        fault::answer(status, body, self.dialect())
    }

    /// A header that goes with it.
    pub fn refusal_header(&self, status: StatusCode) -> Option<(&'static str, &'static str)> {
        fault::header(status, self.dialect())
    }

    /// Whether caller and vendor speak the same language after all: it is written anew, and in no other words.
    pub fn is_at_home(&self) -> bool {
        matches!(self, Self::Conversation(conversation) if conversation.is_at_home())
    }

    /// Whether the usage chunk at the end of a stream is kept from the caller, who did not ask for it.
    pub fn hides_usage(&self) -> bool {
        matches!(self, Self::Conversation(conversation) if conversation.hides_usage())
    }

    /// The `content-type` of what its caller gets.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Conversation(conversation) => conversation.content_type(),
            Self::Embedding(_) | Self::Rerank(_) => "application/json",
        }
    }

    /// What its caller gets is server-sent events.
    pub fn sends_events(&self) -> bool {
        matches!(self, Self::Conversation(conversation) if conversation.sends_events())
    }

    fn dialect(&self) -> Dialect {
        match self {
            Self::Conversation(conversation) => conversation.asked(),
            Self::Embedding(vectors) => vectors.door().dialect(),
            Self::Rerank(order) => order.door().dialect(),
        }
    }
}

/// What a whole answer in its caller's own words counts, where that is not found as `usage` in its bytes.
pub fn counted(asked: Asked, body: &[u8]) -> Option<Usage> {
    match asked {
        Asked::Conversation(wire) => tap::counted(wire, body),
        Asked::Embedding(door) => embedding::counted(door, body),
        Asked::Rerank(_) => None,
    }
}
