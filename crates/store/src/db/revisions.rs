//! Revisions in a database: one chain, whoever writes.

use super::Db;
use crate::audit::AuditEntry;
use crate::problem::StoreProblem;
use crate::revision::{NewRevision, Recorded, Revision, RevisionLine};
use crate::text;

/// The most of one list.
const LARGEST_LIST: usize = 1_000;

impl Db {
    /// The newest revision.
    ///
    /// # Errors
    /// When the database is away, or it is not as it was recorded.
    pub async fn head(&self) -> Result<Option<Revision>, StoreProblem> {
        let found: Result<_, StoreProblem> =
            ask!(self, read, |memory| memory.changes().head(), |sql, on| sql::revisions::head(on));
        self.trusted(found?)
    }

    /// Who has no key of the audit only looks, and sees what is there.
    fn trusted(&self, found: Option<Revision>) -> Result<Option<Revision>, StoreProblem> {
        match self.key() {
            Ok(key) => found.map(|found| found.trusted(key)).transpose(),
            Err(_none) => Ok(found),
        }
    }

    /// Its number; 0: there is none. Cheap enough to be asked every second.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn head_number(&self) -> Result<u64, StoreProblem> {
        ask!(self, read, |memory| memory.changes().head_number(), |sql, on| sql::revisions::head_number(on))
    }

    /// One of them.
    ///
    /// # Errors
    /// When the database is away, or it is not as it was recorded.
    pub async fn revision(&self, number: u64) -> Result<Option<Revision>, StoreProblem> {
        let found: Result<_, StoreProblem> =
            ask!(self, read, |memory| memory.changes().one(number), |sql, on| sql::revisions::one(
                on, number
            ));
        self.trusted(found?)
    }

    /// Those before a number, or all, newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn revisions(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RevisionLine>, StoreProblem> {
        let limit = limit.min(LARGEST_LIST);
        ask!(self, read, |memory| memory.changes().lines(before, limit), |sql, on| sql::revisions::lines(
            on, before, limit
        ))
    }

    /// Records a revision as the one after `after` (0: as the first), and with it who did it: both or neither. If another
    /// one is the newest, nothing is recorded.
    ///
    /// # Errors
    /// When the database is away, a text does not come back as it is, or there is no key for the audit.
    pub async fn record_revision(
        &self,
        after: u64,
        new: &NewRevision,
        audit: &AuditEntry,
    ) -> Result<Recorded, StoreProblem> {
        for kept in [&new.sheet, &new.layer, &new.changed] {
            text::kept_as_it_is(kept)?;
        }
        let (key, new, entry) = (self.key()?.clone(), new.clone().fit(), audit.clone().fit());
        ask!(self, write, |memory| memory.changes().record(&key, after, new, entry), |sql, on| {
            sql::revisions::record(on, &key, after, new, entry)
        })
    }

    /// Deletes all but the newest `keep`; the newest one always stays. Returns how many.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn prune_revisions(&self, keep: u64) -> Result<u64, StoreProblem> {
        let keep = keep.max(1);
        ask!(self, write, |memory| memory.changes().prune_revisions(keep), |sql, on| sql::revisions::prune(
            on, keep
        ))
    }
}
