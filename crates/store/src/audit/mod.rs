//! Who did what: a chain of rows in which none can be changed, moved or taken away unnoticed (docs/adr/0019).
//!
//! Each row holds the hash of the one before it and its own, under a key that is in no database in the open: whoever can
//! only write rows cannot make the hashes that belong to them. Where the chain begins and ends is sealed likewise.

mod chain;
mod report;

pub use chain::AuditKey;
pub(crate) use chain::Ends;
pub(crate) use report::Checking;
pub use report::{AuditReport, Broken, Wrong};

use crate::text;

/// Something that somebody did, or tried to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AuditEntry {
    /// When, microseconds since 1970.
    pub at_us: u64,
    /// Who.
    pub actor: String,
    /// As what.
    pub role: String,
    /// From where.
    pub address: String,
    /// What they did.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What became of it.
    pub outcome: String,
    /// More of it, as those who recorded it write it.
    pub detail: String,
}

/// An entry in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// Its number: one more than that of the row before it.
    pub number: u64,
    /// What is recorded.
    pub entry: AuditEntry,
    /// The hash of the row before it.
    pub previous: String,
    /// Its own.
    pub hash: String,
}

/// Which rows are meant. Everything that is not said is anything.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AuditFilter {
    /// By this actor.
    pub actor: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// At this time or later, microseconds since 1970.
    pub from_us: Option<u64>,
    /// Before this time.
    pub until_us: Option<u64>,
}

impl AuditEntry {
    /// Makes it one that both databases hold. What somebody sends must not be able to keep it out of the audit.
    pub(crate) fn fit(mut self) -> Self {
        let short = [&mut self.actor, &mut self.role, &mut self.address, &mut self.action];
        short.into_iter().chain([&mut self.subject, &mut self.outcome]).for_each(text::fit);
        text::without_nul(&mut self.detail);
        // Databases count in signed numbers, and the hash is of what they hold.
        self.at_us = self.at_us.min(i64::MAX.unsigned_abs());
        self
    }
}

impl AuditFilter {
    /// The same of entries as they are held.
    pub(crate) fn fit(mut self) -> Self {
        [&mut self.actor, &mut self.action].into_iter().flatten().for_each(text::fit);
        self
    }

    /// Whether a row is meant; what the databases do in SQL.
    pub(crate) fn means(&self, entry: &AuditEntry) -> bool {
        self.actor.as_ref().is_none_or(|actor| *actor == entry.actor)
            && self.action.as_ref().is_none_or(|action| *action == entry.action)
            && self.from_us.is_none_or(|from| entry.at_us >= from)
            && self.until_us.is_none_or(|until| entry.at_us < until)
    }
}
