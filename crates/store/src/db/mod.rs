//! Where rows go. A closed set, matched here and nowhere else.

mod engine;
pub mod foreign;
mod memory;
mod migrations;
mod postgres;
pub mod query;
mod secrets;
pub(crate) mod sqlite;
mod statements;

use std::path::PathBuf;

pub use memory::Memory;
pub use postgres::Postgres;
pub use query::{Cursor, Filter, Hour, Page};
pub use secrets::Shown;
pub use sqlite::Sqlite;

use crate::problem::StoreProblem;
use crate::usage_record::UsageRecord;

/// Which database is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// None: the newest rows, for the life of the process.
    Memory,
    /// A file.
    Sqlite(PathBuf),
    /// A server, by its URL, which may hold a password.
    Postgres(String),
}

/// The database in use.
#[derive(Debug)]
pub enum Db {
    /// The newest rows, in memory, gone with the process.
    Memory(Memory),
    /// A file on this computer.
    Sqlite(Sqlite),
    /// A server.
    Postgres(Postgres),
}

/// How a database is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Health {
    /// What contradicts itself in it; empty: nothing, or nobody looked.
    pub damages: Vec<String>,
    /// Its size.
    pub bytes: u64,
    /// Of that, what a vacuum would give back, as far as it is known.
    pub free_bytes: u64,
    /// Tables and how many rows they have.
    pub tables: Vec<(String, u64)>,
    /// The steps it has taken: version, name, when (microseconds since 1970).
    pub versions: Vec<(i64, String, u64)>,
}

/// Rows kept in memory: some megabytes.
const IN_MEMORY: usize = 10_000;

impl Db {
    /// Opens a database and brings it up to this version. One that is merely away is opened when it comes back. Blocks, on
    /// a thread of its own, so that it may be called from anywhere.
    ///
    /// # Errors
    /// When it is newer, somebody else's, damaged, or no place for a file.
    pub fn open(place: &Place) -> Result<Self, StoreProblem> {
        match place {
            Place::Memory => Ok(Self::Memory(Memory::new(IN_MEMORY))),
            Place::Sqlite(path) => Sqlite::open(path).map(Self::Sqlite),
            Place::Postgres(url) => Postgres::open(url).map(Self::Postgres),
        }
    }

    /// Writes records that are not there yet, all or none, and returns how many were new.
    ///
    /// # Errors
    /// When the database is away, or has turned out not to be ours to write.
    pub async fn append(&self, mut batch: Vec<UsageRecord>) -> Result<usize, StoreProblem> {
        batch.iter_mut().for_each(UsageRecord::fit);
        match self {
            Self::Memory(memory) => Ok(memory.append(batch)),
            Self::Sqlite(sqlite) => sqlite.append(batch).await,
            Self::Postgres(postgres) => postgres.append(batch).await,
        }
    }

    /// The same from a thread that may block.
    ///
    /// # Errors
    /// The same.
    pub fn append_now(&self, batch: Vec<UsageRecord>) -> Result<usize, StoreProblem> {
        match self {
            Self::Memory(memory) => Ok(memory.append(batch)),
            Self::Sqlite(sqlite) => sqlite.engine().wait(self.append(batch)),
            Self::Postgres(postgres) => postgres.engine().wait(self.append(batch)),
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
        let limit = limit.clamp(1, query::LARGEST_PAGE);
        match self {
            Self::Memory(memory) => Ok(memory.page(filter, after, limit)),
            Self::Sqlite(sqlite) => sqlite.page(filter, after, limit).await,
            Self::Postgres(postgres) => postgres.page(filter, after, limit).await,
        }
    }

    /// The sums of the hours that begin in a span of time.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn hours(&self, from_us: u64, until_us: u64) -> Result<Vec<Hour>, StoreProblem> {
        match self {
            Self::Memory(memory) => Ok(memory.hours(from_us, until_us)),
            Self::Sqlite(sqlite) => sqlite.hours(from_us, until_us).await,
            Self::Postgres(postgres) => postgres.hours(from_us, until_us).await,
        }
    }

    /// How it is; `thorough` looks every page through.
    ///
    /// # Errors
    /// When it is away.
    pub async fn health(&self, thorough: bool) -> Result<Health, StoreProblem> {
        match self {
            Self::Memory(_) => Ok(Health::default()),
            Self::Sqlite(sqlite) => sqlite.health(thorough).await,
            Self::Postgres(postgres) => postgres.health().await,
        }
    }

    /// Gives back the room of what was deleted.
    ///
    /// # Errors
    /// When it is away, or in use all the time.
    pub async fn vacuum(&self) -> Result<(), StoreProblem> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sqlite(sqlite) => sqlite.vacuum().await,
            Self::Postgres(postgres) => postgres.vacuum().await,
        }
    }

    /// Deletes the records of calls that began before this time, a piece at a time, so that others write in between. Sums of
    /// hours stay. Returns how many.
    ///
    /// # Errors
    /// When it is away. What was deleted stays deleted.
    pub async fn prune(&self, before_us: u64) -> Result<u64, StoreProblem> {
        let mut all = 0;
        loop {
            let piece = match self {
                Self::Memory(_) => 0,
                Self::Sqlite(sqlite) => sqlite.prune(before_us).await?,
                Self::Postgres(postgres) => postgres.prune(before_us).await?,
            };
            if piece == 0 {
                return Ok(all);
            }
            all += piece;
        }
    }

    /// Whether rows outlast the process.
    pub fn outlasts_the_process(&self) -> bool {
        !matches!(self, Self::Memory(_))
    }
}

/// What an error of a driver means: whether waiting may help.
fn problem_of(place: &str, error: &sqlx::Error) -> StoreProblem {
    /// SQLite's words for a file that is no database, and for one whose pages contradict each other (sqlite3.h: primary
    /// codes 11 and 26, in the low byte).
    const DAMAGED: [i64; 2] = [11, 26];
    let sqlite = error.as_database_error().and_then(|error| error.code());
    let primary = sqlite.and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff);
    // Five digits or letters are a code of Postgres, which is never damaged in this sense.
    if !place.starts_with("postgres") && primary.is_some_and(|code| DAMAGED.contains(&code)) {
        return StoreProblem::Damaged { place: place.to_owned(), why: error.to_string() };
    }
    StoreProblem::Away(error.to_string())
}
