//! Answers that are kept for callers: sealed before they become rows, for they hold what people asked and were told.
//!
//! They are sealed with AES-256-GCM under one key, which is itself a secret in the vault's envelope (docs/adr/0031): changing the vault's
//! keys wraps that one anew, and no answer is touched. Each is bound to its id, its owner and the answer before it; the owner stands in
//! the row as a digest that tells nobody who it is.

use std::fmt;

use zeroize::Zeroizing;

use crate::problem::StoreProblem;
use crate::text::unhex;
use crate::vault::{self, Opened};

/// The table, for what binds an answer to its place.
const TABLE: &str = "responses";

/// An answer that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptResponse {
    /// Its id; nobody else has the same.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// The one it goes on with.
    pub previous: Option<String>,
    /// Until when it is kept, microseconds since 1970.
    pub until_us: u64,
    /// It, and what it answers.
    pub text: String,
}

/// The same as a row: nothing in it says what was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) previous: Option<String>,
    pub(crate) until_us: u64,
    pub(crate) sealed: Vec<u8>,
}

/// What answers are sealed with.
pub struct ResponsesKey {
    key: Zeroizing<Vec<u8>>,
    /// As text, for the names of owners.
    text: Zeroizing<String>,
}

impl fmt::Debug for ResponsesKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl ResponsesKey {
    /// The key a secret of the house holds, 256 bits in hexadecimal.
    ///
    /// # Errors
    /// When it holds none.
    pub(crate) fn of(secret: &Opened) -> Result<Self, StoreProblem> {
        let key = unhex(secret.expose()).filter(|key| key.len() == vault::KEY);
        let key = key.ok_or_else(|| StoreProblem::Secret("it is no key for responses".to_owned()))?;
        Ok(Self { key: Zeroizing::new(key), text: Zeroizing::new(secret.expose().to_owned()) })
    }

    /// What an owner is called in a row.
    pub(crate) fn owner(&self, owner: &str) -> String {
        vault::told_apart(&self.text, owner)
    }

    /// A row of an answer.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn seal(&self, kept: &KeptResponse) -> Result<Row, StoreProblem> {
        let owner = self.owner(&kept.owner);
        let place = place(&kept.id, &owner, kept.previous.as_deref());
        let sealed = vault::close(&self.key, &place, kept.text.as_bytes())?;
        let (id, previous, until_us) = (kept.id.clone(), kept.previous.clone(), kept.until_us);
        Ok(Row { id, owner, previous, until_us, sealed })
    }

    /// The answer of a row, which is this owner's.
    ///
    /// # Errors
    /// When it was changed, or moved from another row.
    pub(crate) fn open(&self, row: Row, owner: &str) -> Result<KeptResponse, StoreProblem> {
        let place = place(&row.id, &row.owner, row.previous.as_deref());
        let plain = vault::open(&self.key, &place, row.sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_broken| vault::failed("it is no text"))?.to_owned();
        let Row { id, previous, until_us, .. } = row;
        Ok(KeptResponse { id, owner: owner.to_owned(), previous, until_us, text })
    }
}

/// What an answer is bound to.
fn place(id: &str, owner: &str, previous: Option<&str>) -> Vec<u8> {
    [TABLE, id, owner, previous.unwrap_or_default()].join("\0").into_bytes()
}
