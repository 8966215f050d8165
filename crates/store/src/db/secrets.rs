//! Secrets in a database: sealed there, opened by a vault only.

use super::Db;
use crate::audit::AuditKey;
use crate::clock;
use crate::problem::StoreProblem;
use crate::responses::ResponsesKey;
use crate::vault::{self, Opened, Sealed, Vault};

/// What the house makes for itself: what secrets without a name are named with, what the audit is written with, what callers' keys
/// are hashed with, and what answers are sealed with that are kept.
const NAMING_KEY: &str = "naming-key";
const AUDIT_KEY: &str = "audit-key";
const PEPPER: &str = "callers-pepper";
const RESPONSES_KEY: &str = "responses-key";
/// How long one that nobody refers to stays all the same.
const FRESH_US: u64 = 3_600_000_000;

/// What is done to one.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It takes the place of one of the same name.
    Put(Sealed),
    /// It is kept, unless there is one of the same name.
    Add(Sealed),
    /// The same, and if it was not there, the audit begins with it.
    BeginAudit(Sealed, AuditKey),
    /// It is said of that name to have been put here at this time.
    Touch(String, u64),
    /// That name goes.
    Remove(String),
    /// It goes, if it is still as it was.
    RemoveUnchanged(Sealed),
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

    /// Keeps a secret that has no name of its own, unless it is there, and returns the name it is under: `value-` and what
    /// tells it apart, which says nothing of it.
    ///
    /// # Errors
    /// When it cannot be sealed, or the database is away.
    pub async fn secret_named_after(&self, vault: &Vault, plain: &str) -> Result<String, StoreProblem> {
        let key = self.made_secret(vault, NAMING_KEY).await?;
        let name = vault::name_of(key.expose(), plain);
        // Said to be new, so that it is not taken away before somebody refers to it.
        if !self.change_secret(Change::Touch(name.clone(), clock::now_us())).await? {
            self.change_secret(Change::Add(vault.seal(&name, plain)?)).await?;
        }
        Ok(name)
    }

    /// The key of the audit, which is made the first time.
    ///
    /// # Errors
    /// When it cannot be sealed or opened, or the database is away.
    pub async fn audit_key(&self, vault: &Vault) -> Result<AuditKey, StoreProblem> {
        Ok(AuditKey::of(self.made_secret(vault, AUDIT_KEY).await?.expose().as_bytes()))
    }

    /// What callers' keys are hashed with, which is made the first time and stays as it is when the vault gets other keys.
    ///
    /// # Errors
    /// When it cannot be sealed or opened, or the database is away.
    pub async fn pepper(&self, vault: &Vault) -> Result<Opened, StoreProblem> {
        self.made_secret(vault, PEPPER).await
    }

    /// What answers are sealed with that are kept for callers, made the first time. It stays as it is when the vault gets other keys.
    ///
    /// # Errors
    /// When it cannot be sealed or opened, or the database is away.
    pub async fn responses_key(&self, vault: &Vault) -> Result<ResponsesKey, StoreProblem> {
        ResponsesKey::of(&self.made_secret(vault, RESPONSES_KEY).await?)
    }

    /// A secret of this house, made if it is not there. Of two who make it at once, both get the same.
    async fn made_secret(&self, vault: &Vault, name: &str) -> Result<Opened, StoreProblem> {
        if let Some(there) = self.open_secret(vault, name).await? {
            return Ok(there);
        }
        let new = vault::random()?;
        let row = vault.seal(name, new.expose())?;
        self.change_secret(match name {
            AUDIT_KEY => Change::BeginAudit(row, AuditKey::of(new.expose().as_bytes())),
            _ => Change::Add(row),
        })
        .await?;
        let there = self.open_secret(vault, name).await?;
        there.ok_or_else(|| StoreProblem::Secret(format!("{name} is gone again")))
    }

    /// The secret of this name, in the open.
    ///
    /// # Errors
    /// When it cannot be opened, or the database is away.
    pub async fn open_secret(&self, vault: &Vault, name: &str) -> Result<Option<Opened>, StoreProblem> {
        let name = name.to_owned();
        let row = ask!(self, read, |memory| memory.secret(&name), |sql, on| sql::secrets::one(on, &name))?;
        row.map(|row| vault.unseal(&row)).transpose()
    }

    /// All that were put here, in the open, by name; without those the house has made for itself.
    ///
    /// # Errors
    /// When one cannot be opened, or the database is away.
    pub async fn open_secrets(&self, vault: &Vault) -> Result<Vec<(String, Opened)>, StoreProblem> {
        let theirs = self
            .secrets()
            .await?
            .into_iter()
            .filter(|row| ![NAMING_KEY, AUDIT_KEY, PEPPER, RESPONSES_KEY].contains(&&*row.name));
        theirs.map(|row| Ok((row.name.clone(), vault.unseal(&row)?))).collect()
    }

    /// Takes away the secrets without a name of their own which are not to be kept. One that was put here within the last
    /// hour stays: whoever put it there may not have recorded yet that it is needed. Returns how many went.
    ///
    /// # Errors
    /// When the database is away. What was taken away stays away.
    pub async fn prune_secrets(&self, keep: &(dyn Fn(&str) -> bool + Sync)) -> Result<u64, StoreProblem> {
        let recently = clock::now_us().saturating_sub(FRESH_US);
        let mut gone = 0;
        for row in self.secrets().await? {
            if vault::is_named_after_itself(&row.name) && row.changed_us < recently && !keep(&row.name) {
                gone += u64::from(self.change_secret(Change::RemoveUnchanged(row)).await?);
            }
        }
        Ok(gone)
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
        ask!(self, read, |memory| memory.secrets(), |sql, on| sql::secrets::all(on))
    }

    async fn change_secret(&self, change: Change) -> Result<bool, StoreProblem> {
        ask!(self, write, |memory| memory.change_secret(change), |sql, on| async {
            match &change {
                Change::Put(new) => sql::secrets::put(on, new).await.map(|()| true),
                Change::Add(new) => sql::secrets::add(on, new).await,
                Change::BeginAudit(new, key) => {
                    let added = sql::secrets::add(on, new).await?;
                    if added {
                        sql::audit::begin(on, key).await?;
                    }
                    Ok(added)
                }
                Change::Touch(name, now_us) => sql::secrets::touch(on, name, *now_us).await,
                Change::Remove(name) => sql::secrets::remove(on, name).await,
                Change::RemoveUnchanged(old) => sql::secrets::remove_unchanged(on, old).await,
                Change::Rewrap(old, new) => sql::secrets::rewrap(on, old, new).await,
            }
        })
    }
}
