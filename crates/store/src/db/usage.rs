//! Usage records in a database: written in batches, read in pages.

use super::query::{Cursor, Filter, Hour, LARGEST_PAGE, Page};
use super::{Base, Db};
use crate::problem::StoreProblem;
use crate::usage_record::UsageRecord;

impl Db {
    /// Writes records that are not there yet, all or none, and returns how many were new.
    ///
    /// # Errors
    /// When the database is away, or has turned out not to be ours to write.
    pub async fn append(&self, mut batch: Vec<UsageRecord>) -> Result<usize, StoreProblem> {
        batch.iter_mut().for_each(UsageRecord::fit);
        ask!(self, write, |memory| memory.append(batch), |sql, on| sql::append::append(on, &batch))
    }

    /// The same from a thread that may block.
    ///
    /// # Errors
    /// The same.
    pub fn append_now(&self, batch: Vec<UsageRecord>) -> Result<usize, StoreProblem> {
        match &self.base {
            Base::Memory(memory) => Ok(memory.append(batch)),
            Base::Sqlite(sqlite) => sqlite.engine().wait(self.append(batch)),
            Base::Postgres(postgres) => postgres.engine().wait(self.append(batch)),
        }
    }

    /// A page of records, newest first: those that are meant and older than the cursor.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn page(
        &self,
        filter: &Filter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, StoreProblem> {
        let (filter, after, limit) = (filter.clone(), after.cloned(), limit.clamp(1, LARGEST_PAGE));
        ask!(self, read, |memory| memory.page(&filter, after.as_ref(), limit), |sql, on| sql::usage::page(
            on,
            &filter,
            after.as_ref(),
            limit
        ))
    }

    /// The sums of the hours that begin in a span of time.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn hours(&self, from_us: u64, until_us: u64) -> Result<Vec<Hour>, StoreProblem> {
        ask!(self, read, |memory| memory.hours(from_us, until_us), |sql, on| sql::usage::hours(
            on, from_us, until_us
        ))
    }

    /// Deletes the records of calls that began before this time, a piece at a time, so that others write in between. Sums of
    /// hours stay. Returns how many.
    ///
    /// # Errors
    /// When it is away. What was deleted stays deleted.
    pub async fn prune(&self, before_us: u64) -> Result<u64, StoreProblem> {
        let mut all = 0;
        loop {
            let piece = ask!(self, write, |_memory| 0, |sql, on| sql::usage::prune(on, before_us))?;
            if piece == 0 {
                return Ok(all);
            }
            all += piece;
        }
    }

    /// Deletes the sums of hours that began before this time; how many.
    ///
    /// # Errors
    /// When it is away.
    pub async fn prune_hours(&self, before_us: u64) -> Result<u64, StoreProblem> {
        ask!(self, write, |_memory| 0, |sql, on| sql::usage::prune_hours(on, before_us))
    }
}
