//! What we hold of an identity: one grant at a time. It is asked for once however many wait for it, and anew before it ends, while
//! calls go on with the one that holds.
//!
//! Who may ask is decided here, and what came of it noted; asking is `upstream/exchange.rs`'s.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use config::Snapshot;
use config::snapshot::{Credential, Identity, Provider};
use protocol::vendor::identity::{Grant, Step};
use tokio::sync::watch;

/// A grant is asked for anew this long before it ends, or when a fifth of its time is left, where that is less.
const EARLY: Duration = Duration::from_secs(300);
/// So long before its end, or with a tenth of its time left, it is not shown any more: it would end on its way.
const LATE: Duration = Duration::from_secs(5);
/// After a failure nobody asks again for this long; each further one doubles it, up to the longest.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// A grant that was refused is asked for anew, and not more often than this: it may be something else that is refused.
const REFUSED_AGAIN: Duration = Duration::from_secs(30);

/// A moment, by both clocks: grants end by the world's, and we wait by our own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    wall: SystemTime,
    tick: Instant,
}

impl Moment {
    /// This one.
    pub(crate) fn now() -> Self {
        Self { wall: SystemTime::now(), tick: Instant::now() }
    }
}

/// What we hold of one identity.
#[derive(Debug)]
pub(crate) struct Purse {
    identity: Arc<Identity>,
    held: Mutex<Held>,
    /// Something has come, or has not.
    news: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Held {
    grant: Option<Arc<Grant>>,
    /// Those before it, as long as a call that has shown one goes on.
    before: Vec<Weak<Grant>>,
    /// When it is to be asked for anew, and until when it is shown; `None`: never, and for ever.
    times: Option<(SystemTime, SystemTime)>,
    /// Somebody asks.
    asked: bool,
    /// The last failure, how many there were in a row, and until when nobody asks.
    failed: Option<(Arc<str>, u32, Instant)>,
    /// When a refused one was last given up.
    given_up: Option<Instant>,
}

/// What somebody finds who needs a grant.
pub(crate) enum Found {
    /// One that holds; and, where it is due, leave to ask for the next.
    Grant(Arc<Grant>, Option<Leave>),
    /// Leave to ask: nobody else does.
    Nothing(Leave),
    /// Somebody asks: to be waited for.
    Asked(watch::Receiver<()>),
    /// It was asked a moment ago, in vain: why.
    Failed(Arc<str>),
}

/// Leave to ask for a grant. There is one at a time; it is given back when it is dropped, so that others may ask.
#[derive(Debug)]
pub(crate) struct Leave(Arc<Purse>);

impl Purse {
    /// An empty one. What need not be asked for is in it from the beginning.
    pub(crate) fn of(identity: Arc<Identity>) -> Arc<Self> {
        let fixed = identity.who.is_fixed().then(|| identity.who.step(&[], SystemTime::UNIX_EPOCH));
        let grant = match fixed {
            Some(Ok(Step::Granted(grant))) => Some(Arc::new(grant)),
            _ => None,
        };
        Arc::new(Self {
            identity,
            held: Mutex::new(Held { grant, ..Held::default() }),
            news: watch::Sender::new(()),
        })
    }

    /// The one of a provider, where nobody else has any; `None`: it needs none.
    pub(crate) fn apart(provider: &Provider) -> Option<Arc<Self>> {
        match &provider.credential {
            Credential::Identity(identity) => Some(Self::of(identity.clone())),
            Credential::Stored(_) | Credential::Passthrough | Credential::None => None,
        }
    }

    /// Who we are.
    pub(crate) fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be told when something has come, or has not.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// The grant there is, whether or not it still holds, and those before it that calls have shown which go on.
    pub(crate) fn grants(&self) -> Vec<Arc<Grant>> {
        let held = self.held();
        held.grant.iter().cloned().chain(held.before.iter().filter_map(Weak::upgrade)).collect()
    }

    /// Looks for a grant.
    pub(crate) fn look(self: &Arc<Self>, now: Moment) -> Found {
        let mut held = self.held();
        let held = &mut *held;
        let rests = held.failed.as_ref().is_some_and(|(_, _, until)| now.tick < *until);
        let may_ask = !held.asked && !rests;
        let holds = held.times.is_none_or(|(_, until)| now.wall < until);
        if let Some(grant) = held.grant.clone().filter(|_| holds) {
            let due = may_ask && held.times.is_some_and(|(due, _)| now.wall >= due);
            held.asked |= due;
            return Found::Grant(grant, due.then(|| Leave(self.clone())));
        }
        match &held.failed {
            _ if held.asked => Found::Asked(self.news()),
            Some((why, ..)) if rests => Found::Failed(why.clone()),
            _ => {
                held.asked = true;
                Found::Nothing(Leave(self.clone()))
            }
        }
    }

    /// A grant was refused: whether there is, or may be, another one. It is shown no more.
    pub(crate) fn give_up(&self, refused: &Arc<Grant>, now: Moment) -> bool {
        let mut held = self.held();
        let same = held.grant.as_ref().is_some_and(|grant| Arc::ptr_eq(grant, refused));
        if !same {
            // Somebody else was faster.
            return true;
        }
        let lately = held.given_up.is_some_and(|at| now.tick.saturating_duration_since(at) < REFUSED_AGAIN);
        if self.identity.who.is_fixed() || lately {
            return false;
        }
        held.given_up = Some(now.tick);
        held.put(None);
        true
    }
}

impl Held {
    /// Another grant, or none, in place of the one there is.
    fn put(&mut self, grant: Option<Arc<Grant>>) {
        self.before.retain(|before| before.strong_count() > 0);
        self.before.extend(self.grant.as_ref().map(Arc::downgrade));
        self.grant = grant;
    }
}

impl Leave {
    /// Whose.
    pub(crate) fn purse(&self) -> &Arc<Purse> {
        &self.0
    }

    /// It has come.
    pub(crate) fn came(self, grant: Grant, now: Moment) {
        let mut held = self.0.held();
        held.times = grant.ends.map(|ends| times(ends, now.wall));
        held.put(Some(Arc::new(grant)));
        held.failed = None;
    }

    /// It has not. Whether nothing like it was known.
    pub(crate) fn failed(self, why: &str, now: Moment) -> bool {
        let mut held = self.0.held();
        let times = held.failed.as_ref().map_or(0, |(_, times, _)| *times);
        let rest = REST.saturating_mul(1 << times.min(5)).min(LONGEST_REST);
        held.failed = Some((why.into(), times.saturating_add(1), now.tick + rest));
        times == 0
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.held().asked = false;
        self.0.news.send_replace(());
    }
}

/// When a grant that came now is asked for anew, and until when it is shown.
fn times(ends: SystemTime, now: SystemTime) -> (SystemTime, SystemTime) {
    let whole = ends.duration_since(now).unwrap_or_default();
    let before = |long: Duration| ends.checked_sub(long).unwrap_or(now);
    (before(EARLY.min(whole / 5)), before(LATE.min(whole / 10)))
}

/// All purses, by provider. They outlast a change of configuration that changes nothing of who we are there.
#[derive(Debug, Default)]
pub(crate) struct Purses {
    all: ArcSwap<HashMap<String, Arc<Purse>>>,
}

impl Purses {
    /// The purse of a provider; `None`: it needs none.
    pub(crate) fn find(&self, provider: &Provider) -> Option<Arc<Purse>> {
        let Credential::Identity(identity) = &provider.credential else { return None };
        let all = self.all.load();
        let known = all.get(&provider.name).filter(|purse| purse.identity == *identity);
        // Of a call that has begun under another configuration.
        Some(known.cloned().unwrap_or_else(|| Purse::of(identity.clone())))
    }

    /// Follows a change of configuration.
    pub(crate) fn describe(&self, world: &Snapshot) {
        let before = self.all.load_full();
        let purse = |provider: &Arc<Provider>| {
            let Credential::Identity(identity) = &provider.credential else { return None };
            let known = before.get(&provider.name).filter(|purse| purse.identity == *identity);
            let purse = known.cloned().unwrap_or_else(|| Purse::of(identity.clone()));
            Some((provider.name.clone(), purse))
        };
        self.all.store(Arc::new(world.providers.iter().filter_map(purse).collect()));
    }
}

#[cfg(test)]
mod tests;
