//! Drills: faults that an operator makes on purpose at a provider, for a share of its attempts and for a while, to see what then
//! happens (docs/drills.md).
//!
//! They lie in memory and end with the process at the latest. Nearly always there is none, and then an attempt looks at one
//! pointer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use serde::Serialize;

use super::fault::Fault;
use super::{NoSuchProvider, Register};
use crate::observe::unix_ms;
use crate::spawn;

/// The longest a drill lasts.
pub const LONGEST_DRILL: Duration = Duration::from_hours(1);
/// So many run at once.
const MOST: usize = 16;

/// A drill as it is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drill {
    /// At which provider.
    pub provider: String,
    /// At which of its models, by its own name or the one callers use; `None`: at all.
    pub model: Option<String>,
    /// What is done.
    pub fault: Fault,
    /// To how many attempts of a hundred: 1 to 100.
    pub share_percent: u8,
    /// For how long: an hour at most.
    pub lasts: Duration,
    /// Who asked for it.
    pub by: String,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// A drill that runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DrillStanding {
    /// Its number, of this process.
    pub id: u64,
    /// At which provider.
    pub provider: String,
    /// At which model; null: at all.
    pub model: Option<String>,
    /// What is done.
    pub fault: String,
    /// To how many attempts of a hundred.
    pub share_percent: u8,
    /// Who asked for it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when; milliseconds since 1970.
    pub since_unix_ms: u64,
    /// Until when; milliseconds since 1970.
    pub until_unix_ms: u64,
    /// For how much longer.
    pub seconds_left: u64,
    /// Attempts it could have struck.
    pub attempts: u64,
    /// Attempts it has struck.
    pub struck: u64,
}

/// Why a drill does not begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoDrill {
    /// There is no provider of that name in the configuration.
    NoSuchProvider,
    /// The share is none of 1 to 100, or the time nothing or more than an hour.
    Unbounded,
    /// As many run as may.
    TooMany,
}

impl From<NoSuchProvider> for NoDrill {
    fn from(_: NoSuchProvider) -> Self {
        Self::NoSuchProvider
    }
}

#[derive(Debug)]
struct Running {
    id: u64,
    drill: Drill,
    since: SystemTime,
    until: Instant,
    attempts: AtomicU64,
    struck: AtomicU64,
}

/// Those that run.
#[derive(Debug, Default)]
pub(crate) struct Drills {
    /// Nothing, when none does. Replaced whole.
    running: ArcSwapOption<Vec<Arc<Running>>>,
    begun: AtomicU64,
}

impl Drills {
    /// What is done to an attempt, if anything is. `models`: what the model is called.
    pub(crate) fn strike(&self, provider: &str, models: [Option<&str>; 2]) -> Option<Fault> {
        let running = self.running.load();
        let running = running.as_deref()?;
        let now = Instant::now();
        running.iter().find_map(|one| one.strike(provider, models, now))
    }

    fn all(&self) -> Vec<Arc<Running>> {
        self.running.load().as_deref().cloned().unwrap_or_default()
    }

    fn put(&self, all: impl Fn(&mut Vec<Arc<Running>>)) {
        self.running.rcu(|running| {
            let mut running = running.as_deref().cloned().unwrap_or_default();
            all(&mut running);
            (!running.is_empty()).then(|| Arc::new(running))
        });
    }

    /// Those that run, oldest first.
    pub(crate) fn told(&self) -> Vec<DrillStanding> {
        let (now, wall) = (Instant::now(), SystemTime::now());
        self.all().iter().filter(|one| one.until > now).map(|one| one.told(now, wall)).collect()
    }

    fn begin(&self, drill: Drill) -> Result<Arc<Running>, NoDrill> {
        let bounded = (1..=100).contains(&drill.share_percent)
            && !drill.lasts.is_zero()
            && drill.lasts <= LONGEST_DRILL;
        if !bounded {
            return Err(NoDrill::Unbounded);
        }
        if self.told().len() >= MOST {
            return Err(NoDrill::TooMany);
        }
        let one = Arc::new(Running {
            id: self.begun.fetch_add(1, Ordering::Relaxed) + 1,
            since: SystemTime::now(),
            until: Instant::now() + drill.lasts,
            drill,
            attempts: AtomicU64::new(0),
            struck: AtomicU64::new(0),
        });
        self.put(|all| all.push(one.clone()));
        Ok(one)
    }

    /// Takes one away; none: it does not run.
    fn end(&self, id: u64, why: &'static str) -> Option<DrillStanding> {
        let one = self.all().into_iter().find(|one| one.id == id)?;
        self.put(|all| all.retain(|other| other.id != id));
        let told = one.told(Instant::now(), SystemTime::now());
        let (provider, fault, struck) = (&told.provider, &told.fault, told.struck);
        tracing::warn!(id, provider, fault, struck, why, "a drill is over: no faults are made here any more");
        Some(told)
    }
}

impl Running {
    fn strike(&self, provider: &str, models: [Option<&str>; 2], now: Instant) -> Option<Fault> {
        let drill = &self.drill;
        let meant = drill.model.as_deref().is_none_or(|model| models.contains(&Some(model)));
        if drill.provider != provider || !meant || self.until <= now {
            return None;
        }
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        let strikes = scattered(number) % 100 < u64::from(drill.share_percent);
        strikes.then(|| {
            self.struck.fetch_add(1, Ordering::Relaxed);
            drill.fault
        })
    }

    fn told(&self, now: Instant, wall: SystemTime) -> DrillStanding {
        let left = self.until.saturating_duration_since(now);
        let drill = &self.drill;
        DrillStanding {
            id: self.id,
            provider: drill.provider.clone(),
            model: drill.model.clone(),
            fault: drill.fault.to_string(),
            share_percent: drill.share_percent,
            by: drill.by.clone(),
            why: drill.why.clone(),
            since_unix_ms: unix_ms(Some(self.since)),
            until_unix_ms: unix_ms(wall.checked_add(left)),
            // Rounded up: whoever waits that long finds it over.
            seconds_left: (left + Duration::from_millis(999)).as_secs(),
            attempts: self.attempts.load(Ordering::Relaxed),
            struck: self.struck.load(Ordering::Relaxed),
        }
    }
}

/// A number that looks drawn, and is the same for every drill: what is begun again strikes the same attempts. (splitmix64)
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl Register {
    /// Begins a drill; at its time it ends by itself. The provider has been looked for.
    ///
    /// # Errors
    /// When it has no bounds, or too many run.
    pub(crate) fn begin_drill(register: &Arc<Self>, drill: Drill) -> Result<DrillStanding, NoDrill> {
        let one = register.drills.begin(drill)?;
        let told = one.told(Instant::now(), SystemTime::now());
        let (id, provider, model, fault, by) = (told.id, &told.provider, &told.model, &told.fault, &told.by);
        let (share_percent, seconds) = (told.share_percent, told.seconds_left);
        tracing::warn!(
            id,
            provider,
            model,
            fault,
            share_percent,
            seconds,
            by,
            "a drill begins: faults are made here on purpose"
        );
        let (register, until): (Weak<Self>, _) = (Arc::downgrade(register), one.until);
        spawn::detached(async move {
            tokio::time::sleep_until(until.into()).await;
            if let Some(register) = register.upgrade() {
                register.drills.end(id, "its time");
            }
        });
        Ok(told)
    }

    /// Ends a drill; none: it does not run.
    pub(crate) fn end_drill(&self, id: u64) -> Option<DrillStanding> {
        self.drills.end(id, "by hand")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(share_percent: u8) -> Drill {
        Drill {
            provider: "a".to_owned(),
            model: None,
            fault: Fault::Refuse,
            share_percent,
            lasts: LONGEST_DRILL,
            by: "ops".to_owned(),
            why: String::new(),
        }
    }

    #[test]
    fn a_share_is_kept_within_a_point_over_ten_thousand_attempts() {
        for share in [1, 10, 50, 99] {
            let drills = Drills::default();
            drills.begin(drill(share)).unwrap();
            let struck = (0..10_000).filter(|_| drills.strike("a", [None; 2]).is_some()).count();
            assert!(struck.abs_diff(usize::from(share) * 100) < 100, "{struck} of 10,000 for {share} %");
        }
    }

    #[test]
    fn only_the_model_that_is_named_is_struck_by_either_of_its_names() {
        let drills = Drills::default();
        drills.begin(Drill { model: Some("m".to_owned()), ..drill(100) }).unwrap();
        assert!(drills.strike("a", [Some("m"), Some("public")]).is_some());
        assert!(drills.strike("a", [Some("m-2024"), Some("m")]).is_some());
        assert!(drills.strike("a", [Some("other"), None]).is_none());
        assert!(drills.strike("b", [Some("m"), None]).is_none());
    }

    #[test]
    fn nothing_without_bounds_begins_and_what_ended_leaves_nothing() {
        let drills = Drills::default();
        let long = Drill { lasts: LONGEST_DRILL + Duration::from_secs(1), ..drill(1) };
        for unbounded in [drill(0), drill(101), long] {
            assert_eq!(drills.begin(unbounded).unwrap_err(), NoDrill::Unbounded);
        }
        let ids: Vec<u64> = (0..MOST).map(|_| drills.begin(drill(1)).unwrap().id).collect();
        assert_eq!(drills.begin(drill(1)).unwrap_err(), NoDrill::TooMany);
        assert!(ids.iter().all(|id| drills.end(*id, "test").is_some()));
        assert!(drills.end(1, "test").is_none());
        assert!(drills.running.load().is_none(), "no drill is no list");
    }
}
