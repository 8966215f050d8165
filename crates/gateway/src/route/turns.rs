//! Whose turn it is: what weighted orders remember between two calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

/// So many names are told apart; those that come then share their turns.
const NAMES: usize = 4096;

/// The turns of all names.
#[derive(Debug, Default)]
pub(crate) struct Turns(ArcSwap<HashMap<String, Arc<Round>>>);

/// The turns of one name.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Calls so far.
    count: AtomicU64,
    /// What each place has saved up, by provider and model.
    saved: Mutex<HashMap<(String, String), i64>>,
}

impl Turns {
    /// The turns of a name.
    pub(super) fn of(&self, name: &str) -> Arc<Round> {
        if let Some(turns) = self.0.load().get(name) {
            return turns.clone();
        }
        let name = if self.0.load().len() < NAMES { name } else { "" };
        let fresh = Arc::<Round>::default();
        self.0.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.entry(name.to_owned()).or_insert_with(|| fresh.clone());
            all
        });
        self.0.load().get(name).cloned().unwrap_or(fresh)
    }
}

impl Turns {
    /// The turns of a name as they are now, for somebody who takes none.
    pub(crate) fn copy_of(&self, name: &str) -> Self {
        let copy = Self::default();
        if let Some(turns) = self.0.load().get(name) {
            let round = Round {
                count: AtomicU64::new(turns.count.load(Ordering::Relaxed)),
                saved: Mutex::new(turns.saved().clone()),
            };
            copy.0.store(Arc::new(HashMap::from([(name.to_owned(), Arc::new(round))])));
        }
        copy
    }
}

impl Round {
    /// Counts a call; how many there were before.
    pub(super) fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// What each place has saved up.
    pub(super) fn saved(&self) -> MutexGuard<'_, HashMap<(String, String), i64>> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
