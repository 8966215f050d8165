//! Where rows go. A closed set, matched here and nowhere else.

#[macro_use]
mod ask;
mod audit;
mod chores;
mod engine;
pub mod foreign;
mod memory;
mod migrations;
mod once;
mod postgres;
pub mod query;
mod responses;
mod revisions;
mod secrets;
pub(crate) mod sqlite;
mod standings;
mod statements;
mod usage;

use std::path::PathBuf;
use std::sync::OnceLock;

pub use query::{Cursor, Filter, Hour, Page};
pub use secrets::Shown;
pub use standings::Whence;

use memory::Memory;
use postgres::Postgres;
use sqlite::Sqlite;

use crate::audit::AuditKey;
use crate::chore::Chore;
use crate::problem::StoreProblem;

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
pub struct Db {
    base: Base,
    /// What the hashes of the audit are made with.
    audit_key: OnceLock<AuditKey>,
}

/// Where its rows are.
#[derive(Debug)]
enum Base {
    /// The newest rows, in memory, gone with the process.
    Memory(Box<Memory>),
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
    /// The revisions of the configuration it has, if any.
    pub history: Option<History>,
    /// What was done to it now and then.
    pub chores: Vec<Chore>,
}

/// From which revision of the configuration to which.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct History {
    /// The number of the oldest one.
    pub oldest: u64,
    /// When it was made, microseconds since 1970.
    pub oldest_us: u64,
    /// The number of the newest one.
    pub newest: u64,
    /// When that was made.
    pub newest_us: u64,
    /// Who made it.
    pub actor: String,
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
            Place::Memory => Ok(Self::in_memory(IN_MEMORY)),
            Place::Sqlite(path) => Sqlite::open(path).map(Base::Sqlite).map(Self::on),
            Place::Postgres(url) => Postgres::open(url).map(Base::Postgres).map(Self::on),
        }
    }

    /// The newest `rows` usage records, and what else there is, for the life of the process.
    pub fn in_memory(rows: usize) -> Self {
        Self::on(Base::Memory(Box::new(Memory::new(rows))))
    }

    fn on(base: Base) -> Self {
        Self { base, audit_key: OnceLock::new() }
    }

    /// The file it is in, if it is in one.
    pub(crate) fn file(&self) -> Option<&Sqlite> {
        match &self.base {
            Base::Sqlite(sqlite) => Some(sqlite),
            Base::Memory(_) | Base::Postgres(_) => None,
        }
    }

    /// How it is; `thorough` looks every page through.
    ///
    /// # Errors
    /// When it is away.
    pub async fn health(&self, thorough: bool) -> Result<Health, StoreProblem> {
        match &self.base {
            Base::Memory(_) => Ok(Health::default()),
            Base::Sqlite(sqlite) => sqlite.health(thorough).await,
            Base::Postgres(postgres) => postgres.health().await,
        }
    }

    /// Gives back the room of what was deleted.
    ///
    /// # Errors
    /// When it is away, or in use all the time.
    pub async fn vacuum(&self) -> Result<(), StoreProblem> {
        match &self.base {
            Base::Memory(_) => Ok(()),
            Base::Sqlite(sqlite) => sqlite.vacuum().await,
            Base::Postgres(postgres) => postgres.vacuum().await,
        }
    }

    /// Whether a vacuum gives back enough to be worth it. A file is written anew, wholly, and takes no records meanwhile, so it has to
    /// have holes; a server does it beside everything else, and is taken at its word that it finds nothing to do.
    ///
    /// # Errors
    /// When it is away.
    pub async fn is_worth_a_vacuum(&self) -> Result<bool, StoreProblem> {
        match &self.base {
            Base::Memory(_) => Ok(false),
            Base::Sqlite(sqlite) => sqlite.has_holes().await,
            Base::Postgres(_) => Ok(true),
        }
    }

    /// How large it is.
    ///
    /// # Errors
    /// When it is away.
    pub async fn bytes(&self) -> Result<u64, StoreProblem> {
        match &self.base {
            Base::Memory(_) => Ok(0),
            Base::Sqlite(sqlite) => sqlite.bytes().await,
            Base::Postgres(postgres) => postgres.bytes().await,
        }
    }

    /// How large the log is that a file has beside it; it grows as long as somebody reads.
    pub fn log_bytes(&self) -> Option<u64> {
        let log = PathBuf::from(format!("{}-wal", self.file()?.path().display()));
        std::fs::metadata(log).ok().map(|data| data.len())
    }

    /// Whether rows outlast the process.
    pub fn outlasts_the_process(&self) -> bool {
        !matches!(self.base, Base::Memory(_))
    }
}

/// What an error of a driver means: whether waiting may help.
fn problem_of(place: &str, error: &sqlx::Error) -> StoreProblem {
    /// SQLite's words for a file that is no database, and for one whose pages contradict each other (sqlite3.h: primary
    /// codes 11 and 26, in the low byte).
    const DAMAGED: [i64; 2] = [11, 26];
    /// SQLite's words for a disk that failed: reading (266, 522), writing (778), syncing (1034, 1290), cutting (1546).
    const FAILED: [i64; 6] = [266, 522, 778, 1034, 1290, 1546];
    let code = error.as_database_error().and_then(|error| error.code());
    // Five digits or letters are a code of Postgres, which is neither in this sense.
    let code = code.filter(|_| !place.starts_with("postgres")).and_then(|code| code.parse::<i64>().ok());
    let (place_of, why) = (|| place.to_owned(), || error.to_string());
    if code.is_some_and(|code| DAMAGED.contains(&(code & 0xff))) {
        return StoreProblem::Damaged { place: place_of(), why: why() };
    }
    if code.is_some_and(|code| FAILED.contains(&code)) {
        return StoreProblem::Suspect { place: place_of(), why: why() };
    }
    StoreProblem::Away(error.to_string())
}
