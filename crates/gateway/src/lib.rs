//! Floor 2: one request from the door to the bill.
//!
//! `serve.rs` is the line; the folders are its stages, in the order a request meets them. A stage may use what earlier
//! stages made, never what later ones do, and only the line calls them (`cargo xtask tidy`).

mod about;
pub mod account;
mod admit;
mod catalogue;
mod decimal;
pub mod error;
mod explain;
mod front;
mod identify;
mod intake;
pub mod life;
pub mod listen;
mod listing;
#[cfg(feature = "measured")]
pub mod measured;
mod mock;
mod observe;
pub mod office;
mod relay;
mod route;
mod serve;
mod shelf;
mod socket;
mod spawn;
mod standing;
mod stored;
pub mod tries;
mod upstream;
mod value;
mod window;

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;
use config::Snapshot;
use config::snapshot::Provider;

pub use account::statistics::{
    Counted, Errors, LastError, Latency, ProviderStatistics, Statistics, Sums, Tokens, Window,
};
use account::{Ledger, Onlookers, Windows};
use catalogue::Catalogue;
pub use explain::{ExplainedTarget, Explanation, Place, Question, Refused, Way, When};
use life::Life;
pub use observe::Ending;
use observe::Metrics;
use protocol::vendor::stock::Wish;
use route::Known;
pub use route::Reason;
use shelf::Shelf;
pub use shelf::{KeyComing, Keyring};
use standing::Register;
pub use standing::{
    BreakerWord, Drill, DrillStanding, Failure, Fault, HealthWord, KeyStanding, LONGEST_DRILL, Learnt,
    NoDrill, NoSuchProvider, Overridden, Override, OverrideKind, Standing, Standings, Summary,
    TargetStanding,
};
use tries::Tries;
use upstream::Client;
pub use upstream::alert::Delivery;
pub use upstream::inspect::Inspector;
pub use upstream::probe::{Sighting, look_around};
pub use upstream::stock::{NotStocked, Pull, PullState};
pub use upstream::verify::{Calls, Check, CheckResult, Verification, VerifyOptions};
pub use upstream::visit::{Visit, VisitProblem, Visitor};

/// What all calls of one worker share. Each worker has its own upstream client, so that no lock crosses cores on the
/// way of a request; everything else is the whole house's.
pub struct Gateway {
    world: Arc<ArcSwap<Snapshot>>,
    catalogue: Arc<Catalogue>,
    ledger: Ledger,
    metrics: Arc<Metrics>,
    windows: Arc<Windows>,
    register: Arc<Register>,
    /// Whose turn it is where calls are spread.
    turns: Arc<route::Turns>,
    /// How many tries are left.
    budget: Arc<upstream::Budget>,
    life: Arc<Life>,
    office: Arc<office::Way>,
    /// What callers have asked for lately.
    tallies: Arc<admit::Tallies>,
    /// Keys of callers that were shown and are nobody's.
    tries: Arc<Tries>,
    /// Answers that are kept for callers.
    shelf: Arc<Shelf>,
    /// Models on their way to providers.
    arrivals: Arc<upstream::stock::Arrivals>,
    client: Client,
}

impl Gateway {
    /// The configuration of this moment. A call takes it once, at the door.
    pub fn world(&self) -> Arc<Snapshot> {
        self.world.load_full()
    }

    /// The configuration of any later moment, for those who look now and then.
    pub fn worlds(&self) -> impl Fn() -> Arc<Snapshot> + Send + use<> {
        let world = self.world.clone();
        move || world.load_full()
    }

    /// A second view of the same house with a client of its own, for another worker.
    fn for_worker(&self) -> Self {
        Self {
            world: self.world.clone(),
            catalogue: self.catalogue.clone(),
            ledger: self.ledger.for_worker(),
            metrics: self.metrics.clone(),
            windows: self.windows.clone(),
            register: self.register.clone(),
            turns: self.turns.clone(),
            budget: self.budget.clone(),
            life: self.life.clone(),
            office: self.office.clone(),
            tallies: self.tallies.clone(),
            tries: self.tries.clone(),
            shelf: self.shelf.clone(),
            arrivals: self.arrivals.clone(),
            client: Client::new(),
        }
    }

    /// The gateway for a configuration, with records going into these books.
    pub fn new(world: Snapshot, books: Arc<store::Books>) -> Self {
        let metrics = Arc::new(Metrics::new(&world));
        let windows = Arc::new(Windows::new(&world));
        let register = Arc::new(Register::new(&world, metrics.waits.clone()));
        let tallies = Arc::new(admit::Tallies::new(&world));
        let onlookers =
            Onlookers { metrics: metrics.clone(), windows: windows.clone(), register: register.clone() };
        Self {
            world: Arc::new(ArcSwap::from_pointee(world)),
            catalogue: Arc::new(Catalogue::default()),
            shelf: Arc::new(Shelf::new(books.clone())),
            ledger: Ledger::start(books, onlookers),
            metrics,
            windows,
            register,
            turns: Arc::default(),
            budget: Arc::default(),
            life: Arc::new(Life::default()),
            office: Arc::default(),
            tallies,
            tries: Arc::default(),
            arrivals: Arc::default(),
            client: Client::new(),
        }
    }

    /// Publishes another configuration: calls that have begun keep theirs. Only `control::apply` calls this.
    pub fn publish(&self, world: Snapshot) {
        let world = self.with_the_doors_that_are_open(world);
        self.metrics.describe(&world);
        self.windows.describe(&world);
        self.register.describe(&world);
        self.tallies.describe(&self.world(), &world);
        self.world.store(Arc::new(world));
    }

    /// Opens the side door to whoever administers this gateway. The house owns them, and closes it by letting them go.
    pub fn open_office(&self, office: &Arc<dyn office::Office>) {
        self.office.show(office);
    }

    /// Says who has the key that answers are sealed with which are kept for callers. Whoever that is is owned by the house.
    pub fn seals_with(&self, keyring: &Arc<dyn Keyring>) {
        self.shelf.opens_with(keyring);
    }

    /// Doors stay as they were opened; so whatever depends on them, and on who can reach them, goes by those.
    fn with_the_doors_that_are_open(&self, mut world: Snapshot) -> Snapshot {
        let open = self.world();
        let (old, new) = (&open.server, &mut world.server);
        if old.listen != new.listen
            || old.admin_listen != new.admin_listen
            || old.native_listen != new.native_listen
        {
            new.listen.clone_from(&old.listen);
            new.admin_listen = old.admin_listen;
            new.native_listen = old.native_listen;
            new.allowed_hosts.clone_from(&old.allowed_hosts);
        }
        world
    }

    /// Counts a change of the configuration that was proposed: whether it holds, and which revision counts now.
    pub fn reloaded(&self, holds: bool, revision: u64) {
        self.metrics.reloaded(holds, revision);
    }

    /// Asks the providers that have not said which models they have, as the first call that needs to know does.
    pub async fn ask_for_models(&self) {
        upstream::discover::refresh(self, &self.world(), None).await;
    }

    /// How much was asked for lately, and how it ended. It costs the ledger's thread a moment, and no call anything.
    pub fn statistics(&self) -> Statistics {
        self.windows.statistics()
    }

    /// Begins to count anew. Usage records and metrics stay as they are.
    pub fn reset_statistics(&self) {
        self.windows.reset();
    }

    /// How the configured providers stand: what their last attempts tell, and what was said by hand.
    pub fn standings(&self) -> Standings {
        self.register.standings(&self.world())
    }

    /// How one provider stands.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn standing(&self, provider: &str) -> Result<Standing, NoSuchProvider> {
        let standings = self.standings().providers.into_iter();
        standings.into_iter().find(|standing| standing.provider == provider).ok_or(NoSuchProvider)
    }

    /// Says something of a provider by hand, in place of what was said before. It counts from the next call on, and
    /// outlasts changes of configuration; nothing is written down.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn set_standing(&self, provider: &str, said: Override) -> Result<Standing, NoSuchProvider> {
        self.standing(provider)?;
        self.register.set(provider, said);
        self.standing(provider)
    }

    /// Takes back what was said of a provider by hand, and forgets what its last attempts told.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn reset_standing(&self, provider: &str) -> Result<Standing, NoSuchProvider> {
        self.standing(provider)?;
        self.register.reset(provider);
        self.standing(provider)
    }

    /// What was learnt of the configured providers and is worth keeping over a restart.
    pub fn learnt(&self) -> Learnt {
        self.register.learnt(&self.world())
    }

    /// Takes in what was kept of a provider ([`Learnt::since`]). What is of no configured provider, or over, is left out.
    pub fn recall(&self, provider: &str, text: &str) {
        let world = self.world();
        if let Some(known) = world.providers.iter().find(|known| known.name == provider) {
            self.register.recall(known, text);
        }
    }

    /// Begins to make faults at a provider on purpose: a share of its attempts fails in a way that was chosen, for a while. It
    /// counts from the next attempt on, and is over with the process at the latest.
    ///
    /// # Errors
    /// When there is no such provider, the drill has no bounds, or too many run.
    pub fn begin_drill(&self, drill: Drill) -> Result<DrillStanding, NoDrill> {
        self.standing(&drill.provider)?;
        Register::begin_drill(&self.register, drill)
    }

    /// Ends a drill before its time; none: it does not run.
    pub fn end_drill(&self, id: u64) -> Option<DrillStanding> {
        self.register.end_drill(id)
    }

    /// The drills that run, oldest first.
    pub fn drills(&self) -> Vec<DrillStanding> {
        self.register.drills.told()
    }

    /// Verifies a provider, step by step, also one that calls are kept from. What is asked of its models is recorded as calls
    /// of the caller `verify`, and counts for its statistics and its standing.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn verify(
        &self,
        provider: &str,
        options: VerifyOptions,
    ) -> Result<Verification, NoSuchProvider> {
        let world = self.world();
        let known = world.providers.iter().find(|known| known.name == provider).ok_or(NoSuchProvider)?;
        Ok(upstream::verify::verify(Some(self), known.clone(), options).await)
    }

    /// Begins to bring a model to a provider, which goes on by itself ([`Self::pulls`]). One on its way already is not begun anew.
    ///
    /// # Errors
    /// When there is no such provider, or models cannot be brought to it.
    pub fn pull(&self, provider: &str, model: &str) -> Result<Pull, NotStocked> {
        let provider = self.stocked(provider)?;
        Ok(self.arrivals.begin(provider, model, self.catalogue.clone()))
    }

    /// The models on their way to a provider, and the last that were, oldest first.
    ///
    /// # Errors
    /// When there is no such provider, or models cannot be brought to it.
    pub fn pulls(&self, provider: &str) -> Result<Vec<Pull>, NotStocked> {
        self.stocked(provider).map(|provider| self.arrivals.of(&provider.name))
    }

    /// Stops bringing a model; none: it is not on its way.
    pub fn stop_pull(&self, provider: &str, model: &str) -> Option<Pull> {
        self.arrivals.stop(provider, model)
    }

    /// Gives a model of a provider a second name there.
    ///
    /// # Errors
    /// When the provider has not done so.
    pub async fn copy_model(&self, provider: &str, from: &str, to: &str) -> Result<(), NotStocked> {
        self.stock(provider, Wish::Copy(from, to)).await
    }

    /// Takes a model away from a provider.
    ///
    /// # Errors
    /// When the provider has not done so.
    pub async fn delete_model(&self, provider: &str, model: &str) -> Result<(), NotStocked> {
        self.stock(provider, Wish::Delete(model)).await
    }

    async fn stock(&self, provider: &str, wish: Wish<'_>) -> Result<(), NotStocked> {
        let provider = self.stocked(provider)?;
        upstream::stock::done(&provider, wish).await?;
        self.catalogue.forget(&provider.name);
        Ok(())
    }

    /// A provider whose stock of models can be changed.
    fn stocked(&self, provider: &str) -> Result<Arc<Provider>, NotStocked> {
        let world = self.world();
        let known = world.providers.iter().find(|known| known.name == provider);
        let known = known.ok_or(NotStocked::NoSuchProvider)?;
        if known.vendor.stocks() { Ok(known.clone()) } else { Err(NotStocked::NotIts) }
    }

    /// Asks the providers that want it whether they are well, until it is dropped. One of a house does.
    pub fn attend(&self) -> impl Future<Output = ()> + Send + use<> {
        upstream::checkup::attend(self.for_worker())
    }

    /// Tells people when something is wrong, where `alerts` says whom, until it is dropped. One of a house does.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + use<> {
        upstream::alert::watch(self.for_worker())
    }

    /// Sends everybody who is told of alerts a word that is only a test; what became of it at each.
    pub async fn test_alerts(&self) -> Vec<Delivery> {
        upstream::alert::test(&self.world()).await
    }

    fn known(&self) -> Known<'_> {
        Known { catalogue: &self.catalogue, register: &self.register, turns: &self.turns }
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
        self.shelf.flush().await;
    }
}

/// Verifies a provider beside any gateway: nothing is recorded.
pub async fn verify(provider: Arc<Provider>, options: VerifyOptions) -> Verification {
    upstream::verify::verify(None, provider, options).await
}
