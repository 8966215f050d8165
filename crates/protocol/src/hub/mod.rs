//! The hub: the one canonical conversation that every language is read into and written from.
//!
//! A [`Request`] asks, a [`Response`] is a whole answer, a [`Delta`] is one step of a streamed one; all three are made of
//! [`Part`]s. What a language says that the hub has no word for is kept as it was written ([`Request::rest`],
//! [`Part::Opaque`]), and what a language cannot say is told as a [`Loss`](loss::Loss): nothing goes in silence. The codecs
//! (`crate::codec`) are the only ones that read and write it. Vectors and orders are no conversation, and have a small hub each
//! ([`embedding`], [`rerank`]).

pub mod delta;
pub mod embedding;
pub mod free_text;
pub mod gather;
pub mod in_turn;
pub mod loss;
pub mod marks;
pub mod part;
pub mod request;
pub mod rerank;
pub mod response;
pub mod scatter;
pub mod schema;
pub mod shape_tool;

pub use delta::{Begun, Delta, Opening};
pub use loss::{Losses, Unsayable};
pub use part::{Call, File, Media, Outcome, Part, Source, Thought};
pub use request::{Budget, Choice, Namespace, Reasoning, Request, Role, Sampling, Shape, Tool, Turn};
pub use response::{Answer, Counts, Response, Stop};

use std::fmt;

/// Why a body cannot be read as its language, or cannot be said in another: for the caller, who can mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// What is wrong, a sentence.
    pub say: String,
    /// The field it is about, as the language names it (`messages[2].content`), if it is about one.
    pub param: Option<String>,
}

impl Unreadable {
    /// A problem of the whole body.
    pub fn new(say: impl Into<String>) -> Self {
        Self { say: say.into(), param: None }
    }

    /// A problem of one field.
    pub fn at(param: impl Into<String>, say: impl Into<String>) -> Self {
        Self { say: say.into(), param: Some(param.into()) }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.param {
            Some(param) => write!(out, "`{param}`: {}", self.say),
            None => out.write_str(&self.say),
        }
    }
}
