//! What is asked at a door that can be put into other words.

use super::Operation;
use crate::dialect::{Wire, embedding, rerank};

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
