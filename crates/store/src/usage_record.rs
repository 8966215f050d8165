//! One finished call, as a row.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::text;

/// What one call was, what it used, and how it ended. Exactly one per call.
///
/// Written as a line of the spool it leaves out what is nothing: a call that has only begun is not much yet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageRecord {
    /// The record's own id, UUID v7: what makes writing it twice the same as writing it once. A request id is no such
    /// thing, for a caller may bring its own.
    pub record_id: String,
    /// The request id the caller saw.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// When it began, microseconds since 1970, UTC.
    pub started_us: u64,
    /// From its first byte to its end, microseconds.
    #[serde(skip_serializing_if = "is_nothing")]
    pub duration_us: u64,
    /// From its first byte to the first byte of the answer's body, microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// Who asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub caller: String,
    /// The operation's word.
    pub operation: Cow<'static, str>,
    /// The method; mostly one of the few that need no memory of their own.
    pub method: Cow<'static, str>,
    /// The model as the caller wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_asked: Option<String>,
    /// The model as the provider was asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_sent: Option<String>,
    /// The provider that was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The status the caller got; 499 when it left before one was sent.
    pub status: u16,
    /// The answer was a stream.
    #[serde(skip_serializing_if = "is_nothing")]
    pub stream: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// The code of the error we answered with or ended a stream with; where a stream had been promised before its provider
    /// refused, the status of that refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many times an upstream was asked.
    pub attempts: u32,
    /// Tokens, as the upstream counted them; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// Bytes of the request's body that were taken in.
    #[serde(skip_serializing_if = "is_nothing")]
    pub bytes_in: u64,
    /// Bytes of the answer's body that were handed to the caller's connection.
    #[serde(skip_serializing_if = "is_nothing")]
    pub bytes_out: u64,
    /// Every attempt, in order, where there was more than one, a drill had its hand in it, or the prompt was cut.
    #[serde(skip_serializing_if = "is_nothing")]
    pub trail: Vec<Attempt>,
}

/// One attempt of a call: who was asked, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Who was asked.
    pub provider: String,
    /// Its own name for the model.
    #[serde(skip_serializing_if = "is_nothing")]
    pub model: Option<String>,
    /// In a way of its own: `hedge`, `continuation`, `restart`.
    #[serde(skip_serializing_if = "is_nothing")]
    pub how: Option<Cow<'static, str>>,
    /// `answered`, `given_up`, or the word for what went wrong (docs/routing.md).
    pub outcome: Cow<'static, str>,
    /// Its status, where it said no.
    #[serde(skip_serializing_if = "is_nothing")]
    pub status: Option<u16>,
    /// An operator's drill made it fail, or break off, on purpose.
    #[serde(skip_serializing_if = "is_nothing")]
    pub drill: bool,
    /// The provider read a part of the prompt only, and did not say so.
    #[serde(skip_serializing_if = "is_nothing")]
    pub cut: bool,
    /// Until it was known how it ends: for an answer its beginning, microseconds.
    pub duration_us: u64,
    /// What it counted, where that is not what the record counts.
    #[serde(skip_serializing_if = "is_nothing")]
    pub tokens: Option<Tokens>,
    /// Those are our own estimate.
    #[serde(skip_serializing_if = "is_nothing")]
    pub estimated: bool,
}

/// A word that is not one of ours, all of which fit.
fn owned<'r>(word: &'r mut Cow<'static, str>) -> Option<&'r mut String> {
    match word {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(_) => None,
    }
}

fn is_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Counted tokens. Input includes cached, output includes reasoning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// In.
    pub input: u64,
    /// Out.
    pub output: u64,
    /// Of the input, from a cache.
    pub cached: u64,
    /// Of the output, reasoning.
    pub reasoning: u64,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The upstream's whole answer was handed over, whatever its status.
    Answered,
    /// We answered with an error of our own before anything of an answer was sent.
    #[default]
    Refused,
    /// The upstream's answer broke off.
    Interrupted,
    /// The caller left before the end.
    CallerLeft,
}

/// The error of a call whose gateway ended before it did: killed, or the computer was switched off.
pub const GATEWAY_ENDED: &str = "gateway_ended";

impl UsageRecord {
    /// Makes every text one that both databases hold: bounded, and without the NUL that Postgres refuses. What a caller
    /// sends must not be able to hold up the records of others.
    pub(crate) fn fit(&mut self) {
        let words = [&mut self.operation, &mut self.method].into_iter().filter_map(owned);
        let texts = [&mut self.record_id, &mut self.id, &mut self.caller];
        let maybe = [&mut self.model_asked, &mut self.model_sent, &mut self.provider, &mut self.error];
        texts.into_iter().chain(words).chain(maybe.into_iter().flatten()).for_each(text::fit);
        for attempt in &mut self.trail {
            std::iter::once(&mut attempt.provider).chain(&mut attempt.model).for_each(text::fit);
        }
    }

    /// What is left of a call that had begun when its gateway ended: it happened, and nobody saw how it went on.
    pub(crate) fn interrupted(mut self) -> Self {
        self.outcome = Outcome::Interrupted;
        self.error = Some(GATEWAY_ENDED.to_owned());
        self
    }
}

impl Outcome {
    /// What a word means; an unknown one is of a newer version and says that something broke off.
    pub(crate) fn of(label: &str) -> Self {
        let all = [Self::Answered, Self::Refused, Self::Interrupted, Self::CallerLeft];
        all.into_iter().find(|outcome| outcome.label() == label).unwrap_or(Self::Interrupted)
    }

    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
            Self::CallerLeft => "caller_left",
        }
    }
}
