//! The house: built, run, taken down. Tests build the very same one, on port 0.

use std::net::SocketAddr;
use std::sync::Arc;

use config::snapshot::Source;
use config::{Given, Snapshot};
use control::Control;
use control::api::Api;
use gateway::Gateway;
use gateway::life::State;
use gateway::listen::{self, Doors};
use gateway::office::Office;
use store::db::Filter;
use store::{Books, UsageRecord};

use crate::chores;
use crate::foundation::{self, BuildProblem, Foundation, RECORDS};
use crate::screen::{self, View};
use crate::search::Search;
use crate::watch;

/// A running gateway.
pub struct House {
    gateway: Arc<Gateway>,
    doors: Doors,
    books: Arc<Books>,
    control: Control,
    /// Held for the gateway, which only knows the way to it.
    _office: Arc<dyn Office>,
}

impl House {
    /// Builds a house from whatever its configuration is read from. Servers of this computer are not looked for.
    ///
    /// # Errors
    /// When the configuration is refused, or books or doors cannot be opened.
    pub fn new(given: Given) -> Result<Self, BuildProblem> {
        let foundation = Foundation::lay(given)?;
        let loaded = {
            let given = foundation.given();
            config::load(&given)
                .map_err(|problems| BuildProblem::Config(foundation::problems(&given, problems)))?
        };
        Self::build(loaded.snapshot, foundation)
    }

    /// Builds it on its foundation, from the configuration that was checked with what the books remember, and opens its doors.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn build(world: Snapshot, foundation: Foundation) -> Result<Self, BuildProblem> {
        let Foundation { books, mut given, remembered } = foundation;
        if let Source::File(path) = &world.source {
            // This file is read again, or nothing is: never one at another place because it is away for a moment.
            given.file = Some(path.clone());
        }
        let gateway = Arc::new(Gateway::new(world, books.clone()));
        let control = Control::new(gateway.clone(), books.clone(), given, remembered);
        let office: Arc<dyn Office> = Arc::new(Api::new(control.clone()));
        gateway.open_office(&office);
        let again = async {
            if let Err(problem) = control.hear().await {
                tracing::warn!("what was said of providers by hand is not known: {problem}");
            }
            if let Err(problem) = control.recall().await {
                tracing::warn!("what was learnt of providers is not known any more: {problem}");
            }
            Ok(())
        };
        foundation::apart(again).map_err(BuildProblem::Store)?;
        let doors = listen::open(&gateway).map_err(BuildProblem::Door)?;
        chores::start(&gateway, books.clone());
        watch::start(&gateway);
        Ok(Self { gateway, doors, books, control, _office: office })
    }

    /// What may change it.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The configuration in use at this moment.
    pub fn world(&self) -> Arc<Snapshot> {
        self.gateway.world()
    }

    /// The gateway inside, for what is asked of it beside calls.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Where it listens, with real ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.doors.addresses
    }

    /// Where the admin door is, if it is apart.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.doors.admin
    }

    /// Where the door is that stands in the place of another kind of server, if there is one.
    pub fn native(&self) -> Option<SocketAddr> {
        self.doors.native
    }

    /// The ports of its doors for calls: who looks for servers of this computer does not ask there.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.addresses().iter().chain(&self.native()).map(SocketAddr::port).collect()
    }

    /// What a person wants to know of it; `seen` is what a search of this computer brought.
    pub(crate) fn view(&self, seen: Option<&Search>) -> View {
        let mut view = screen::view(&self.gateway, self.addresses(), seen);
        view.admin = self.admin().map(|address| format!("http://{address}/metrics"));
        view
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
        if let Err(problem) = foundation::apart(self.control.keep_learnt()) {
            tracing::warn!("what was learnt of providers is forgotten: {problem}");
        }
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            runtime.block_on(self.gateway.close_books());
        }
    }
}
