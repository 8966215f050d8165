//! A whole answer.

use serde_json::Value;

use super::part::Part;

/// What a model answered, whatever language it answered in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Response {
    /// The vendor's id of the answer.
    pub id: Option<String>,
    /// The model that answered, by the vendor's name for it.
    pub model: Option<String>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The answers: one, unless more were asked for.
    pub answers: Vec<Answer>,
    /// What it counted; `None`: the vendor did not say.
    pub counts: Option<Counts>,
    /// How soon it was served, in the vendor's word.
    pub tier: Option<String>,
}

/// One answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Answer {
    /// What it says, in order.
    pub parts: Vec<Part>,
    /// Why it ends; `None`: the vendor did not say.
    pub stop: Option<Stop>,
    /// Probabilities, as OpenAI writes them.
    pub logprobs: Option<Value>,
}

impl Answer {
    /// Whether it wants a tool called.
    pub fn calls(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Call(_)))
    }
}

/// Why an answer ends (api-surface 8.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// It is complete.
    End,
    /// At one of the texts that were to end it; which, if the vendor says so.
    Sequence(Option<String>),
    /// It reached the most tokens it might have.
    Length,
    /// The model's context is full.
    ContextFull,
    /// It wants tools called.
    Calls,
    /// A filter of the vendor's took it.
    Filtered,
    /// The model will not answer.
    Refused,
    /// The vendor paused a long turn of its own tools, to be gone on with.
    Paused,
    /// The model wrote something that is no call and no answer: nothing usable came, in the vendor's word for it.
    Malformed(String),
}

/// What an answer counted, in tokens. The normal form (api-surface 8.2): input has in it what came from and went into a cache,
/// output has in it what was thought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// The prompt.
    pub input: u64,
    /// The answer.
    pub output: u64,
    /// Of the prompt: read from a cache.
    pub cached: u64,
    /// Of the prompt: written to a cache.
    pub written: u64,
    /// Of the answer: thought.
    pub thought: u64,
}

impl Counts {
    /// The later count of one answer, which stands for all of it, even if it is smaller; a number it leaves out keeps its earlier value.
    pub fn and(self, later: Self) -> Self {
        let last = |earlier: u64, later: u64| if later == 0 { earlier } else { later };
        Self {
            input: last(self.input, later.input),
            output: last(self.output, later.output),
            cached: last(self.cached, later.cached),
            written: last(self.written, later.written),
            thought: last(self.thought, later.thought),
        }
    }
}
