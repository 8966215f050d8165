//! Targets: places as they are asked, with how they stand; and the plan of a call, which is a list of them.

use std::sync::Arc;
use std::time::Duration;

use config::Snapshot;
use config::snapshot::{Chosen, Provider};
use protocol::vendor::Vendor;

use super::plan::Wish;
use super::turns::Turns;
use crate::catalogue::Catalogue;
use crate::standing::{Lane, Purse, Register};

/// What is known of providers besides their configuration.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Which models they have.
    pub(crate) catalogue: &'a Catalogue,
    /// How they stand.
    pub(crate) register: &'a Register,
    /// Whose turn it is.
    pub(crate) turns: &'a Turns,
}

/// What one attempt is aimed at.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Where.
    pub(crate) provider: Arc<Provider>,
    /// Its own name for the model; none for operations without one.
    pub(crate) model: Option<String>,
    /// Its share among equals.
    pub(crate) weight: u32,
    /// How it stands.
    pub(crate) lane: Arc<Lane>,
    /// What is held of who we are there, where a key is not enough.
    pub(crate) purse: Option<Arc<Purse>>,
    /// Its operator has said that it is always tried.
    pub(crate) forced: bool,
}

/// Whose credentials are shown: a provider's, and what is held of who we are there.
pub(crate) type Whose<'a> = (&'a Provider, Option<&'a Arc<Purse>>);

/// The targets of a call, in the order they are asked in. There is always a first.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Asked first.
    pub(crate) first: Target,
    /// Asked when those before cannot answer.
    pub(crate) others: Vec<Target>,
    /// Asked when a prompt is too long for those before; written for that.
    pub(crate) longer: Vec<Target>,
    /// Asked when those before refuse the content; written for that.
    pub(crate) laxer: Vec<Target>,
}

impl Target {
    /// One that stands for itself: nothing is known of it, and nothing is learnt.
    pub(crate) fn apart(provider: Arc<Provider>, model: Option<String>) -> Self {
        let purse = Purse::apart(&provider);
        Self { provider, model, weight: 1, lane: Arc::default(), purse, forced: true }
    }

    /// Who serves the model there.
    pub(crate) fn vendor(&self) -> &'static dyn Vendor {
        let other = self.model.as_deref().and_then(|model| self.provider.vendor.of_model(model));
        other.unwrap_or(self.provider.vendor)
    }

    /// Whose credentials are shown there.
    pub(crate) fn whose(&self) -> Whose<'_> {
        (&self.provider, self.purse.as_ref())
    }

    /// For how long its breaker lets nobody through, if it is not closed.
    pub(crate) fn shut_for(&self) -> Option<Duration> {
        if self.forced { None } else { self.lane.shut_for() }
    }

    /// Whether it failed somebody of late.
    pub(crate) fn failed_lately(&self) -> bool {
        !self.forced && self.lane.failed_lately(&self.provider.breaker)
    }

    /// Whether it is the same place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.provider.name == other.provider.name && self.model == other.model
    }
}

/// A place as a target.
pub(super) fn target(world: &Snapshot, known: Known<'_>, chosen: Chosen, wish: &Wish<'_>) -> Target {
    let Chosen { provider, model, weight } = chosen;
    let provider = world.providers[provider].clone();
    let model = model.or_else(|| wish.model.map(str::to_owned));
    let lane = known.register.lanes.find(&provider.name, model.as_deref().unwrap_or_default());
    let forced = known.register.is_forced_closed(&provider.name);
    let purse = known.register.purses.find(&provider);
    Target { provider, model, weight, lane, purse, forced }
}
