//! Requests that are to be done once, in a database.

use super::Db;
use crate::idempotency::{Once, OnceKey};
use crate::problem::StoreProblem;
use crate::text;

impl Db {
    /// Whether a request is to be done, which the one who is told so then does: the others are told that it is being done,
    /// until it is finished or forgotten, or its time is over.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin_once(&self, key: &OnceKey, now_us: u64, until_us: u64) -> Result<Once, StoreProblem> {
        // By itself, for it is no harm if it fails.
        let _ = ask!(self, write, |memory| memory.once().tidy(now_us), |sql, on| sql::once::tidy(on, now_us));
        let key = key.clone();
        ask!(self, write, |memory| memory.once().begin(&key, until_us), |sql, on| sql::once::begin(
            on, &key, now_us, until_us
        ))
    }

    /// Keeps the answer of a request that was begun, for those who send it again.
    ///
    /// # Errors
    /// When the database is away, or the body does not come back as it is.
    pub async fn finish_once(&self, key: &OnceKey, status: u16, body: &str) -> Result<(), StoreProblem> {
        text::kept_as_it_is(body)?;
        let (key, body) = (key.clone(), body.to_owned());
        ask!(self, write, |memory| memory.once().finish(&key, status, body), |sql, on| sql::once::finish(
            on, &key, status, &body
        ))
    }

    /// Lets a request that was begun be sent again: it has failed.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn forget_once(&self, key: &OnceKey) -> Result<(), StoreProblem> {
        let key = key.clone();
        ask!(self, write, |memory| memory.once().forget(&key), |sql, on| sql::once::forget(on, &key))
    }
}
