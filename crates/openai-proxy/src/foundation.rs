//! What a house stands on: its books, and what they remember of the configuration.

use std::future::Future;
use std::sync::Arc;

use config::snapshot::{Database, Storage};
use config::{Given, Problems};
use control::Remembered;
use gateway::listen::DoorProblem;
use store::{Books, Place, StoreProblem};

/// Records kept in memory: some megabytes.
pub(crate) const RECORDS: usize = 10_000;

/// Why a house could not be built.
#[derive(Debug)]
pub enum BuildProblem {
    /// The configuration is refused: exit 78.
    Config(Problems),
    /// The database must not be used as it is: exit 78, for starting again does not help.
    Store(StoreProblem),
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
    pub fn lay(mut given: Given) -> Result<Self, BuildProblem> {
        let storage = config::storage(&given).map_err(BuildProblem::Config)?;
        let books = Arc::new(books(&storage).map_err(BuildProblem::Store)?);
        let remembered = apart(Remembered::read(&books, storage, &mut given)).map_err(BuildProblem::Store)?;
        Ok(Self { books, given, remembered })
    }
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

/// Where records are kept.
fn books(storage: &Storage) -> Result<Books, StoreProblem> {
    let place = match &storage.database {
        Database::Memory => return Ok(Books::in_memory(RECORDS)),
        Database::Nowhere => {
            tracing::warn!(
                "usage records are kept in memory only and go with this process: neither STATE_DIRECTORY nor HOME says where a file could be"
            );
            return Ok(Books::in_memory(RECORDS));
        }
        Database::File(path) => Place::Sqlite(path.clone()),
        Database::Postgres(url) => Place::Postgres(url.expose().to_owned()),
    };
    match Books::open(&place, &storage.spool) {
        Err(problem @ StoreProblem::File { .. }) if !storage.written => {
            tracing::warn!("usage records are kept in memory only and go with this process: {problem}");
            Ok(Books::in_memory(RECORDS))
        }
        opened => opened,
    }
}
