//! What a house stands on: its books, and what they remember of the configuration.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use config::snapshot::{Database, Storage};
use config::{Given, Problem, Problems, Stored};
use control::Remembered;
use gateway::listen::DoorProblem;
use store::{Books, Db, Place, StoreProblem};

use crate::predecessor::{self, Unread};
use crate::report::Report;

/// Records kept in memory: some megabytes.
pub(crate) const RECORDS: usize = 10_000;

/// Why a house could not be built.
#[derive(Debug)]
pub enum BuildProblem {
    /// The configuration is refused: exit 78.
    Config(Problems),
    /// The database must not be used as it is: exit 78, for starting again does not help.
    Store(StoreProblem),
    /// What an older program left cannot be read, and somebody named it: exit 1.
    Left(Unread),
    /// A door cannot be opened: exit 1.
    Door(DoorProblem),
}

/// Laid before the house is built: only then is known what the configuration is.
pub struct Foundation {
    pub(crate) books: Arc<Books>,
    /// What the configuration is read from, with what was changed at run time.
    pub(crate) given: Given,
    pub(crate) remembered: Remembered,
}

impl Foundation {
    /// Opens the books that are written where `given` says, and reads what they remember. Blocks, on a thread of its own,
    /// so that it may be called from anywhere.
    ///
    /// # Errors
    /// When files do not say where the books are, they must not be used as they are, or they cannot be read.
    pub fn lay(given: Given) -> Result<Self, BuildProblem> {
        Self::with(given, left_behind)
    }

    /// The same, with what is taken over where nothing is recorded yet.
    ///
    /// # Errors
    /// As for [`Foundation::lay`], and when that cannot be read.
    pub(crate) fn with(
        mut given: Given,
        left: impl FnOnce(&Given) -> Result<Vec<Stored>, BuildProblem>,
    ) -> Result<Self, BuildProblem> {
        let storage = config::storage(&given).map_err(BuildProblem::Config)?;
        let books = Arc::new(books(&storage).map_err(BuildProblem::Store)?);
        let mut remembered =
            apart(Remembered::read(&books, storage, &mut given)).map_err(BuildProblem::Store)?;
        if remembered.nothing() && books.db.outlasts_the_process() {
            remembered = remembered.with(left(&given)?);
        }
        Ok(Self { books, given, remembered })
    }

    /// What the configuration is read from at first: with what is still to be taken over.
    pub(crate) fn given(&self) -> Given {
        let mut given = self.given.clone();
        given.stored.extend_from_slice(self.remembered.left());
        given
    }
}

/// The problems of a configuration; where what was changed at run time makes them, with the way out.
pub(crate) fn problems(given: &Given, mut problems: Problems) -> Problems {
    if config::load(&given.without_changes()).is_ok() {
        problems.0.push(Problem {
            path: String::new(),
            place: None,
            what: "Files alone are in order: this was set at run time and does not fit them any more."
                .to_owned(),
            fix: Some("Let the files count again: openai-proxy config reset PATH --offline".to_owned()),
        });
    }
    problems
}

/// What is given, with what was changed at run time, for a command that only looks. A database that is not there holds
/// nothing, and is not made.
///
/// # Errors
/// In words, when it is there and cannot be read.
pub(crate) fn looked(given: &Given) -> Result<Given, String> {
    let told = |problem: StoreProblem| problem.to_string();
    let mut given = given.clone();
    let Ok(storage) = config::storage(&given) else { return Ok(given) };
    let place = match place(&storage.database) {
        Place::Memory => return Ok(given),
        Place::Sqlite(path) if !path.is_file() => return Ok(given),
        place => place,
    };
    let db = Db::open(&place).map_err(told)?;
    apart(control::look(&db, storage.key, &mut given)).map_err(told)?;
    Ok(given)
}

/// What an older program left where it would look for it itself (S3-121): taken over once, when nothing is recorded here.
fn left_behind(given: &Given) -> Result<Vec<Stored>, BuildProblem> {
    let mut report = Report::new(Path::new("older state"));
    let carried = match predecessor::carried_over(&given.environment, given.home.as_deref(), &mut report) {
        Ok(carried) if carried.rows.is_empty() && carried.off.is_empty() => return Ok(Vec::new()),
        Ok(carried) => carried,
        Err(unread) if predecessor::is_named(&given.environment) => return Err(BuildProblem::Left(unread)),
        Err(unread) => {
            tracing::warn!("{unread}");
            return Ok(Vec::new());
        }
    };
    report.told().lines().for_each(|line| tracing::warn!("taken over: {line}"));
    carried.rows(given).map_err(BuildProblem::Config)
}

/// Waits for something on a thread and a runtime made for it.
pub(crate) fn apart<T: Send>(
    work: impl Future<Output = Result<T, StoreProblem>> + Send,
) -> Result<T, StoreProblem> {
    let lost = |why: &str| StoreProblem::Away(format!("there is no thread for it: {why}"));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| lost(&error.to_string()))?.block_on(work)
        });
        waiting.join().unwrap_or_else(|_panic| Err(lost("it has ended early")))
    })
}

/// Where a database is.
pub(crate) fn place(database: &Database) -> Place {
    match database {
        Database::Memory | Database::Nowhere => Place::Memory,
        Database::File(path) => Place::Sqlite(path.clone()),
        Database::Postgres(url) => Place::Postgres(url.expose().to_owned()),
    }
}

/// Where records are kept.
fn books(storage: &Storage) -> Result<Books, StoreProblem> {
    if storage.database == Database::Nowhere {
        tracing::warn!(
            "usage records are kept in memory only and go with this process: neither STATE_DIRECTORY nor HOME says where a file could be"
        );
    }
    let place = place(&storage.database);
    if place == Place::Memory {
        return Ok(Books::in_memory(RECORDS));
    }
    match Books::open(&place, &storage.spool) {
        Err(problem @ StoreProblem::File { .. }) if !storage.written => {
            tracing::warn!("usage records are kept in memory only and go with this process: {problem}");
            Ok(Books::in_memory(RECORDS))
        }
        opened => opened,
    }
}
