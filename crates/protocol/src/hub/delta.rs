//! One step of a streamed answer.
//!
//! A stream is a [`Delta::Begin`], then parts, each opened, grown and closed, then a [`Delta::Stop`], with counts anywhere. Parts
//! are numbered from 0 in the order they are opened, and a reader never opens a number twice. Several parts may be open at
//! the same time (parallel calls of OpenAI's stream); a writer whose language wants one after the other puts
//! [`InTurn`](super::in_turn::InTurn) before itself.

use serde_json::Value;

use super::part::Part;
use super::response::{Counts, Stop};

/// One step.
#[derive(Clone, PartialEq, Debug)]
pub enum Delta {
    /// The answer begins.
    Begin(Begun),
    /// A part begins.
    Open(usize, Opening),
    /// The part grows: by text, by thoughts, by a piece of a call's arguments.
    Grow(usize, String),
    /// The probabilities of the words the part grows by next, one by one as OpenAI writes them.
    Logprobs(usize, Vec<Value>),
    /// The vendor's mark on the part, or a piece of it: behind a thought, and at the beginning of a call where it is known by then.
    Sign(usize, String),
    /// The part is complete.
    Close(usize),
    /// Why the answer ends. Nothing but counts comes behind it.
    Stop(Stop),
    /// What was counted so far; the last word stands.
    Counts(Counts),
    /// The vendor broke off with an error, in its own words.
    Fault(String),
}

/// How an answer begins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Begun {
    /// The vendor's id of the answer.
    pub id: Option<String>,
    /// The model that answers, by the vendor's name for it.
    pub model: Option<String>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
}

/// What kind of part begins.
#[derive(Clone, PartialEq, Debug)]
pub enum Opening {
    /// Text.
    Text,
    /// A refusal.
    Refusal,
    /// Thoughts; `id` is the item's, where the language gives one.
    Thought {
        /// The item's id.
        id: Option<String>,
    },
    /// A call.
    Call {
        /// The id its outcome will name.
        id: String,
        /// The tool.
        name: String,
        /// Its argument is free text.
        custom: bool,
    },
    /// A part that comes in one piece: a picture, sealed thoughts, a citation, what only one language knows.
    Whole(Part),
}
