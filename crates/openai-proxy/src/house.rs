//! The house: built, run, taken down. Tests build the very same one, on port 0.

use std::net::SocketAddr;
use std::sync::Arc;

use config::snapshot::{Database, Storage};
use config::{Given, Problem, Problems, Snapshot};
use gateway::Gateway;
use gateway::life::State;
use gateway::listen::{self, DoorProblem, Doors};
use store::db::Filter;
use store::{Books, Place, StoreProblem, UsageRecord};

use crate::chores;
use crate::screen::{self, View};
use crate::search::Search;

/// Records kept in memory: some megabytes.
const RECORDS: usize = 10_000;

/// A running gateway.
pub struct House {
    gateway: Gateway,
    doors: Doors,
    books: Arc<Books>,
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

impl House {
    /// Builds a house from a checked configuration and opens its books and doors.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn build(world: Snapshot) -> Result<Self, BuildProblem> {
        let books = Arc::new(books(&world.storage).map_err(BuildProblem::Store)?);
        let gateway = Gateway::new(world, books.clone());
        let doors = listen::open(&gateway).map_err(BuildProblem::Door)?;
        chores::start(&gateway, books.clone());
        Ok(Self { gateway, doors, books })
    }

    /// The configuration in use at this moment.
    pub fn world(&self) -> Arc<Snapshot> {
        self.gateway.world()
    }

    /// Where it listens, with real ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.doors.addresses
    }

    /// Where the admin door is, if it is apart.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.doors.admin
    }

    /// What a person wants to know of it; `seen` is what a search of this computer brought.
    pub(crate) fn view(&self, seen: Option<&Search>) -> View {
        let mut view = screen::view(&self.gateway, self.addresses(), seen);
        view.admin = self.admin().map(|address| format!("http://{address}/metrics"));
        view
    }

    /// Reads the configuration anew.
    ///
    /// # Errors
    /// Every problem found; the running configuration is then untouched.
    pub fn reload(&self, given: &Given) -> Result<Vec<Problem>, Problems> {
        control::apply(&self.gateway, given).map(|applied| applied.notes)
    }

    /// Not ready any more; running calls finish.
    pub fn drain(&self) {
        self.gateway.life().become_state(State::Draining);
    }

    /// Everything ends now.
    pub fn close(&self) {
        self.gateway.life().become_state(State::Closed);
    }

    /// A handle that closes the house from elsewhere.
    pub fn closer(&self) -> impl Fn() + Send + 'static {
        let life = self.gateway.life().clone();
        move || life.become_state(State::Closed)
    }

    /// How many calls are running.
    pub fn calls(&self) -> usize {
        self.gateway.life().calls()
    }

    /// The newest usage records, written up to this moment, newest last.
    pub async fn records(&self) -> Vec<UsageRecord> {
        self.gateway.flush().await;
        let page = self.books.db.page(&Filter::default(), None, RECORDS).await;
        let mut records = page.map(|page| page.records).unwrap_or_default();
        records.reverse();
        records
    }

    /// Waits until the doors are closed and the books are written. Blocks.
    pub fn wait(self) {
        self.doors.wait();
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            runtime.block_on(self.gateway.close_books());
        }
    }
}
