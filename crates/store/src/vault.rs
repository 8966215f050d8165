//! Secrets that are kept: sealed before they become rows, and shown to nobody again but their last four characters.
//!
//! AES-256-GCM in an envelope (docs/adr/0021): each row has a key of its own, which a key-encryption key wraps that is in a
//! file and in no database. What is sealed is bound to its table, column and row, so that a row moved to another place does
//! not open there. Changing the key-encryption key wraps the rows' keys anew; the secrets themselves are not touched.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac, rand};
use zeroize::Zeroizing;

use crate::clock;
use crate::files::{self, Open};
use crate::problem::StoreProblem;
use crate::text::{hex, unhex};

/// The table, for what binds a secret to its place.
const TABLE: &str = "secrets";
/// The shortest line of a key file that can hold 256 bits and be written by a person's tool.
const SHORTEST: usize = 32;
/// A key file is small.
const LARGEST_FILE: u64 = 64 * 1024;
pub(crate) const KEY: usize = 32;
const NONCE: usize = 12;

/// The keys that open and close.
pub struct Vault {
    /// What new secrets are sealed under.
    current: String,
    keys: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

/// A secret as a row: nothing in it is secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// The row's id, UUID v7.
    pub id: String,
    /// What it is known by; one of a kind.
    pub name: String,
    /// Which key wraps the row's key.
    pub key_id: String,
    /// The row's key.
    pub wrapped_key: String,
    /// The secret.
    pub sealed: String,
    /// Its last four characters, if it is long enough to keep the rest to itself.
    pub last_four: String,
    /// When it was put here, microseconds since 1970.
    pub changed_us: u64,
}

/// A secret in the open. It is wiped from memory when it is dropped, and shows itself to no log.
pub struct Opened(Zeroizing<Vec<u8>>);

impl Opened {
    /// The text itself, for the one place it is meant for.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Vault({}, of {})", self.current, self.keys.len())
    }
}

impl Vault {
    /// The keys of this file, which is made if it is not there and no row needs an older one. `used` are the ids of the keys
    /// under which rows are sealed.
    ///
    /// # Errors
    /// When others may read the file, it is gone, or it lacks a key that is used: then nothing may start.
    pub fn open(file: &Path, used: &[String]) -> Result<Self, StoreProblem> {
        // A name alone is a file of the folder we are in.
        let file = &std::path::absolute(file).map_err(|error| StoreProblem::file(file, error))?;
        let at = |error: std::io::Error| StoreProblem::file(file, error);
        if std::fs::symlink_metadata(file).is_err() {
            if let Some(missing) = used.first() {
                return Err(StoreProblem::file(
                    file,
                    format!(
                        "it is gone, and secrets are sealed under its key {missing}. Restore it from a backup"
                    ),
                ));
            }
            make(file).map_err(at)?;
        }
        let opened = files::read_file(file).map_err(at)?;
        let data = opened.metadata().map_err(at)?;
        if data.mode() & 0o077 != 0 {
            let why = format!(
                "others may read it (mode {:o}); chmod 600 it, and rotate its key",
                data.mode() & 0o777
            );
            return Err(StoreProblem::file(file, why));
        }
        let mut text = Zeroizing::new(String::new());
        opened.take(LARGEST_FILE).read_to_string(&mut text).map_err(at)?;
        let vault = Self::of(&text).map_err(|why| StoreProblem::file(file, why))?;
        vault.has(used).map_err(|why| StoreProblem::file(file, why))?;
        Ok(vault)
    }

    /// The keys of a text: one a line, the first for what is sealed from now on, the others for what was.
    ///
    /// # Errors
    /// In words that do not repeat it, when it holds no key or a short one.
    pub fn of(text: &str) -> Result<Self, String> {
        let mut vault = Self { current: String::new(), keys: BTreeMap::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.len() < SHORTEST {
                return Err(format!("a key has {} characters; the least is {SHORTEST}", line.len()));
            }
            let id = hex(&derived::<8>(line, b"openai-proxy vault key id")?);
            let key = derived::<KEY>(line, b"openai-proxy vault key")?;
            if vault.keys.is_empty() {
                vault.current.clone_from(&id);
            }
            vault.keys.insert(id, Zeroizing::new(key.to_vec()));
        }
        if vault.keys.is_empty() { Err("it holds no key".to_owned()) } else { Ok(vault) }
    }

    /// A key that goes with the process, for what is kept in memory only.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn of_this_process() -> Result<Self, StoreProblem> {
        Self::of(random()?.expose()).map_err(StoreProblem::Secret)
    }

    /// Whether all keys that are used are here.
    ///
    /// # Errors
    /// Which is not.
    pub fn has(&self, used: &[String]) -> Result<(), String> {
        match used.iter().find(|id| !self.keys.contains_key(*id)) {
            Some(missing) => {
                Err(format!("it lacks the key {missing}, under which secrets are sealed. Add its line again"))
            }
            None => Ok(()),
        }
    }

    /// The id of the key under which secrets are sealed from now on.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Seals a secret under a name.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn seal(&self, name: &str, secret: &str) -> Result<Sealed, StoreProblem> {
        let id = uuid::Uuid::now_v7().to_string();
        let mut key = Zeroizing::new(vec![0; KEY]);
        rand::fill(&mut key).map_err(|_unspecified| failed("no random numbers"))?;
        let sealed = hex(&close(&key, &place("sealed", &id, name), secret.as_bytes())?);
        let wrapped_key = hex(&close(self.key(&self.current)?, &place("wrapped_key", &id, name), &key)?);
        let (name, key_id) = (name.to_owned(), self.current.clone());
        let changed_us = clock::now_us();
        Ok(Sealed { id, name, key_id, wrapped_key, sealed, last_four: last_four(secret), changed_us })
    }

    /// Opens one.
    ///
    /// # Errors
    /// When its key is not here, or it was changed or moved.
    pub fn unseal(&self, row: &Sealed) -> Result<Opened, StoreProblem> {
        let key = self.unwrap_key(row)?;
        open(&key, &place("sealed", &row.id, &row.name), bytes(&row.sealed)?).map(Opened)
    }

    /// The same secret under the current key; `None`: it is.
    ///
    /// # Errors
    /// When its key is not here, or it was changed or moved.
    pub fn rewrap(&self, row: &Sealed) -> Result<Option<Sealed>, StoreProblem> {
        if row.key_id == self.current {
            return Ok(None);
        }
        let key = self.unwrap_key(row)?;
        let place = place("wrapped_key", &row.id, &row.name);
        let wrapped_key = hex(&close(self.key(&self.current)?, &place, &key)?);
        Ok(Some(Sealed { key_id: self.current.clone(), wrapped_key, ..row.clone() }))
    }

    fn unwrap_key(&self, row: &Sealed) -> Result<Zeroizing<Vec<u8>>, StoreProblem> {
        let place = place("wrapped_key", &row.id, &row.name);
        open(self.key(&row.key_id)?, &place, bytes(&row.wrapped_key)?)
    }

    fn key(&self, id: &str) -> Result<&[u8], StoreProblem> {
        let key = self.keys.get(id).map(|key| key.as_slice());
        key.ok_or_else(|| StoreProblem::Secret(format!("it is sealed under the key {id}, which is not here: gateways of one database need the same `storage.encryption_key`")))
    }
}

/// Makes a key file, whole or not at all. Where another process has just made one, that one is it.
fn make(file: &Path) -> std::io::Result<()> {
    let folder = files::folder_of(file);
    files::private_folder(folder)?;
    let mut key = Zeroizing::new(vec![0; KEY]);
    rand::fill(&mut key).map_err(|_unspecified| std::io::Error::other("no random numbers"))?;
    let beside = folder.join(format!("{}.new", uuid::Uuid::now_v7()));
    let mut new = files::private_file(&beside, Open::New)?;
    let written = new.write_all(format!("{}\n", hex(&key)).as_bytes()).and_then(|()| new.sync_all());
    // A link is not made where something is already, as a rename would be.
    let placed = written.and_then(|()| std::fs::hard_link(&beside, file));
    let _ = std::fs::remove_file(&beside);
    match placed {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        // Lost with the power, it would take every secret along.
        Ok(()) => std::fs::File::open(folder)?.sync_all(),
        failed => failed,
    }
}

/// A new secret nobody knows.
pub(crate) fn random() -> Result<Opened, StoreProblem> {
    let mut key = Zeroizing::new(vec![0; KEY]);
    rand::fill(&mut key).map_err(|_unspecified| failed("no random numbers"))?;
    Ok(Opened(Zeroizing::new(hex(&key).into_bytes())))
}

/// How the names begin of secrets that have none of their own.
const AFTER_ITSELF: &str = "value-";

/// A name by which a secret is told apart: the same for the same one, and nothing to whoever lacks the key.
pub(crate) fn name_of(key: &str, plain: &str) -> String {
    format!("{AFTER_ITSELF}{}", told_apart(key, plain))
}

/// A word for a text: the same for the same one, and nothing to whoever lacks the key.
pub(crate) fn told_apart(key: &str, plain: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let mut word = hex(hmac::sign(&key, plain.as_bytes()).as_ref());
    word.truncate(32);
    word
}

/// Whether a secret is known by such a name: somebody else's, and none the house makes for itself.
pub fn is_named_after_itself(name: &str) -> bool {
    name.starts_with(AFTER_ITSELF)
}

/// What a secret is bound to.
fn place(column: &str, row: &str, name: &str) -> Vec<u8> {
    [TABLE, column, row, name].join("\0").into_bytes()
}

fn last_four(secret: &str) -> String {
    /// A shorter one would be known by half.
    const LONG_ENOUGH: usize = 16;
    let count = secret.chars().count();
    if count < LONG_ENOUGH { String::new() } else { secret.chars().skip(count - 4).collect() }
}

pub(crate) fn failed(what: &str) -> StoreProblem {
    StoreProblem::Secret(what.to_owned())
}

fn changed() -> StoreProblem {
    failed("it was changed, or moved from another row")
}

/// What stands in a row as text.
fn bytes(text: &str) -> Result<Vec<u8>, StoreProblem> {
    unhex(text).ok_or_else(changed)
}

/// Seals something, bound to its place: the nonce, and what is sealed.
pub(crate) fn close(key: &[u8], place: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreProblem> {
    let broken = |_unspecified| failed("it cannot be sealed");
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(broken)?;
    let mut bytes = plain.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(place), &mut bytes).map_err(broken)?;
    Ok([nonce.as_ref().as_slice(), &bytes].concat())
}

/// Opens it again.
pub(crate) fn open(key: &[u8], place: &[u8], sealed: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, StoreProblem> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_unspecified| changed())?;
    let mut sealed = Zeroizing::new(sealed);
    let (nonce, rest) = sealed.split_at_mut_checked(NONCE).ok_or_else(changed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_unspecified| changed())?;
    let length = key.open_in_place(nonce, Aad::from(place), rest).map_err(|_unspecified| changed())?.len();
    sealed.drain(..NONCE);
    sealed.truncate(length);
    Ok(sealed)
}

/// A key of that length from a line of a key file.
fn derived<const N: usize>(line: &str, purpose: &[u8]) -> Result<[u8; N], String> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"openai-proxy").extract(line.as_bytes());
    let filled = secret.expand(&[purpose], Length(N)).and_then(|material| material.fill(&mut out));
    filled.map(|()| out).map_err(|_unspecified| "no key can be made of it".to_owned())
}
