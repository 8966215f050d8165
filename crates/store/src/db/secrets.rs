//! Secrets in a database: sealed there, opened by a vault only.

use super::Db;
use crate::problem::StoreProblem;
use crate::vault::{Opened, Sealed, Vault};

/// What is done to one.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It takes the place of one of the same name.
    Put(Sealed),
    /// That name goes.
    Remove(String),
    /// The first as it was becomes the second, if it still is as it was.
    Rewrap(Sealed, Sealed),
}

/// A secret as it may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its last four characters; empty when it is too short for that.
    pub last_four: String,
    /// Under which key it is sealed.
    pub key_id: String,
    /// When it was put here, microseconds since 1970.
    pub changed_us: u64,
}

impl Db {
    /// Keeps a secret under a name, in the place of one that was there.
    ///
    /// # Errors
    /// When it cannot be sealed, or the database is away.
    pub async fn keep_secret(&self, vault: &Vault, name: &str, secret: &str) -> Result<(), StoreProblem> {
        self.change_secret(Change::Put(vault.seal(name, secret)?)).await.map(|_done| ())
    }

    /// The secret of this name, in the open.
    ///
    /// # Errors
    /// When it cannot be opened, or the database is away.
    pub async fn open_secret(&self, vault: &Vault, name: &str) -> Result<Option<Opened>, StoreProblem> {
        let row = match self {
            Self::Memory(memory) => memory.secrets().into_iter().find(|row| row.name == name),
            Self::Sqlite(sqlite) => sqlite.secret(name.to_owned()).await?,
            Self::Postgres(postgres) => postgres.secret(name.to_owned()).await?,
        };
        row.map(|row| vault.unseal(&row)).transpose()
    }

    /// All of them, as they may be shown, by name.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn shown_secrets(&self) -> Result<Vec<Shown>, StoreProblem> {
        let shown = |row: Sealed| {
            let Sealed { name, last_four, key_id, changed_us, .. } = row;
            Shown { name, last_four, key_id, changed_us }
        };
        Ok(self.secrets().await?.into_iter().map(shown).collect())
    }

    /// Takes a secret away; whether it was there.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn remove_secret(&self, name: &str) -> Result<bool, StoreProblem> {
        self.change_secret(Change::Remove(name.to_owned())).await
    }

    /// The ids of the keys under which secrets are sealed: what a vault must have.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn keys_in_use(&self) -> Result<Vec<String>, StoreProblem> {
        let mut ids: Vec<String> = self.secrets().await?.into_iter().map(|row| row.key_id).collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Wraps what is sealed under older keys anew, one row after the other, while others read and write. Returns how many;
    /// afterwards the older keys are not needed any more.
    ///
    /// # Errors
    /// When one cannot be opened, or the database is away. What was done stays done.
    pub async fn rotate_secrets(&self, vault: &Vault) -> Result<usize, StoreProblem> {
        let mut done = 0;
        loop {
            let mut left = 0;
            for old in self.secrets().await? {
                if let Some(new) = vault.rewrap(&old)? {
                    left += 1;
                    // One that was changed meanwhile is looked at again in the next round.
                    done += usize::from(self.change_secret(Change::Rewrap(old, new)).await?);
                }
            }
            if left == 0 {
                return Ok(done);
            }
        }
    }

    async fn secrets(&self) -> Result<Vec<Sealed>, StoreProblem> {
        match self {
            Self::Memory(memory) => Ok(memory.secrets()),
            Self::Sqlite(sqlite) => sqlite.secrets().await,
            Self::Postgres(postgres) => postgres.secrets().await,
        }
    }

    async fn change_secret(&self, change: Change) -> Result<bool, StoreProblem> {
        match self {
            Self::Memory(memory) => Ok(memory.change_secret(change)),
            Self::Sqlite(sqlite) => sqlite.change_secret(change).await,
            Self::Postgres(postgres) => postgres.change_secret(change).await,
        }
    }
}
