//! Secrets of the configuration: sealed before a change is recorded, opened before it counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use config::snapshot::VaultKey;
use protocol::secret::Secret;
use store::{Db, StoreProblem, Vault};

/// The vault, opened when it is needed first: who never keeps anything needs no key.
pub(crate) struct Strongbox {
    key: Mutex<VaultKey>,
    vault: Mutex<Option<Arc<Vault>>>,
    /// The names of secrets that were kept by this process: a file that is read again costs the database nothing.
    named: Mutex<BTreeMap<String, String>>,
}

/// Stands for a secret that could not be kept: the database is away.
const NOT_KEPT: &str = "not-kept";

impl Strongbox {
    pub(crate) fn new(key: VaultKey) -> Self {
        Self { key: Mutex::new(key), vault: Mutex::default(), named: Mutex::default() }
    }

    /// The vault; its keys are those of the moment it was opened.
    pub(crate) async fn vault(&self, db: &Db) -> Result<Arc<Vault>, StoreProblem> {
        if let Some(vault) = self.opened() {
            return Ok(vault);
        }
        let vault = Arc::new(self.open(&db.keys_in_use().await?)?);
        let mut kept = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get_or_insert(vault).clone())
    }

    /// Whether nothing was ever recorded or sealed, so that there is nothing to open, and a key file would have to be made first.
    pub(crate) async fn is_new(&self, db: &Db) -> Result<bool, StoreProblem> {
        let file = match &*self.key.lock().unwrap_or_else(PoisonError::into_inner) {
            VaultKey::File(file) => file.clone(),
            VaultKey::Text(_) | VaultKey::Nowhere => return Ok(false),
        };
        let made = std::fs::symlink_metadata(file).is_ok();
        Ok(!made && db.head_number().await? == 0 && db.keys_in_use().await?.is_empty())
    }

    /// Opens the vault, and has the audit trail sealed with what is in it.
    pub(crate) async fn prepare(&self, db: &Db) -> Result<(), StoreProblem> {
        // Secrets of settings may have opened the vault before.
        if db.has_audit_key() {
            return Ok(());
        }
        let vault = self.vault(db).await?;
        db.set_audit_key(db.audit_key(&vault).await?);
        Ok(())
    }

    /// What callers' keys are hashed with.
    pub(crate) async fn pepper(&self, db: &Db) -> Result<Secret, StoreProblem> {
        let vault = self.vault(db).await?;
        Ok(Secret::new(db.pepper(&vault).await?.expose()))
    }

    fn opened(&self) -> Option<Arc<Vault>> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open(&self, used: &[String]) -> Result<Vault, StoreProblem> {
        let of = |text: &str| {
            let vault = Vault::of(text).map_err(StoreProblem::Secret)?;
            vault.has(used).map_err(StoreProblem::Secret)?;
            Ok(vault)
        };
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match key {
            VaultKey::Text(text) => of(text.expose()),
            VaultKey::File(file) => Vault::open(&file, used),
            VaultKey::Nowhere => Vault::of_this_process(),
        }
    }

    /// Takes these keys, or reads their file anew, and wraps what is sealed under older ones with the first. Returns how many
    /// that were.
    pub(crate) async fn rotate(&self, db: &Db, key: VaultKey) -> Result<usize, StoreProblem> {
        {
            let mut ours = self.key.lock().unwrap_or_else(PoisonError::into_inner);
            if *ours == VaultKey::Nowhere {
                // It was made for this process, and goes with it.
                return Ok(0);
            }
            *ours = key;
        }
        let vault = Arc::new(self.open(&db.keys_in_use().await?)?);
        *self.vault.lock().unwrap_or_else(PoisonError::into_inner) = Some(vault.clone());
        db.rotate_secrets(&vault).await
    }

    /// The names under which these secrets are kept from now on.
    pub(crate) async fn names(
        &self,
        db: &Db,
        secrets: &[Secret],
    ) -> Result<BTreeMap<String, String>, StoreProblem> {
        let mut names = BTreeMap::new();
        for secret in secrets {
            let known = self.named().get(secret.expose()).cloned();
            let name = match known {
                Some(name) => name,
                None => {
                    let vault = self.vault(db).await?;
                    let name = db.secret_named_after(&vault, secret.expose()).await?;
                    self.named().insert(secret.expose().to_owned(), name.clone());
                    name
                }
            };
            names.insert(secret.expose().to_owned(), name);
        }
        Ok(names)
    }

    /// The same for what is not going to be recorded: a secret that cannot be kept now has no name of its own.
    pub(crate) async fn names_or_none(&self, db: &Db, secrets: &[Secret]) -> BTreeMap<String, String> {
        match self.names(db, secrets).await {
            Ok(names) => names,
            Err(_) => {
                let named = self.named();
                let name =
                    |secret: &Secret| named.get(secret.expose()).map_or(NOT_KEPT, String::as_str).to_owned();
                secrets.iter().map(|secret| (secret.expose().to_owned(), name(secret))).collect()
            }
        }
    }

    /// From now on the database is asked again for the name of each.
    pub(crate) fn forget_names(&self) {
        self.named().clear();
    }

    fn named(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the secrets of these names that are not open yet.
    pub(crate) async fn open_named(
        &self,
        db: &Db,
        names: impl IntoIterator<Item = &str>,
        opened: &mut BTreeMap<String, Secret>,
    ) -> Result<(), StoreProblem> {
        for name in names {
            // Keys that are our own affair are no settings, whatever a setting says.
            if opened.contains_key(name) || !store::vault::is_named_after_itself(name) {
                continue;
            }
            let vault = self.vault(db).await?;
            // One that is not there is told when the configuration is read, with the setting that needs it.
            if let Some(secret) = db.open_secret(&vault, name).await? {
                opened.insert(name.to_owned(), Secret::new(secret.expose()));
            }
        }
        Ok(())
    }
}
