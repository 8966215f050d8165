//! What is remembered of chores. A database in memory has none.

use super::Db;
use crate::chore::Chore;
use crate::problem::StoreProblem;

impl Db {
    /// Those that were ever begun.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn chores(&self) -> Result<Vec<Chore>, StoreProblem> {
        ask!(self, read, |_memory| Vec::new(), |sql, on| sql::chores::all(on))
    }

    /// Says that a chore is begun, if it was last begun at `seen_us` (0: never); whether that is so. Of several gateways
    /// that share a database, one does it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin_chore(&self, name: &str, seen_us: u64, now_us: u64) -> Result<bool, StoreProblem> {
        let name = name.to_owned();
        ask!(self, write, |_memory| false, |sql, on| sql::chores::begin(on, &name, seen_us, now_us))
    }

    /// Says that one is done, and how large the database is now.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn finish_chore(&self, name: &str, now_us: u64, bytes: u64) -> Result<(), StoreProblem> {
        let name = name.to_owned();
        ask!(self, write, |_memory| (), |sql, on| sql::chores::finish(on, &name, now_us, bytes))
    }
}
