//! Revisions and the audit in memory: the newest ones, in the same chain as in a database.

use std::collections::VecDeque;

use crate::audit::{AuditEntry, AuditFilter, AuditKey, AuditRow, Ends};
use crate::revision::{NewRevision, Recorded, Revision, RevisionLine};

/// Revisions that are kept.
const REVISIONS: usize = 500;
/// Rows of the audit that are kept.
const ROWS: usize = 10_000;
/// Rows that are looked at once.
const PIECE: usize = 1_000;

/// What is remembered of changes.
#[derive(Default, Debug)]
pub(in crate::db) struct Changes {
    revisions: VecDeque<Revision>,
    audit: VecDeque<AuditRow>,
    ends: Ends,
}

impl Changes {
    pub(in crate::db) fn head(&self) -> Option<Revision> {
        self.revisions.back().cloned()
    }

    pub(in crate::db) fn head_number(&self) -> u64 {
        self.revisions.back().map_or(0, |head| head.number)
    }

    pub(in crate::db) fn one(&self, number: u64) -> Option<Revision> {
        self.revisions.iter().find(|one| one.number == number).cloned()
    }

    pub(in crate::db) fn lines(&self, before: Option<u64>, limit: usize) -> Vec<RevisionLine> {
        let older = self.revisions.iter().rev().filter(|one| before.is_none_or(|before| one.number < before));
        older.take(limit).map(RevisionLine::from).collect()
    }

    pub(in crate::db) fn record(
        &mut self,
        key: &AuditKey,
        after: u64,
        new: NewRevision,
        entry: AuditEntry,
    ) -> Recorded {
        let head = self.head_number();
        if head != after {
            return Recorded::Moved(head);
        }
        self.revisions.push_back(new.numbered(head + 1, entry.at_us).sealed(key));
        self.prune_revisions(REVISIONS as u64);
        self.audit(key, entry);
        Recorded::Done(head + 1)
    }

    pub(in crate::db) fn prune_revisions(&mut self, keep: u64) -> u64 {
        let excess = self.revisions.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
        self.revisions.drain(..excess).count() as u64
    }

    pub(in crate::db) fn audit(&mut self, key: &AuditKey, entry: AuditEntry) -> u64 {
        if self.ends == Ends::default() {
            self.ends = Ends::of_nothing(key);
        }
        let highest = self.audit.back().map_or(0, |row| row.number);
        let (row, ends) = std::mem::take(&mut self.ends).follow(key, highest, entry);
        self.ends = ends;
        let number = row.number;
        self.audit.push_back(row);
        if self.audit.len() > ROWS {
            self.forget(key, 1, u64::MAX);
        }
        number
    }

    pub(in crate::db) fn audit_page(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Vec<AuditRow> {
        let older = self.audit.iter().rev().filter(|row| before.is_none_or(|before| row.number < before));
        older.filter(|row| filter.means(&row.entry)).take(limit).cloned().collect()
    }

    /// Nobody else can have changed them here, so they are begun with the first entry.
    pub(in crate::db) fn ends(&self, key: &AuditKey) -> (Ends, u64) {
        let ends = if self.audit.is_empty() && self.ends == Ends::default() {
            Ends::of_nothing(key)
        } else {
            self.ends.clone()
        };
        (ends, self.audit.back().map_or(0, |row| row.number))
    }

    pub(in crate::db) fn piece(&self, after: u64, through: u64) -> Vec<AuditRow> {
        let meant = self.audit.iter().filter(|row| row.number > after && row.number <= through);
        meant.take(PIECE).cloned().collect()
    }

    pub(in crate::db) fn prune_audit(&mut self, key: &AuditKey, before_us: u64) -> u64 {
        self.forget(key, PIECE, before_us)
    }

    fn forget(&mut self, key: &AuditKey, most: usize, before_us: u64) -> u64 {
        let oldest: Vec<AuditRow> = self.audit.iter().take(most).cloned().collect();
        let (gone, ends) = std::mem::take(&mut self.ends).without(key, &oldest, before_us);
        self.ends = ends;
        self.audit.drain(..gone).count() as u64
    }
}
