//! How providers stand: what their last attempts tell of their health, what their breakers, keys and quotas say, and what somebody said
//! by hand (docs/statistics.md, docs/routing.md).
//!
//! A call looks at what was said by hand and at its targets, both found in frozen maps: no lock while all is well. Health is told
//! and keeps no call away; breakers do. A provider is known by its name, so that a change of configuration changes nothing
//! of this.

mod breaker;
mod checkup;
mod drill;
mod fault;
mod health;
mod hold;
mod keys;
mod lane;
mod lanes;
mod learnt;
mod pace;
mod purse;
mod queue;
mod quota;
mod report;
mod target;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use config::Snapshot;
use config::snapshot::{HealthCheck, Provider};
use store::UsageRecord;

pub use breaker::BreakerWord;
pub(crate) use breaker::Lesson;
pub use drill::{Drill, DrillStanding, LONGEST_DRILL, NoDrill};
pub use fault::Fault;
pub use health::HealthWord;
pub(crate) use hold::Bar;
pub use hold::{Override, OverrideKind};
pub use keys::KeyStanding;
pub(crate) use keys::{Key, KeysOut, Picked, Want, is_rationed};
pub(crate) use lane::{Lane, Out, Pass};
pub use learnt::Learnt;
pub(crate) use purse::{Found, Leave, Moment, Purse, Purses};
pub(crate) use queue::{Counter, Queue, Ticket};
pub(crate) use quota::Reservation;
pub use report::{Failure, Overridden, Standing, Standings, Summary};
pub use target::TargetStanding;

use crate::observe::{Ending, Waits, tries};
use checkup::{Checkup, Turn};
use drill::Drills;
use health::Health;
use hold::Held;
use keys::Keys;
use lanes::Lanes;

/// There is no provider of that name in the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSuchProvider;

/// How all providers stand.
#[derive(Debug)]
pub(crate) struct Register {
    /// What was said by hand, by provider. Read by every call, replaced whole.
    held: ArcSwap<BTreeMap<String, Held>>,
    /// By provider, all that are configured. Written by the ledger's thread.
    health: Mutex<BTreeMap<String, Health>>,
    /// Every target that was asked: one provider's one model.
    pub(crate) lanes: Lanes,
    /// The keys of providers that have several.
    pub(crate) keys: Keys,
    /// What is held of who we are, where a key is not enough.
    pub(crate) purses: Purses,
    /// Those who wait until somebody takes calls again.
    pub(crate) queue: Arc<Queue>,
    /// By provider, those that are asked whether they are well.
    checkups: Mutex<BTreeMap<String, Checkup>>,
    /// Faults that are made on purpose.
    pub(crate) drills: Drills,
}

impl Register {
    /// For a configuration; nothing is known yet.
    pub(crate) fn new(world: &Snapshot, waits: Waits) -> Self {
        let register = Self {
            held: ArcSwap::default(),
            health: Mutex::default(),
            lanes: Lanes::default(),
            keys: Keys::default(),
            purses: Purses::default(),
            queue: Arc::new(Queue::new(waits)),
            checkups: Mutex::default(),
            drills: Drills::default(),
        };
        register.describe(world);
        register
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Health>) -> T) -> T {
        look(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Follows a change of configuration. What was said by hand stays, also of a provider that is away for a while.
    pub(crate) fn describe(&self, world: &Snapshot) {
        self.lanes.describe(world);
        self.purses.describe(world);
        self.with(|health| {
            health.retain(|name, _| world.providers.iter().any(|provider| provider.name == *name));
            for provider in &world.providers {
                health.entry(provider.name.clone()).or_default();
            }
        });
    }

    /// Learns from a finished call: from each of its attempts.
    pub(crate) fn learn(&self, record: &UsageRecord, ending: Ending) {
        let now = Instant::now();
        self.with(|health| {
            for tried in tries(record, ending) {
                if let Some(health) = health.get_mut(tried.provider) {
                    health.learn(tried.ending, now);
                }
            }
        });
    }

    /// A provider was asked whether it is well. `ending`: what came of it; where it is ill, nobody is sent there before `again`,
    /// when it will have been asked once more.
    pub(crate) fn checked(&self, provider: &str, rules: &HealthCheck, (ending, again): (Ending, Duration)) {
        self.with(|health| {
            if let Some(health) = health.get_mut(provider) {
                health.learn(ending, Instant::now());
            }
        });
        let well = matches!(ending, Ending::Answered | Ending::ProviderRefused);
        let mut checkups = self.checkups.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = checkups.entry(provider.to_owned()).or_default().learn(rules, well);
        drop(checkups);
        match turn {
            Turn::FallsIll => {
                tracing::warn!(provider, why = ?ending, "a provider is ill: nobody is sent there");
                self.lanes.shut(provider, again);
            }
            Turn::StaysIll => self.lanes.shut(provider, again),
            Turn::Recovers => {
                tracing::info!(provider, "a provider is well again");
                self.lanes.recover(provider);
            }
            Turn::StaysWell => {}
        }
    }

    /// Nobody asks it any more whether it is well.
    pub(crate) fn unchecked(&self, provider: &str) {
        let mut checkups = self.checkups.lock().unwrap_or_else(PoisonError::into_inner);
        if checkups.remove(provider).is_some() {
            drop(checkups);
            self.lanes.recover(provider);
        }
    }

    /// What keeps calls from a provider at this moment, if anything does.
    pub(crate) fn bars(&self, provider: &str) -> Option<Bar> {
        self.held.load().get(provider).and_then(|held| held.bars(Instant::now()))
    }

    /// Whether somebody said by hand that it is always tried.
    pub(crate) fn is_forced_closed(&self, provider: &str) -> bool {
        let held = self.held.load();
        let said = held.get(provider).filter(|held| held.left(Instant::now()).is_some());
        said.is_some_and(|held| held.said.kind == OverrideKind::ForcedClosed)
    }

    /// Something is said by hand of a provider; it replaces what was said before.
    pub(crate) fn set(&self, provider: &str, said: Override) {
        let (kind, by) = (said.kind.word(), said.by.as_str());
        tracing::warn!(provider, kind, by, "the standing of a provider was set by hand");
        let held = Held::new(said, Instant::now());
        self.held.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(provider.to_owned(), held.clone());
            all
        });
    }

    /// What was said is taken back, and what was learnt of its health forgotten.
    pub(crate) fn reset(&self, provider: &str) {
        tracing::warn!(provider, "the standing of a provider was reset by hand");
        self.held.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.remove(provider);
            all
        });
        self.with(|health| {
            if let Some(health) = health.get_mut(provider) {
                *health = Health::default();
            }
        });
        self.lanes.recover(provider);
        self.checkups.lock().unwrap_or_else(PoisonError::into_inner).remove(provider);
        self.lanes.of(provider).iter().for_each(|(_, lane)| lane.reset());
        self.keys.reset(provider);
        self.queue.ring();
    }

    /// How the configured providers stand, in their order.
    pub(crate) fn standings(&self, world: &Snapshot) -> Standings {
        let (now, wall, held) = (Instant::now(), SystemTime::now(), self.held.load());
        let drills = self.drills.told();
        self.with(|health| {
            let stands = |provider: &Provider| {
                let name = &provider.name;
                let health = health.get(name).copied().unwrap_or_default();
                let looked = report::Looked {
                    health: &health,
                    held: held.get(name),
                    targets: self.targets(name),
                    keys: self.keys.standings(provider),
                    drills: drills.iter().filter(|drill| drill.provider == *name).cloned().collect(),
                };
                report::standing(name, looked, (now, wall))
            };
            let providers = world.providers.iter().map(|provider| stands(provider)).collect();
            Standings::of(providers)
        })
    }

    /// How a provider's targets stand, those first of which something is to be told.
    fn targets(&self, provider: &str) -> Vec<TargetStanding> {
        let lanes = self.lanes.of(provider);
        let mut targets: Vec<_> = lanes.iter().map(|(model, lane)| TargetStanding::of(model, lane)).collect();
        targets.sort_by_key(TargetStanding::is_usual);
        targets
    }

    /// What is said by hand of a provider at this moment.
    pub(crate) fn overridden(&self, provider: &str) -> Option<Overridden> {
        let (now, wall) = (Instant::now(), SystemTime::now());
        self.held.load().get(provider).and_then(|held| report::overridden(held, (now, wall)))
    }
}
