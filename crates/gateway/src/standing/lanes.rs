//! All targets that were asked, found without a lock by provider and model.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use config::Snapshot;

use super::lane::Lane;

/// So many models of one provider are told apart, for callers may name what they like: then those are forgotten that nobody uses
/// and of which nothing is to be told, and if there is none, those that come are one.
const MODELS: usize = 1024;
/// Where those are.
pub(super) const OTHERS: &str = "\0";

/// The targets.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    all: ArcSwap<HashMap<String, Models>>,
    /// Providers that were found ill, and until when that holds: a target of theirs that is new is shut, too.
    ill: ArcSwap<BTreeMap<String, Instant>>,
}

type Models = HashMap<String, Arc<Lane>>;

impl Lanes {
    /// The target; a new one, of which nothing is known, if it was never asked.
    pub(crate) fn find(&self, provider: &str, model: &str) -> Arc<Lane> {
        let known = |all: &HashMap<String, Models>| {
            let models = all.get(provider)?;
            let full = || models.get(OTHERS).filter(|_| models.len() > MODELS);
            models.get(model).or_else(full).cloned()
        };
        if let Some(lane) = known(&self.all.load()) {
            return lane;
        }
        let lane = Arc::new(Lane::named(provider, model));
        let ill = self.ill.load().get(provider).map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(left) = ill.filter(|left| !left.is_zero()) {
            lane.shut(left);
        }
        self.all.rcu(|all| {
            let mut all = HashMap::clone(all);
            let models = all.entry(provider.to_owned()).or_default();
            if models.len() >= MODELS {
                // Of those nobody uses and nothing is to be told nothing need be known.
                models.retain(|_, lane| !lane.is_idle());
            }
            let name = if models.len() < MODELS { model } else { OTHERS };
            models.entry(name.to_owned()).or_insert_with(|| lane.clone());
            all
        });
        // Whoever came first has made it.
        known(&self.all.load()).unwrap_or(lane)
    }

    /// Those of a provider that is in no configuration any more are forgotten.
    pub(crate) fn describe(&self, world: &Snapshot) {
        let stays = |name: &String| world.providers.iter().any(|provider| provider.name == *name);
        if self.all.load().keys().all(stays) {
            return;
        }
        self.all.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.retain(|name, _| stays(name));
            all
        });
    }

    /// A provider is ill: nobody is sent there for at least so long.
    pub(crate) fn shut(&self, provider: &str, long: Duration) {
        let until = Instant::now() + long;
        self.ill.rcu(|ill| {
            let mut ill = BTreeMap::clone(ill);
            ill.insert(provider.to_owned(), until);
            ill
        });
        self.of(provider).iter().for_each(|(_, lane)| lane.shut(long));
    }

    /// It is well again.
    pub(crate) fn recover(&self, provider: &str) {
        self.ill.rcu(|ill| {
            let mut ill = BTreeMap::clone(ill);
            ill.remove(provider);
            ill
        });
        self.of(provider).iter().for_each(|(_, lane)| lane.recover());
    }

    /// Looks at all of a provider's, with their models' names.
    pub(crate) fn of(&self, provider: &str) -> Vec<(String, Arc<Lane>)> {
        let all = self.all.load();
        let models = all.get(provider).into_iter().flatten();
        let mut found: Vec<_> = models.map(|(model, lane)| (model.clone(), lane.clone())).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_the_same_for_all_who_look_for_it() {
        let lanes = Lanes::default();
        let lane = lanes.find("openai", "gpt-4o");
        assert!(Arc::ptr_eq(&lane, &lanes.find("openai", "gpt-4o")));
        assert!(!Arc::ptr_eq(&lane, &lanes.find("azure", "gpt-4o")));
        assert!(!Arc::ptr_eq(&lane, &lanes.find("openai", "gpt-5")));
    }

    #[test]
    fn names_without_end_fill_no_memory() {
        let lanes = Lanes::default();
        let failing = lanes.find("openai", "failing");
        failing.park(std::time::Duration::from_secs(60));
        (0..3 * MODELS).for_each(|n| drop(lanes.find("openai", &n.to_string())));
        assert!(lanes.of("openai").len() <= MODELS + 1);
        assert!(
            Arc::ptr_eq(&failing, &lanes.find("openai", "failing")),
            "what keeps calls away is not forgotten"
        );
        assert!(!Arc::ptr_eq(&lanes.find("openai", "new"), &lanes.find("openai", "newer")));
    }
}
