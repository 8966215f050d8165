//! What is said by hand of a provider: a pause, a breaker forced open or closed, for a while or until it is taken back.
//!
//! How long it holds is measured by a clock that nobody can set.

use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

/// What may be said by hand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideKind {
    /// Nothing is sent to it: somebody works on it, or does not want it used.
    Paused,
    /// Nothing is sent to it: somebody knows that it is broken.
    ForcedOpen,
    /// It is always tried: nothing automatic may keep calls away.
    ForcedClosed,
}

/// Something said by hand of a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// What.
    pub kind: OverrideKind,
    /// By whom.
    pub by: String,
    /// Why, in their words; may be empty.
    pub why: String,
    /// When it was first said. Only for people; nothing is measured by it.
    pub since: SystemTime,
    /// How much longer it holds, from the moment it is set; `None`: until it is taken back.
    pub lasts: Option<Duration>,
}

/// What keeps calls from a provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bar {
    pub(crate) kind: OverrideKind,
    /// For how much longer, if that is known.
    pub(crate) left: Option<Duration>,
}

/// What was said, and until when it holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) said: Override,
    until: Option<Instant>,
}

impl OverrideKind {
    /// Its word, as it stands in answers and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
        }
    }

    /// Whether it keeps calls away.
    pub fn bars(self) -> bool {
        matches!(self, Self::Paused | Self::ForcedOpen)
    }
}

impl Held {
    pub(super) fn new(said: Override, now: Instant) -> Self {
        // What lasts longer than a clock can count lasts until it is taken back.
        let until = said.lasts.and_then(|lasts| now.checked_add(lasts));
        Self { said, until }
    }

    /// How much longer it holds; `None` when it is over, `Some(None)` when nothing ends it.
    pub(super) fn left(&self, now: Instant) -> Option<Option<Duration>> {
        match self.until {
            None => Some(None),
            Some(until) if until > now => Some(Some(until - now)),
            Some(_) => None,
        }
    }

    /// Whether it keeps calls away now.
    pub(super) fn bars(&self, now: Instant) -> Option<Bar> {
        let kind = self.said.kind;
        self.left(now).filter(|_| kind.bars()).map(|left| Bar { kind, left })
    }
}
