//! Earlier revisions, read back.

use std::collections::BTreeSet;

use config::{Difference, Sheet, sealed_names};
use store::RevisionLine;

use crate::Control;
use crate::refused::Refused;

/// Revisions that are looked at at once.
const PAGE: usize = 100;

impl Control {
    /// The revisions older than `before`, newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn versions(&self, before: Option<u64>, limit: usize) -> Result<Vec<RevisionLine>, Refused> {
        Ok(self.books().db.revisions(before, limit).await?)
    }

    /// What was written at a revision; secrets sealed.
    ///
    /// # Errors
    /// When there is no such revision, or the database is away.
    pub async fn sheet_of(&self, revision: u64) -> Result<Sheet, Refused> {
        let found = self.books().db.revision(revision).await?.ok_or(Refused::NoRevision(revision))?;
        Ok(Sheet::read(&found.sheet, &format!("revision {revision}"))?)
    }

    /// What one revision says differently than another; secrets hidden.
    ///
    /// # Errors
    /// When one of them is not there, or the database is away.
    pub async fn differences_of(&self, first: u64, second: u64) -> Result<Vec<Difference>, Refused> {
        Ok(self.sheet_of(first).await?.differences(&self.sheet_of(second).await?))
    }

    /// Takes away the secrets no revision refers to any more. Returns how many that were.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn forget_secrets(&self) -> Result<u64, Refused> {
        let db = &self.books().db;
        let mut kept = BTreeSet::new();
        let mut before = None;
        loop {
            let page = db.revisions(before, PAGE).await?;
            let Some(oldest) = page.last() else { break };
            before = Some(oldest.number);
            for line in &page {
                let Some(revision) = db.revision(line.number).await? else { continue };
                let named = sealed_names(&revision.layer).chain(sealed_names(&revision.sheet));
                kept.extend(named.map(str::to_owned));
            }
        }
        // Whoever is named from now on is known to be new, and stays.
        self.inner.strongbox.forget_names();
        Ok(db.prune_secrets(&|name: &str| kept.contains(name)).await?)
    }

    /// Wraps all secrets under the first key of the vault, as it is written now (`storage.encryption_key`). Returns how many were under another.
    ///
    /// # Errors
    /// When the keys cannot be read, or the database is away.
    pub async fn rotate_secrets(&self) -> Result<usize, Refused> {
        let key = self.gateway().world().storage.key.clone();
        Ok(self.inner.strongbox.rotate(&self.books().db, key).await?)
    }
}
