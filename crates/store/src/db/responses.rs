//! Answers that are kept for callers, in a database.

use std::sync::Arc;

use super::Db;
use crate::problem::StoreProblem;
use crate::responses::{KeptResponse, ResponsesKey, Row};

impl Db {
    /// Keeps answers, all or none; what they go on with is kept as long as they are.
    ///
    /// # Errors
    /// When one cannot be sealed, or the database is away.
    pub async fn keep_responses(
        &self,
        key: &ResponsesKey,
        kept: &[Arc<KeptResponse>],
    ) -> Result<(), StoreProblem> {
        let rows: Vec<Row> = kept.iter().map(|one| key.seal(one)).collect::<Result<_, _>>()?;
        ask!(self, write, |memory| memory.responses().keep(rows), |sql, on| sql::responses::keep(on, &rows))
    }

    /// An answer and all it goes on with, newest first; empty: there is none, or not all of that.
    ///
    /// # Errors
    /// When one was changed, or the database is away.
    pub async fn conversation(
        &self,
        key: &ResponsesKey,
        (owner, id): (&str, &str),
        now_us: u64,
    ) -> Result<Vec<KeptResponse>, StoreProblem> {
        let (whose, id) = (key.owner(owner), id.to_owned());
        let rows = ask!(self, read, |memory| memory.responses().line(&whose, &id, now_us), |sql, on| {
            sql::responses::line(on, &whose, &id, now_us)
        })?;
        if rows.last().is_none_or(|first| first.previous.is_some()) {
            return Ok(Vec::new());
        }
        rows.into_iter().map(|row| key.open(row, owner)).collect()
    }

    /// One answer.
    ///
    /// # Errors
    /// When it was changed, or the database is away.
    pub async fn kept_response(
        &self,
        key: &ResponsesKey,
        (owner, id): (&str, &str),
        now_us: u64,
    ) -> Result<Option<KeptResponse>, StoreProblem> {
        let (whose, id) = (key.owner(owner), id.to_owned());
        let row = ask!(self, read, |memory| memory.responses().one(&whose, &id, now_us), |sql, on| {
            sql::responses::one(on, &whose, &id, now_us)
        })?;
        row.map(|row| key.open(row, owner)).transpose()
    }

    /// Takes an answer away; whether it was there.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn remove_response(
        &self,
        key: &ResponsesKey,
        (owner, id): (&str, &str),
    ) -> Result<bool, StoreProblem> {
        let (whose, id) = (key.owner(owner), id.to_owned());
        ask!(self, write, |memory| memory.responses().remove(&whose, &id), |sql, on| {
            sql::responses::remove(on, &whose, &id)
        })
    }

    /// Takes away what is not to be kept any longer, and of the rest those that were used longest ago, until no more than `most`
    /// bytes are left. How many went.
    ///
    /// # Errors
    /// When the database is away. What was deleted stays deleted.
    pub async fn prune_responses(&self, now_us: u64, most: u64) -> Result<u64, StoreProblem> {
        ask!(self, write, |memory| memory.responses().prune(now_us, most), |sql, on| {
            sql::responses::prune(on, now_us, most)
        })
    }
}
