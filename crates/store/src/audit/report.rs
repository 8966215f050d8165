//! What is wrong with the audit, row by row.

use std::fmt;

use super::AuditRow;
use super::chain::{AuditKey, Ends, SEVERED};

/// What was found when the audit was looked through.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AuditReport {
    /// How many rows were looked at.
    pub rows: u64,
    /// The number of the first row that has to be there.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// What is wrong, by number; empty: nothing.
    pub broken: Vec<Broken>,
}

/// Rows that are not as they were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The first of them.
    pub number: u64,
    /// The last of them; mostly the same.
    pub through: u64,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// It was changed, or written by somebody else.
    Changed,
    /// It stands where another one was written.
    Moved,
    /// It is not there.
    Missing,
    /// It is not there, and none after it.
    Cut,
    /// It does not follow the row before it: something was there between them, or the ends of the chain had been changed
    /// when it was written.
    Severed,
    /// Where the chain begins and ends was changed.
    Ends,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.wrong {
            Wrong::Changed => "changed, or written by somebody else",
            Wrong::Moved => "moved from another place",
            Wrong::Missing => "missing",
            Wrong::Cut => "missing, cut off at the end",
            Wrong::Severed => "not what followed the row before",
            Wrong::Ends => "the last, and where the chain ends was changed",
        };
        match self.number == self.through {
            true => write!(out, "row {}: {what}", self.number),
            false => write!(out, "rows {} to {}: {what}", self.number, self.through),
        }
    }
}

/// The looking through, a piece at a time.
pub(crate) struct Checking<'k> {
    key: &'k AuditKey,
    ends: Ends,
    holds: bool,
    /// The number of the row that was looked at last, and its hash, if that can be believed.
    at: u64,
    hash: Option<String>,
    report: AuditReport,
}

impl<'k> Checking<'k> {
    /// Begins at these ends.
    pub(crate) fn new(key: &'k AuditKey, ends: Ends) -> Self {
        let holds = ends.hold(key);
        let (at, hash) = if holds { (ends.before, ends.before_hash.clone()) } else { Default::default() };
        let report = AuditReport { first: at + 1, last: ends.last, ..AuditReport::default() };
        Self { key, ends, holds, at, hash: Some(hash), report }
    }

    /// The number of the row that was looked at last.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Looks at the next rows, by number.
    pub(crate) fn look(&mut self, rows: &[AuditRow]) {
        let broken: Vec<&AuditRow> = rows.iter().filter(|row| !self.key.wrote(row)).collect();
        for row in rows {
            self.report.rows += 1;
            if row.number > self.at + 1 {
                self.found(self.at + 1, row.number - 1, Wrong::Missing);
                self.hash = None;
            }
            let follows = self.hash.as_ref().is_none_or(|hash| *hash == row.previous);
            self.hash = None;
            if broken.iter().any(|one| one.number == row.number) {
                let wrong = if self.was_elsewhere(row, &broken) { Wrong::Moved } else { Wrong::Changed };
                self.found(row.number, row.number, wrong);
            } else {
                if !follows || row.previous == SEVERED {
                    self.found(row.number, row.number, Wrong::Severed);
                }
                self.hash = Some(row.hash.clone());
            }
            self.at = row.number;
        }
    }

    /// Whether a broken row is the one that was written in the place of another broken one.
    fn was_elsewhere(&self, row: &AuditRow, broken: &[&AuditRow]) -> bool {
        /// Looked for among a few: whoever has changed more than that has not merely moved rows.
        const FEW: usize = 64;
        let is_of = |other: &&AuditRow| self.key.of_row(other.number, &row.previous, &row.entry) == row.hash;
        broken.len() <= FEW && broken.iter().any(is_of)
    }

    /// What was found in all.
    pub(crate) fn done(mut self) -> AuditReport {
        let (at, last) = (self.at, self.ends.last);
        if self.holds && at < last {
            self.found(at + 1, last, Wrong::Cut);
        } else if !self.holds
            || at > last
            || self.hash.as_ref().is_some_and(|hash| *hash != self.ends.last_hash)
        {
            self.found(at, at, Wrong::Ends);
        }
        self.report.last = at.max(if self.holds { last } else { 0 });
        self.report
    }

    fn found(&mut self, number: u64, through: u64, wrong: Wrong) {
        match self.report.broken.last_mut() {
            // Many in a row are one finding.
            Some(last) if last.wrong == wrong && last.through + 1 == number => last.through = through,
            _ => self.report.broken.push(Broken { number, through, wrong }),
        }
    }
}
