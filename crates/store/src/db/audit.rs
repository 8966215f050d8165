//! The audit in a database: written by whoever has its key, and looked through.

use super::Db;
use crate::audit::{AuditEntry, AuditFilter, AuditKey, AuditReport, AuditRow, Checking, Ends};
use crate::problem::StoreProblem;

/// The most of one page.
const LARGEST_PAGE: usize = 1_000;

impl Db {
    /// What the hashes of the audit are made with from now on. There is one key for the life of the process.
    pub fn set_audit_key(&self, key: AuditKey) {
        let _ = self.audit_key.set(key);
    }

    /// Whether there is one.
    pub fn has_audit_key(&self) -> bool {
        self.audit_key.get().is_some()
    }

    pub(super) fn key(&self) -> Result<&AuditKey, StoreProblem> {
        let none = || StoreProblem::Secret("there is no key for the audit".to_owned());
        self.audit_key.get().ok_or_else(none)
    }

    /// Records that somebody did something; its number.
    ///
    /// # Errors
    /// When the database is away, or there is no key.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<u64, StoreProblem> {
        let (key, entry) = (self.key()?.clone(), entry.clone().fit());
        ask!(self, write, |memory| memory.changes().audit(&key, entry), |sql, on| async {
            let ends = sql::audit::lock(on).await?;
            sql::audit::add(on, &key, ends, entry).await
        })
    }

    /// Rows before a number, or all, that are meant, newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreProblem> {
        let (filter, limit) = (filter.clone().fit(), limit.min(LARGEST_PAGE));
        ask!(self, read, |memory| memory.changes().audit_page(&filter, before, limit), |sql, on| {
            sql::audit::page(on, &filter, before, limit)
        })
    }

    /// Looks every row through, a piece at a time, while others write: whether it and its place are what they were when it
    /// was written. What is written meanwhile is not looked at.
    ///
    /// # Errors
    /// When the database is away, or there is no key.
    pub async fn verify_audit(&self) -> Result<AuditReport, StoreProblem> {
        let key = self.key()?;
        loop {
            let (ends, highest) = self.ends(key).await?;
            let before = ends.before;
            let through = ends.last.max(highest);
            let mut checking = Checking::new(key, ends);
            loop {
                let at = checking.at();
                let piece = ask!(self, read, |memory| memory.changes().piece(at, through), |sql, on| {
                    sql::audit::piece(on, at, through)
                })?;
                if piece.is_empty() {
                    break;
                }
                checking.look(&piece);
            }
            let report = checking.done();
            // Rows that are missed may have been pruned while we looked.
            if report.broken.is_empty() || self.ends(key).await?.0.before == before {
                return Ok(report);
            }
        }
    }

    async fn ends(&self, key: &AuditKey) -> Result<(Ends, u64), StoreProblem> {
        ask!(self, read, |memory| memory.changes().ends(key), |sql, on| sql::audit::ends(on))
    }

    /// Deletes the oldest rows, as far as they are of before this time and as they were written: what somebody has changed
    /// stays to be seen. The chain begins behind them from then on. Returns how many.
    ///
    /// # Errors
    /// When the database is away, or there is no key. What was deleted stays deleted.
    pub async fn prune_audit(&self, before_us: u64) -> Result<u64, StoreProblem> {
        let mut all = 0;
        loop {
            let key = self.key()?.clone();
            let piece =
                ask!(self, write, |memory| memory.changes().prune_audit(&key, before_us), |sql, on| {
                    sql::audit::prune(on, &key, before_us)
                })?;
            if piece == 0 {
                return Ok(all);
            }
            all += piece;
        }
    }
}
