//! What an upstream's answer means for us, and what follows from it.
//!
//! Three things, each in one place: the kinds of fault (here), the one table of what each leads to ([`FaultClass::consequence`]),
//! and how a kind is read from an answer ([`read`]). Which words a vendor has for its faults stands with the vendors
//! (`vendor/codes.rs`, `vendor/wordings.rs` and their own files); nobody else looks at an error's words.

mod complaint;
mod read;

use std::time::Duration;

use http::StatusCode;

pub use read::{Code, Codes, Wording, is_echo, read};

/// The kinds of fault. The kind alone decides everything that follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultClass {
    /// No connection: refused, no such host, TLS. Nothing of the request has left.
    TransportBeforeSend,
    /// The connection broke after the request had begun to leave, before an answer's head.
    TransportAfterSend,
    /// No head of an answer in time.
    HeadersLate,
    /// A head in time, but nothing of the answer behind it.
    FirstTokenLate,
    /// A rate was reached (429), or the upstream has too much to do (529).
    Limited,
    /// The account has no money or no more of its quota left.
    Billing,
    /// Our credential was refused (401, 403).
    Auth,
    /// The upstream failed (5xx, 408).
    Server,
    /// The request is longer than the model can read.
    ContextLength,
    /// The upstream's policy refuses the content.
    ContentFilter,
    /// The target cannot do what the request asks for; another may.
    Capability,
    /// The request itself is at fault (other 4xx): no other place would answer it differently.
    Request,
    /// The target does not have the model, or not for this account.
    ModelAway,
    /// A stream ended before its answer did.
    StreamCut,
    /// A stream fell silent.
    StreamStall,
    /// A stream said what is no language of its own.
    StreamMalformed,
    /// All of an answer came, and the model did not write what it was asked for: it keeps to no schema, or wrote nothing usable.
    /// Whoever asks can bring that about at any place.
    AnswerUnfit,
}

/// Whether the same target is asked again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// Never.
    No,
    /// At once: nothing was sent.
    AtOnce,
    /// Once, if the call is safe to repeat.
    Once,
    /// When the wait it named is over, if that is short; without a hint after a back-off.
    AfterHint,
    /// After a growing wait.
    BackOff,
}

/// Whether other targets are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Elsewhere {
    /// Never: they would say the same.
    No,
    /// The next one.
    Yes,
    /// Only those that can read more.
    Larger,
    /// Only if somebody wrote that this is wanted.
    IfWritten,
    /// Only those which can do what this one cannot.
    Able,
}

/// What the fault is held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blames {
    /// Nothing: the target is as well as before.
    Nothing,
    /// The target's breaker counts it.
    Breaker,
    /// The target (with this credential) is left alone for a while, and does not count as broken.
    Cooldown,
    /// The credential is put aside.
    Key,
}

/// What follows from a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Consequence {
    /// The same target, with the same credential.
    pub again: Again,
    /// The same target, with another credential.
    pub next_key: bool,
    /// Other targets.
    pub elsewhere: Elsewhere,
    /// What remembers it.
    pub blames: Blames,
}

impl FaultClass {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 17] = [
        Self::TransportBeforeSend,
        Self::TransportAfterSend,
        Self::HeadersLate,
        Self::FirstTokenLate,
        Self::Limited,
        Self::Billing,
        Self::Auth,
        Self::Server,
        Self::ContextLength,
        Self::ContentFilter,
        Self::Capability,
        Self::Request,
        Self::ModelAway,
        Self::StreamCut,
        Self::StreamStall,
        Self::StreamMalformed,
        Self::AnswerUnfit,
    ];

    /// The table. Of streams it says what holds when their answer is to be asked for anew: by continuation, or from the start.
    pub fn consequence(self) -> Consequence {
        let (again, next_key, elsewhere, blames) = match self {
            Self::TransportBeforeSend => (Again::AtOnce, false, Elsewhere::Yes, Blames::Breaker),
            Self::TransportAfterSend => (Again::Once, false, Elsewhere::Yes, Blames::Breaker),
            // A silent target is not asked twice: the second wait would be as long as the first.
            Self::HeadersLate | Self::FirstTokenLate => (Again::No, false, Elsewhere::Yes, Blames::Breaker),
            Self::Limited => (Again::AfterHint, true, Elsewhere::Yes, Blames::Cooldown),
            Self::Billing | Self::Auth => (Again::No, true, Elsewhere::Yes, Blames::Key),
            Self::Server => (Again::BackOff, false, Elsewhere::Yes, Blames::Breaker),
            Self::ContextLength => (Again::No, false, Elsewhere::Larger, Blames::Nothing),
            Self::ContentFilter => (Again::No, false, Elsewhere::IfWritten, Blames::Nothing),
            Self::Capability => (Again::No, false, Elsewhere::Able, Blames::Nothing),
            Self::Request => (Again::No, false, Elsewhere::No, Blames::Nothing),
            // Vendors say "does not exist, or you have no access": another account may have it.
            Self::ModelAway => (Again::No, true, Elsewhere::Yes, Blames::Nothing),
            Self::StreamCut | Self::StreamMalformed => (Again::Once, false, Elsewhere::Yes, Blames::Breaker),
            Self::StreamStall => (Again::No, false, Elsewhere::Yes, Blames::Breaker),
            Self::AnswerUnfit => (Again::Once, false, Elsewhere::Yes, Blames::Nothing),
        };
        Consequence { again, next_key, elsewhere, blames }
    }

    /// The word for it in logs, metrics and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::TransportBeforeSend => "transport_before_send",
            Self::TransportAfterSend => "transport_after_send",
            Self::HeadersLate => "headers_late",
            Self::FirstTokenLate => "first_token_late",
            Self::Limited => "limited",
            Self::Billing => "billing",
            Self::Auth => "auth",
            Self::Server => "server",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::Capability => "capability",
            Self::Request => "request",
            Self::ModelAway => "model_away",
            Self::StreamCut => "stream_cut",
            Self::StreamStall => "stream_stall",
            Self::StreamMalformed => "stream_malformed",
            Self::AnswerUnfit => "answer_unfit",
        }
    }
}

/// What a target may be unable to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Capability {
    /// Going on with an answer that has begun: a last message which is the assistant's.
    Prefill,
    /// Calling tools.
    Tools,
    /// Seeing images.
    Images,
    /// Hearing sound.
    Audio,
    /// Answering in a form laid down (`response_format`).
    Form,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Prefill, Self::Tools, Self::Images, Self::Audio, Self::Form];

    /// The one with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.word() == word)
    }

    /// The word for it in logs, metrics and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Prefill => "prefill",
            Self::Tools => "tools",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Form => "form",
        }
    }
}

/// A fault as the upstream told it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpstreamFault {
    /// What follows from it.
    pub class: FaultClass,
    /// How long it asks us to wait, at most a day; not clamped by any policy.
    pub wait: Option<Duration>,
    /// What the target cannot do, where the class is [`FaultClass::Capability`] and it says what.
    pub lacks: Option<Capability>,
}

impl UpstreamFault {
    /// The reading by status alone, which every vendor shares.
    pub fn by_status(status: StatusCode) -> Self {
        let class = match status.as_u16() {
            401 | 403 => FaultClass::Auth,
            402 => FaultClass::Billing,
            429 | 529 => FaultClass::Limited,
            // The upstream has waited for our request for too long: asked again, it is quicker.
            408 => FaultClass::Server,
            // A redirect is not followed: it is the answer.
            300..500 => FaultClass::Request,
            _ => FaultClass::Server,
        };
        Self::of(class)
    }

    /// A fault of that kind, and nothing more.
    pub fn of(class: FaultClass) -> Self {
        Self { class, wait: None, lacks: None }
    }
}

#[cfg(test)]
mod tests;
