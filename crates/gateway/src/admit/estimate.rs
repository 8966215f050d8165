//! How many tokens a call may come to, before anybody has counted them.

use protocol::operation::Asked;

use crate::intake::{Call, Payload};

/// So many bytes are one token, about: prompts in English have four, others fewer.
const BYTES: u64 = 4;
/// So many tokens are set aside for an answer whose length the caller does not bound.
const UNBOUNDED: u64 = 1024;

/// Tokens a call may come to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Estimate {
    /// What is asked.
    pub(crate) prompt: u64,
    /// What may be answered.
    pub(crate) answer: u64,
}

/// Bytes of text in tokens.
fn tokens(bytes: usize) -> u64 {
    (bytes as u64 / BYTES).max(1)
}

impl Estimate {
    /// Of a call: its bytes, and the most it lets be answered. An operation whose answers count nothing comes to nothing.
    pub(crate) fn of(call: &Call) -> Self {
        if !call.row.usage {
            return Self::default();
        }
        Self::reading(call, Self::prompt(call))
    }

    /// Of a call whose body has been taken out, and is so long.
    pub(crate) fn with(call: &Call, body: usize) -> Self {
        Self::reading(call, tokens(body))
    }

    fn reading(call: &Call, prompt: u64) -> Self {
        let asked = call.row.asks(&call.rest);
        let silent = matches!(asked, Some(Asked::Embedding(_) | Asked::Rerank(_)));
        let bound = call.envelope.as_ref().and_then(|envelope| envelope.most_tokens).unwrap_or(UNBOUNDED);
        let answers = call.envelope.as_ref().and_then(|envelope| envelope.answers).unwrap_or(1).max(1);
        let answer = if silent { 0 } else { bound.saturating_mul(answers) };
        Self { prompt, answer }
    }

    /// What a call asks, by its bytes.
    pub(crate) fn prompt(call: &Call) -> u64 {
        match &call.body {
            Payload::Whole(body) => tokens(body.len()),
            // A file that flows through is none of text.
            Payload::Flowing(_) | Payload::Empty => 1,
        }
    }

    /// All of it.
    pub(crate) fn whole(self) -> u64 {
        self.prompt.saturating_add(self.answer)
    }

    /// What an answer came to of which nobody has said it: by its bytes, and never more than was expected.
    pub(crate) fn seen(self, bytes: u64) -> u64 {
        self.prompt.saturating_add(self.answer.min(bytes / BYTES))
    }
}
