//! Which models the providers say they have: asked once in a while, answered from memory always.
//!
//! Nothing is asked before the first request that needs to know (D-27). A provider that does not answer keeps what it
//! last said.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use config::Snapshot;
use protocol::listing::Entry;
use tokio::time::Instant;

/// How long a list is believed, and how long a failure is remembered.
const FRESH: Duration = Duration::from_secs(60);
const FAILED: Duration = Duration::from_secs(10);

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
}

impl Catalogue {
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<String, Known>) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The providers, by place, that are due to be asked now. Each is given to one asker only.
    pub(crate) fn due(&self, world: &Snapshot) -> Vec<usize> {
        let now = Instant::now();
        self.with(|known| {
            let asks = |place: &usize| {
                let provider = &world.providers[*place];
                if !provider.models.is_empty() || !provider.serves(protocol::operation::Operation::Models) {
                    return false;
                }
                let entry = known.entry(provider.name.clone()).or_default();
                let due = !entry.asking && entry.ask_again.is_none_or(|at| at <= now);
                entry.asking |= due;
                due
            };
            (0..world.providers.len()).filter(asks).collect()
        })
    }

    /// Whether some provider has never answered nor failed yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.with(|known| known.values().any(|entry| entry.asking && entry.ask_again.is_none()))
    }

    /// Waits until no provider is being asked for the first time.
    pub(crate) async fn settled(&self) {
        loop {
            let arrived = self.arrived.notified();
            if !self.is_waiting() {
                return;
            }
            arrived.await;
        }
    }

    /// Takes a provider's list in; `None`: it did not answer.
    pub(crate) fn learn(&self, provider: &str, models: Option<Vec<Entry>>) {
        self.with(|known| {
            let entry = known.entry(provider.to_owned()).or_default();
            let wait = if models.is_some() { FRESH } else { FAILED };
            entry.ask_again = Some(Instant::now() + wait);
            entry.asking = false;
            entry.silent = models.is_none();
            if let Some(models) = models {
                entry.models = models;
            }
        });
        self.arrived.notify_waiters();
    }

    /// The providers, by place and in order of preference, that said they have this model.
    pub(crate) fn places(&self, world: &Snapshot, model: &str) -> Vec<usize> {
        self.with(|known| {
            let has = |place: &usize| {
                let entry = known.get(&world.providers[*place].name);
                entry.is_some_and(|entry| entry.models.iter().any(|(id, _)| id == model))
            };
            (0..world.providers.len()).filter(has).collect()
        })
    }

    /// Whether a provider says that it has this model; `None`: it has said nothing yet.
    pub(crate) fn says(&self, provider: &str, model: &str) -> Option<bool> {
        self.with(|known| {
            let entry = known.get(provider).filter(|entry| entry.ask_again.is_some() && !entry.silent)?;
            Some(entry.models.iter().any(|(id, _)| id == model))
        })
    }

    /// The providers that did not say which models they have.
    pub(crate) fn silent(&self, world: &Snapshot) -> Vec<String> {
        let names = world.providers.iter().map(|provider| &provider.name);
        self.with(|known| {
            names.filter(|name| known.get(*name).is_some_and(|entry| entry.silent)).cloned().collect()
        })
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
