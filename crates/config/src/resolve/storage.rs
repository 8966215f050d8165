//! Where records are kept, and where they wait until then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::document::storage::Storage as Document;
use crate::reader::Findings;
use crate::snapshot::{Database, Storage, Upkeep, VaultKey};

/// The name of our file in the state folder.
const FILE: &str = "openai-proxy.db";
/// The name of the file of keys there, for a database that is somewhere else.
const KEYS: &str = "vault.key";

/// Decides it; `None` when a finding tells what is missing.
pub(crate) fn resolve(
    document: &Document,
    environment: &BTreeMap<String, String>,
    findings: &Findings,
) -> Option<Storage> {
    let state = state(environment);
    let written = document.database.as_ref().map(|written| &written.value);
    let key = match (&document.key, written, &state) {
        (Some(text), ..) => VaultKey::Text(text.clone()),
        // Where the database goes, its key goes, too.
        (None, Some(Database::File(path)), _) => {
            VaultKey::File(at_home(path, environment).with_extension("key"))
        }
        (None, Some(Database::Memory), _) | (None, _, None) => VaultKey::Nowhere,
        (None, Some(_), Some(folder)) => VaultKey::File(folder.join(KEYS)),
        (None, None, Some(folder)) => VaultKey::File(folder.join(FILE).with_extension("key")),
    };
    let beside = |file: &Path| {
        let mut name = file.as_os_str().to_owned();
        name.push("-spool");
        PathBuf::from(name)
    };
    let Some(written) = &document.database else {
        return Some(match state {
            Some(folder) => {
                let file = folder.join(FILE);
                Storage { spool: beside(&file), database: Database::File(file), key, written: false }
            }
            None => Storage { spool: PathBuf::new(), database: Database::Nowhere, key, written: false },
        });
    };
    match &written.value {
        Database::File(path) => {
            let file = at_home(path, environment);
            Some(Storage { spool: beside(&file), database: Database::File(file), key, written: true })
        }
        Database::Postgres(url) => match state {
            Some(folder) => {
                let database = Database::Postgres(url.clone());
                Some(Storage { spool: folder.join("spool"), database, key, written: true })
            }
            None => {
                let what = "needs a folder for what has not reached it yet, and there is none.";
                written.wrong(findings, what, "Set STATE_DIRECTORY, XDG_STATE_HOME or HOME.");
                None
            }
        },
        other => Some(Storage { spool: PathBuf::new(), database: other.clone(), key, written: true }),
    }
}

/// The same with the folder of copies: relative ones are beside the database, or in the state folder where it is no file.
pub(super) fn upkeep(
    mut upkeep: Upkeep,
    storage: &Storage,
    environment: &BTreeMap<String, String>,
) -> Upkeep {
    if let Some(backup) = &mut upkeep.backup {
        let beside = match &storage.database {
            Database::File(file) => file.parent().map(Path::to_owned),
            Database::Memory | Database::Nowhere | Database::Postgres(_) => state(environment),
        };
        let to = at_home(&backup.to, environment);
        backup.to = beside.unwrap_or_default().join(to.strip_prefix(".").unwrap_or(&to));
    }
    upkeep
}

/// Where a service or a user keeps state: the folder systemd made for it (`StateDirectory=`, systemd.exec(5)), else
/// `$XDG_STATE_HOME/openai-proxy`, by default `~/.local/state/openai-proxy` (XDG Base Directory Specification 0.8).
pub fn state(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let given = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let service = environment.get("STATE_DIRECTORY").and_then(|all| all.split(':').next()).map(PathBuf::from);
    let home = || given("HOME").map(|home| home.join(".local/state"));
    service
        .filter(|path| path.is_absolute())
        .or_else(|| given("XDG_STATE_HOME").or_else(home).map(|folder| folder.join("openai-proxy")))
}

/// A path whose `~` is the home folder.
pub(super) fn at_home(path: &Path, environment: &BTreeMap<String, String>) -> PathBuf {
    match (path.strip_prefix("~"), environment.get("HOME")) {
        (Ok(rest), Some(home)) => Path::new(home).join(rest),
        _ => path.to_owned(),
    }
}
