//! Several keys of one provider: which one is used next, and which are put aside.
//!
//! A key that was refused (401, 403) is put aside, and its operator told; one whose account has nothing left (402) for half an hour;
//! one that is at its limit (429) for as long as was said. One whose quota is taken is passed over. Nobody's call ends because of it while another key is well.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use config::snapshot::{KeyStrategy, Provider, ProviderKey, Quota};
use protocol::quota::Left;
use protocol::secret::Secret;
use protocol::verdict::{FaultClass, UpstreamFault};
use serde::Serialize;

use super::lane::Lane;
use super::learnt::OfKey;
use super::queue::Queue;
use super::quota::{Ration, Reservation, Told};

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
    /// What was taken of the provider's quota.
    ration: Arc<Ration>,
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
    /// What was taken of its quota, and what its provider says is left.
    ration: Arc<Ration>,
    told: Arc<Told>,
}

#[derive(Clone, Copy, Debug)]
struct Aside {
    until: Instant,
    why: FaultClass,
}

/// A key that is used for an attempt.
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

/// What is wanted for an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want<'a> {
    /// Who is asked.
    pub(crate) provider: &'a Provider,
    /// For which of its models.
    pub(crate) lane: &'a Lane,
    /// Keys that were tried already, by place.
    pub(crate) tried: &'a [usize],
    /// Tokens it may come to.
    pub(crate) tokens: u64,
    /// Those who wait for what is given back.
    pub(crate) queue: &'a Arc<Queue>,
}

/// What is used for an attempt.
#[derive(Debug)]
pub(crate) enum Picked {
    /// The one credential the provider has.
    Own(Reservation),
    /// One of its keys.
    Key(Key, Reservation),
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
    /// No quota has room, for so long; `whole`: whatever the model.
    Full { left: Duration, whole: bool },
    /// All were tried by this call.
    Tried,
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
    /// What the next attempt is made with, and what it takes of all quotas.
    pub(crate) fn pick(&self, want: &Want<'_>) -> Picked {
        let Want { provider, lane, tried, tokens, queue } = *want;
        if !is_rationed(provider) {
            let none = Reservation::default;
            return match provider.keys.is_empty() {
                true => Picked::Own(none()),
                false => {
                    self.next(provider, tried).map_or_else(Picked::Exhausted, |key| Picked::Key(key, none()))
                }
            };
        }
        let mut taken = Reservation::begin(tokens, queue);
        if let Err(left) = taken.take(&self.pool(&provider.name).ration, &provider.quota) {
            return full(want, left, true);
        }
        if provider.keys.is_empty() {
            return match taken.heed(&lane.told) {
                Ok(()) => Picked::Own(taken.stands()),
                Err(left) => full(want, left, false),
            };
        }
        let (mut tried, mut soonest) = (tried.to_vec(), None);
        loop {
            let key = match self.next(provider, &tried) {
                Ok(key) => key,
                Err(out) => {
                    return soonest.map_or(Picked::Exhausted(out), |left| full(want, left, true));
                }
            };
            let quota = provider.keys.get(key.place).map(|key| key.quota).unwrap_or_default();
            let room = taken.heed(&key.state.told).and_then(|()| taken.take(&key.state.ration, &quota));
            let Err(left) = room else { return Picked::Key(key, taken.stands()) };
            taken.unheed();
            key.state.used.fetch_sub(1, Ordering::Relaxed);
            tried.push(key.place);
            soonest = Some(soonest.map_or(left, |other: Duration| other.min(left)));
        }
    }

    /// The next key that is well, none of those that were tried already (by place).
    fn next(&self, provider: &Provider, tried: &[usize]) -> Result<Key, KeysOut> {
        let pool = self.pool(&provider.name);
        let (now, wall) = (Instant::now(), SystemTime::now());
        let mut out: Option<Aside> = None;
        let mut well = Vec::with_capacity(provider.keys.len());
        for (place, key) in provider.keys.iter().enumerate() {
            if key.expires.is_some_and(|ends| ends <= wall) {
                continue;
            }
            let state = pool.state(key);
            match state.aside().filter(|aside| aside.until > now) {
                None if tried.contains(&place) => {}
                None => well.push((place, key, state)),
                Some(aside) => out = Some(out.map_or(aside, |other| sooner(other, aside))),
            }
        }
        let Some(at) = choose(provider.key_strategy, &well, &pool.turns) else {
            return Err(match out {
                Some(Aside { why: FaultClass::Limited, until }) => {
                    KeysOut::Resting(until.saturating_duration_since(now))
                }
                Some(Aside { why, .. }) => KeysOut::Refused(why),
                // All that are well have been tried: what came of that is known.
                None if !tried.is_empty() => KeysOut::Tried,
                None => KeysOut::Refused(FaultClass::Auth),
            });
        };
        let (place, key, state) = well.swap_remove(at);
        state.used.fetch_add(1, Ordering::Relaxed);
        Ok(Key {
            place,
            secret: key.secret.clone(),
            name: key.name.clone(),
            provider: provider.name.clone(),
            pool,
            state,
        })
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

    /// Whether a provider has several keys, and none of them is well.
    pub(crate) fn are_out(&self, provider: &Provider) -> bool {
        let stands = self.standings(provider);
        !stands.is_empty() && stands.iter().all(|key| key.aside.is_some() || key.expired)
    }

    /// The first of a provider's keys that is well, where it has several: for what is asked beside calls, and takes nobody's turn.
    pub(crate) fn first_well(&self, provider: &Provider) -> Option<Secret> {
        let stands = self.standings(provider).into_iter().zip(&provider.keys);
        let mut well = stands.filter(|(key, _)| key.aside.is_none() && !key.expired);
        well.next().map(|(_, key)| key.secret.clone())
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

    /// Those of a provider's keys that are put aside.
    pub(super) fn learnt(&self, provider: &Provider, now: Instant) -> Vec<OfKey> {
        let pools = self.0.load();
        let Some(pool) = pools.get(&provider.name) else { return Vec::new() };
        let aside = |key: &ProviderKey| {
            let Aside { until, why } = pool.state(key).aside().filter(|aside| aside.until > now)?;
            let print = store::fingerprint(key.secret.expose());
            Some(OfKey { name: key.name.clone(), print, until, why })
        };
        provider.keys.iter().filter_map(aside).collect()
    }

    /// A key is put aside as it was before a restart, if it is that key.
    pub(super) fn recall(&self, provider: &Provider, known: &OfKey) {
        let is_it = |key: &&ProviderKey| {
            key.name == known.name && store::fingerprint(key.secret.expose()) == known.print
        };
        if let Some(key) = provider.keys.iter().find(is_it) {
            self.pool(&provider.name).state(key).put_aside(Aside { until: known.until, why: known.why });
        }
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
        for state in self.pool(provider).states().values() {
            *state.aside.lock().unwrap_or_else(PoisonError::into_inner) = None;
            state.used.store(0, Ordering::Relaxed);
            state.told.forget();
        }
    }
}

/// No quota has room.
fn full(want: &Want<'_>, left: Duration, whole: bool) -> Picked {
    want.queue.passed_over(&want.provider.name);
    Picked::Exhausted(KeysOut::Full { left, whole })
}

/// Whether anything of a provider is limited by a quota.
pub(crate) fn is_rationed(provider: &Provider) -> bool {
    let none = Quota::default();
    provider.quota != none || provider.keys.iter().any(|key| key.quota != none)
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
                    ration: Arc::default(),
                    told: Arc::default(),
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

    /// Of two ends the later one counts.
    fn put_aside(&self, new: Aside) {
        let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        if aside.is_none_or(|before| before.until < new.until) {
            *aside = Some(new);
        }
    }
}

impl Key {
    /// Its provider says that nothing is left of its limit for so long.
    pub(crate) fn rest(&self, wait: Duration) {
        self.state.put_aside(Aside { until: Instant::now() + wait, why: FaultClass::Limited });
    }

    /// Its provider says how much is left.
    pub(crate) fn hear(&self, left: &Left) {
        self.state.told.hear(left, Instant::now());
    }

    /// What its provider said of it.
    pub(crate) fn learn(&self, fault: &UpstreamFault) {
        let long = match fault.class {
            FaultClass::Auth => REFUSED,
            FaultClass::Billing => UNPAID,
            FaultClass::Limited => fault.wait.unwrap_or(LIMITED).min(REFUSED),
            _ => return,
        };
        self.state.put_aside(Aside { until: Instant::now() + long, why: fault.class });
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
