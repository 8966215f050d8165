//! Floor 2: one request from the door to the bill.
//!
//! `serve.rs` is the line; the folders are its stages, in the order a request meets them. A stage may use what earlier
//! stages made, never what later ones do, and only the line calls them (`cargo xtask tidy`).

pub mod account;
mod admit;
mod catalogue;
pub mod error;
mod explain;
mod front;
mod identify;
mod intake;
pub mod life;
pub mod listen;
mod listing;
mod mock;
mod observe;
mod relay;
mod route;
mod serve;
mod spawn;
mod upstream;

use std::sync::Arc;

use arc_swap::ArcSwap;
use config::Snapshot;

use account::Ledger;
use catalogue::Catalogue;
pub use explain::{Explanation, Place, Question, Refused, Way};
use life::Life;
use observe::Metrics;
pub use route::Reason;
use upstream::Client;
pub use upstream::inspect::Inspector;
pub use upstream::probe::{Sighting, look_around};
pub use upstream::visit::{Visit, VisitProblem, Visitor};

/// What all calls of one worker share. Each worker has its own upstream client, so that no lock crosses cores on the
/// way of a request; everything else is the whole house's.
pub struct Gateway {
    world: Arc<ArcSwap<Snapshot>>,
    catalogue: Arc<Catalogue>,
    ledger: Ledger,
    metrics: Arc<Metrics>,
    life: Arc<Life>,
    client: Client,
}

impl Gateway {
    /// The configuration of this moment. A call takes it once, at the door.
    pub fn world(&self) -> Arc<Snapshot> {
        self.world.load_full()
    }

    /// A second view of the same house with a client of its own, for another worker.
    fn for_worker(&self) -> Self {
        Self {
            world: self.world.clone(),
            catalogue: self.catalogue.clone(),
            ledger: self.ledger.clone(),
            metrics: self.metrics.clone(),
            life: self.life.clone(),
            client: Client::new(),
        }
    }

    /// The gateway for a configuration, with records going into these books.
    pub fn new(world: Snapshot, books: Arc<store::Books>) -> Self {
        let metrics = Arc::new(Metrics::new(&world));
        Self {
            world: Arc::new(ArcSwap::from_pointee(world)),
            catalogue: Arc::new(Catalogue::default()),
            ledger: Ledger::start(books, metrics.clone()),
            metrics,
            life: Arc::new(Life::default()),
            client: Client::new(),
        }
    }

    /// Publishes another configuration: calls that have begun keep theirs. Only `control::apply` calls this.
    pub fn publish(&self, world: Snapshot) {
        self.metrics.describe(&world);
        self.world.store(Arc::new(world));
    }

    /// Asks the providers that have not said which models they have, as the first call that needs to know does.
    pub async fn ask_for_models(&self) {
        upstream::discover::refresh(self, &self.world(), None).await;
    }

    /// Whether the house is open, closing or closed, and how many calls are running.
    pub fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// Waits until every record handed in so far is written.
    pub async fn flush(&self) {
        self.ledger.flush(false).await;
    }

    /// The same at the very end: nothing is written any more.
    pub async fn close_books(&self) {
        self.ledger.flush(true).await;
    }
}
