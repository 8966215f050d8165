//! The hub of orders: documents, a question, and how much each has to do with it.

use serde_json::{Map, Number, Value};

/// Documents that are to be put in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// The model, by its vendor's name.
    pub model: String,
    /// What they are compared with.
    pub query: String,
    /// The documents.
    pub documents: Vec<Document>,
    /// So many of them are wanted, the best.
    pub top: Option<u64>,
    /// The documents are wanted in the answer, too.
    pub returns: bool,
    /// What the hub has no word for, as it was written.
    pub rest: Map<String, Value>,
}

/// One document.
#[derive(Clone, PartialEq, Debug)]
pub enum Document {
    /// A text.
    Text(String),
    /// A text, and other fields beside it, as they were written.
    Fields(String, Map<String, Value>),
}

/// The documents in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Response {
    /// The vendor's name for the answer.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// The best first.
    pub ranked: Vec<Ranked>,
    /// Tokens that were read, where the vendor counted them.
    pub tokens: Option<u64>,
    /// Searches that are to be paid, where the vendor counts those.
    pub searches: Option<Number>,
}

/// The place of one document.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranked {
    /// Which of the documents, from 0.
    pub index: usize,
    /// How much it has to do with the question.
    pub score: Number,
}

impl Document {
    /// What is compared.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Fields(text, _) => text,
        }
    }
}
