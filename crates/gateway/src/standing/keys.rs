//! Several keys of one provider: which one is used next, and which are put aside.
//!
//! A key that was refused (401, 403) is put aside, and its operator told; one whose account has nothing left (402) for half an hour;
//! one that is at its limit (429) for as long as was said. Nobody's call ends because of it while another key is well.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use config::snapshot::{KeyStrategy, Provider, ProviderKey};
use protocol::secret::Secret;
use protocol::verdict::{FaultClass, UpstreamFault};
use serde::Serialize;

/// How long a refused key is put aside: then one call finds out whether its operator has mended it.
const REFUSED: Duration = Duration::from_mins(10);
/// How long one whose account has nothing left is (features.md 3.1).
const UNPAID: Duration = Duration::from_mins(30);
/// How long one at its limit is, where nobody said.
const LIMITED: Duration = Duration::from_secs(10);

/// The keys of all providers.
#[derive(Debug, Default)]
pub(crate) struct Keys(ArcSwap<HashMap<String, Arc<Pool>>>);

/// The keys of one.
#[derive(Debug, Default)]
struct Pool {
    turns: AtomicU64,
    /// How often one was put aside for longer: refused, and for its bill.
    disabled: [AtomicU64; 2],
    states: Mutex<HashMap<String, Arc<State>>>,
}

/// How one key stands.
#[derive(Debug)]
struct State {
    /// Whose state it is: another secret under the same name is another key.
    secret: Secret,
    used: AtomicU64,
    aside: Mutex<Option<Aside>>,
}

#[derive(Clone, Copy, Debug)]
struct Aside {
    until: Instant,
    why: FaultClass,
}

/// A key that is used for a try.
#[derive(Debug)]
pub(crate) struct Key {
    /// Where it stands in `Provider::keys`.
    pub(crate) place: usize,
    /// The key itself.
    pub(crate) secret: Secret,
    name: String,
    provider: String,
    pool: Arc<Pool>,
    state: Arc<State>,
}

/// What is used for a try.
#[derive(Debug)]
pub(crate) enum Picked {
    /// The one credential the provider has.
    Own,
    /// One of its keys.
    Key(Key),
    /// None is left.
    Exhausted(KeysOut),
}

/// Why none is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeysOut {
    /// All are at their limit; the first for so long.
    Resting(Duration),
    /// All were refused.
    Refused(FaultClass),
}

/// How a key stands, as it is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyStanding {
    /// Its name.
    pub name: String,
    /// How often it was used.
    pub used: u64,
    /// Why it is put aside, in the word of the failure.
    pub aside: Option<&'static str>,
    /// For how many seconds more.
    pub seconds_left: Option<u64>,
    /// Its last day is over: it is not used any more.
    pub expired: bool,
}

impl Keys {
    /// The key for the next try, none of those that were tried already (by place).
    pub(crate) fn pick(&self, provider: &Provider, tried: &[usize]) -> Picked {
        if provider.keys.is_empty() {
            return Picked::Own;
        }
        let pool = self.pool(&provider.name);
        let (now, wall) = (Instant::now(), SystemTime::now());
        let mut out: Option<Aside> = None;
        let mut well = Vec::with_capacity(provider.keys.len());
        for (place, key) in provider.keys.iter().enumerate() {
            if tried.contains(&place) || key.expires.is_some_and(|ends| ends <= wall) {
                continue;
            }
            let state = pool.state(key);
            match state.aside().filter(|aside| aside.until > now) {
                None => well.push((place, key, state)),
                Some(aside) => out = Some(out.map_or(aside, |other| sooner(other, aside))),
            }
        }
        let Some(at) = choose(provider.key_strategy, &well, &pool.turns) else {
            return Picked::Exhausted(match out {
                Some(Aside { why: FaultClass::Limited, until }) => {
                    KeysOut::Resting(until.saturating_duration_since(now))
                }
                Some(Aside { why, .. }) => KeysOut::Refused(why),
                None => KeysOut::Refused(FaultClass::Auth),
            });
        };
        let (place, key, state) = well.swap_remove(at);
        state.used.fetch_add(1, Ordering::Relaxed);
        Picked::Key(Key {
            place,
            secret: key.secret.clone(),
            name: key.name.clone(),
            provider: provider.name.clone(),
            pool,
            state,
        })
    }

    /// The key for a single try: `Some(None)` where the provider has one credential, `None` where no key is left.
    pub(crate) fn one(&self, provider: &Provider) -> Option<Option<Key>> {
        match self.pick(provider, &[]) {
            Picked::Own => Some(None),
            Picked::Key(key) => Some(Some(key)),
            Picked::Exhausted(_) => None,
        }
    }

    fn pool(&self, provider: &str) -> Arc<Pool> {
        if let Some(pool) = self.0.load().get(provider) {
            return pool.clone();
        }
        let fresh = Arc::<Pool>::default();
        self.0.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.entry(provider.to_owned()).or_insert_with(|| fresh.clone());
            all
        });
        self.0.load().get(provider).cloned().unwrap_or(fresh)
    }

    /// How a provider's keys stand.
    pub(crate) fn standings(&self, provider: &Provider) -> Vec<KeyStanding> {
        let (pool, now, wall) = (self.pool(&provider.name), Instant::now(), SystemTime::now());
        let told = |key: &ProviderKey| {
            let state = pool.state(key);
            let aside = state.aside().filter(|aside| aside.until > now);
            KeyStanding {
                name: key.name.clone(),
                used: state.used.load(Ordering::Relaxed),
                aside: aside.map(|aside| aside.why.word()),
                seconds_left: aside.map(|aside| aside.until.saturating_duration_since(now).as_secs() + 1),
                expired: key.expires.is_some_and(|ends| ends <= wall),
            }
        };
        provider.keys.iter().map(told).collect()
    }

    /// How often a provider's keys were put aside for longer, by why.
    pub(crate) fn disabled(&self, provider: &str) -> [(&'static str, u64); 2] {
        let pool = self.pool(provider);
        let counts = [FaultClass::Auth, FaultClass::Billing].into_iter().zip(&pool.disabled);
        let mut told = counts.map(|(class, count)| (class.word(), count.load(Ordering::Relaxed)));
        std::array::from_fn(|_| told.next().unwrap_or_default())
    }

    /// Everything that was learnt of a provider's keys is forgotten.
    pub(crate) fn reset(&self, provider: &str) {
        self.pool(provider).states().clear();
    }
}

/// Of what is put aside for a while, a limit is told before a refusal, and the sooner end before the later.
fn sooner(a: Aside, b: Aside) -> Aside {
    let rank = |aside: &Aside| (aside.why != FaultClass::Limited, aside.until);
    if rank(&b) < rank(&a) { b } else { a }
}

type Well<'k> = (usize, &'k ProviderKey, Arc<State>);

/// Which of those that are well. Those of no weight when no other is.
fn choose(strategy: KeyStrategy, well: &[Well<'_>], turns: &AtomicU64) -> Option<usize> {
    let weighs = well.iter().any(|(_, key, _)| key.weight > 0);
    let able = well.iter().enumerate().filter(|(_, (_, key, _))| !weighs || key.weight > 0);
    match strategy {
        // In the order of the configuration, which is that of priority.
        KeyStrategy::Priority => able.map(|(at, _)| at).next(),
        KeyStrategy::LeastUsed => able
            .min_by(|(_, (_, a, used_a)), (_, (_, b, used_b))| {
                let part = |key: &ProviderKey, state: &State| {
                    state.used.load(Ordering::Relaxed) as f64 / f64::from(key.weight.max(1))
                };
                part(a, used_a).total_cmp(&part(b, used_b))
            })
            .map(|(at, _)| at),
        KeyStrategy::RoundRobin => {
            let total: u64 = able.clone().map(|(_, (_, key, _))| u64::from(key.weight.max(1))).sum();
            let mut turn = turns.fetch_add(1, Ordering::Relaxed).checked_rem(total)?;
            for (at, (_, key, _)) in able {
                let weight = u64::from(key.weight.max(1));
                if turn < weight {
                    return Some(at);
                }
                turn -= weight;
            }
            None
        }
    }
}

impl Pool {
    fn states(&self) -> MutexGuard<'_, HashMap<String, Arc<State>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, key: &ProviderKey) -> Arc<State> {
        let mut states = self.states();
        match states.get(&key.name) {
            Some(state) if state.secret == key.secret => state.clone(),
            _ => {
                let state = Arc::new(State {
                    secret: key.secret.clone(),
                    used: AtomicU64::new(0),
                    aside: Mutex::new(None),
                });
                states.insert(key.name.clone(), state.clone());
                state
            }
        }
    }
}

impl State {
    fn aside(&self) -> Option<Aside> {
        *self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    /// What its provider said of it.
    pub(crate) fn learn(&self, fault: &UpstreamFault) {
        let long = match fault.class {
            FaultClass::Auth => REFUSED,
            FaultClass::Billing => UNPAID,
            FaultClass::Limited => fault.wait.unwrap_or(LIMITED),
            _ => return,
        };
        let until = Instant::now() + long;
        let mut aside = self.state.aside.lock().unwrap_or_else(PoisonError::into_inner);
        if aside.is_none_or(|before| before.until < until) {
            *aside = Some(Aside { until, why: fault.class });
        }
        drop(aside);
        match fault.class {
            FaultClass::Auth => self.pool.disabled[0].fetch_add(1, Ordering::Relaxed),
            FaultClass::Billing => self.pool.disabled[1].fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        if fault.class != FaultClass::Limited {
            let (provider, key, why) = (self.provider.as_str(), self.name.as_str(), fault.class.word());
            tracing::error!(provider, key, why, seconds = long.as_secs(), "a key was put aside");
        }
    }
}

#[cfg(test)]
mod tests;
