//! Which models the providers say they have: asked once in a while, answered from memory always.
//!
//! Nothing is asked before the first request that needs to know (D-27). A provider that does not answer keeps what it
//! last said.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::Snapshot;
use config::snapshot::Provider;
use protocol::listing::Entry;
use protocol::operation::Operation;
use tokio::time::Instant;

use crate::standing::Register;

/// How long a list is believed, and how long a failure is remembered.
const FRESH: Duration = Duration::from_secs(60);
const FAILED: Duration = Duration::from_secs(10);
/// Whoever needs to know waits no longer than this from the moment a provider was asked.
pub(crate) const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How soon a server beside us is asked again when a name is not known: its list may have grown a moment ago.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How many names are remembered of one provider.
const MOST: usize = 10_000;

/// What is known, by provider name.
#[derive(Default)]
pub(crate) struct Catalogue {
    known: Mutex<HashMap<String, Known>>,
    arrived: tokio::sync::Notify,
}

/// What one provider said.
#[derive(Default)]
struct Known {
    /// Its models: id, and the entry as it wrote it.
    models: Vec<Entry>,
    /// When it is to be asked again; none while it is being asked for the first time.
    ask_again: Option<Instant>,
    /// It is being asked now.
    asking: bool,
    /// The last time it was asked it did not say.
    silent: bool,
    /// It has said once which models it has, and be it none.
    heard: bool,
    /// When it was asked last.
    asked: Option<Instant>,
    /// Every name it ever announced, where it runs beside us: a model that is away for a moment stays its own (D-15).
    ever: HashSet<String>,
}

impl Known {
    /// It was asked a moment ago: worth waiting for. Who is silent for longer keeps nobody waiting.
    fn is_young(&self) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < FIRST_WAIT)
    }
}

impl Catalogue {
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<String, Known>) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The providers, by place, that are due to be asked now. Each is given to one asker only.
    /// With `missed`, somebody asked for a model that is not known. Nothing is sent to whom calls are kept from.
    pub(crate) fn due(&self, world: &Snapshot, register: &Register, missed: bool) -> Vec<usize> {
        let now = Instant::now();
        self.with(|known| {
            let asks = |place: &usize| {
                let provider = &world.providers[*place];
                if !announces(provider) || register.bars(&provider.name).is_some() {
                    return false;
                }
                let entry = known.entry(provider.name.clone()).or_default();
                let old = entry.asked.is_none_or(|asked| asked + AT_ONCE <= now);
                let stale = entry.ask_again.is_none_or(|at| at <= now) || (missed && provider.local && old);
                let due = !entry.asking && stale;
                if due {
                    entry.asking = true;
                    entry.asked = Some(now);
                }
                due
            };
            (0..world.providers.len()).filter(asks).collect()
        })
    }

    /// Whether some provider is being asked that is worth waiting for: one that has never answered nor failed yet, or,
    /// with `missed`, one that runs beside us.
    fn is_waiting(&self, world: &Snapshot, missed: bool) -> bool {
        self.with(|known| {
            let waits = |provider: &Arc<Provider>| {
                let entry = known.get(&provider.name).filter(|entry| entry.asking && entry.is_young());
                entry.is_some_and(|entry| entry.ask_again.is_none() || (missed && provider.local))
            };
            world.providers.iter().any(waits)
        })
    }

    /// Waits until nobody is being asked who is worth waiting for.
    pub(crate) async fn settled(&self, world: &Snapshot, missed: bool) {
        loop {
            let arrived = self.arrived.notified();
            if !self.is_waiting(world, missed) {
                return;
            }
            arrived.await;
        }
    }

    /// Takes a provider's list in; `None`: it did not answer.
    pub(crate) fn learn(&self, provider: &Provider, models: Option<Vec<Entry>>) {
        self.with(|known| {
            let entry = known.entry(provider.name.clone()).or_default();
            let wait = if models.is_some() { FRESH } else { FAILED };
            entry.ask_again = Some(Instant::now() + wait);
            entry.asking = false;
            entry.silent = models.is_none();
            if let Some(models) = models {
                let names = models.iter().map(|(id, _)| id).filter(|_| provider.local);
                for name in names.take(MOST.saturating_sub(entry.ever.len())) {
                    entry.ever.insert(name.clone());
                }
                entry.models = models;
                entry.heard = true;
            }
        });
        self.arrived.notify_waiters();
    }

    /// What a provider has said may not be so any more: it is asked again when somebody needs to know.
    pub(crate) fn forget(&self, provider: &str) {
        self.with(|known| {
            if let Some(entry) = known.get_mut(provider) {
                entry.ask_again = entry.ask_again.map(|_| Instant::now());
            }
        });
    }

    /// The providers, by place and in order of preference, that said they have this model; those beside us also when they
    /// said so earlier.
    pub(crate) fn places(&self, world: &Snapshot, model: &str) -> Vec<usize> {
        self.with(|known| {
            let has = |place: &usize| {
                let provider = &world.providers[*place];
                let same = |id: &String| provider.vendor.answers_to(id, model);
                let has = |entry: &Known| {
                    entry.models.iter().any(|(id, _)| same(id)) || entry.ever.iter().any(same)
                };
                known.get(&provider.name).is_some_and(has)
            };
            (0..world.providers.len()).filter(has).collect()
        })
    }

    /// Whether a provider says that it has this model, or said so earlier; `None`: it has said nothing yet.
    pub(crate) fn says(&self, world: &Snapshot, place: usize, model: &str) -> Option<bool> {
        let name = &world.providers[place].name;
        let said = |known: &Known| known.ask_again.is_some() && !known.silent;
        let heard = self.with(|known| known.get(name).is_some_and(said));
        let has = self.places(world, model).contains(&place);
        (heard || has).then_some(has)
    }

    /// Whether a provider could have models that nobody has heard of: it never said which it has.
    pub(crate) fn is_unheard(&self, provider: &Provider) -> bool {
        let heard = |entry: &Known| entry.heard;
        announces(provider) && !self.with(|known| known.get(&provider.name).is_some_and(heard))
    }

    /// Whether a provider was asked for its models in vain.
    pub(crate) fn failed(&self, provider: &str) -> bool {
        self.with(|known| known.get(provider).is_some_and(|entry| entry.silent))
    }

    /// The providers that did not say which models they have the last time, or, beside us, ever.
    pub(crate) fn silent(&self, world: &Snapshot) -> Vec<String> {
        let silent = |provider: &&Arc<Provider>| {
            self.failed(&provider.name) || (provider.local && self.is_unheard(provider))
        };
        world.providers.iter().filter(silent).map(|provider| provider.name.clone()).collect()
    }

    /// The names announced, without those hidden by configuration.
    pub(crate) fn names(&self, world: &Snapshot) -> Vec<String> {
        self.entries(world).into_iter().map(|(id, _)| id).collect()
    }

    /// The announced models as their providers wrote them, in order of preference, each name once.
    pub(crate) fn entries(&self, world: &Snapshot) -> Vec<Entry> {
        self.with(|known| {
            let mut all: Vec<Entry> = Vec::new();
            let mut seen = std::collections::HashSet::new();
            let providers = world.providers.iter().filter_map(|provider| known.get(&provider.name));
            for (id, entry) in providers.flat_map(|known| &known.models) {
                if !world.models.is_hidden(id) && seen.insert(id.clone()) {
                    all.push((id.clone(), entry.clone()));
                }
            }
            all
        })
    }
}

/// Whether a provider is asked which models it has.
fn announces(provider: &Provider) -> bool {
    provider.models.is_empty() && provider.serves(Operation::Models)
}
