//! How much was asked for lately, and how it ended: for the whole house and for each provider, since the beginning and over
//! the windows of `telemetry.stats_windows`.
//!
//! Fed by the ledger's own thread from finished records; whoever reads holds up that thread for a moment, and never a call.
//! A provider is known by its name, so that its counts outlast a change of configuration.

mod histogram;
mod report;
mod ring;
mod tally;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use config::Snapshot;
use config::snapshot::STATS_STEP;
use store::UsageRecord;
use store::usage_record::Attempt;

pub use report::{Counted, Errors, LastError, Latency, ProviderStatistics, Statistics, Sums, Tokens, Window};

use crate::observe::{Ending, tries};
use report::Reader;
use ring::Ring;

/// All counts of the house.
#[derive(Debug)]
pub(crate) struct Windows {
    began: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// Shortest first.
    windows: Vec<Duration>,
    house: Ring,
    providers: BTreeMap<String, OfProvider>,
}

#[derive(Debug)]
struct OfProvider {
    ring: Ring,
    /// When it was taken out of the configuration.
    gone: Option<Duration>,
}

impl Windows {
    /// Begins to count.
    pub(crate) fn new(world: &Snapshot) -> Self {
        Self { began: Instant::now(), counts: Mutex::new(Counts::new(world, Duration::ZERO)) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counts, Duration) -> T) -> T {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that time never runs backwards in there.
        work(&mut counts, self.began.elapsed())
    }

    /// Takes a call in that has just ended.
    pub(super) fn take(&self, record: &UsageRecord, ending: Ending) {
        self.with(|counts, now| counts.take(record, ending, now));
    }

    /// Follows a change of configuration.
    pub(crate) fn describe(&self, world: &Snapshot) {
        self.with(|counts, now| counts.describe(world, now));
    }

    /// Begins anew.
    pub(crate) fn reset(&self) {
        self.with(Counts::reset);
    }

    /// What was counted.
    pub(crate) fn statistics(&self) -> Statistics {
        self.with(|counts, now| counts.statistics(now, SystemTime::now()))
    }
}

impl Counts {
    fn new(world: &Snapshot, now: Duration) -> Self {
        let (windows, house) = (Vec::new(), Ring::new(now));
        let mut counts = Self { windows, house, providers: BTreeMap::new() };
        counts.describe(world, now);
        counts
    }

    /// The longest window; without any, the step that is running is kept all the same.
    fn longest(&self) -> Duration {
        self.windows.last().copied().unwrap_or(STATS_STEP)
    }

    fn take(&mut self, record: &UsageRecord, ending: Ending, now: Duration) {
        let time = (now, self.longest());
        self.house.take(record, ending, time);
        for tried in tries(record, ending) {
            let of_provider = match self.providers.get_mut(tried.provider) {
                Some(known) => known,
                // A call that began under an older configuration.
                None => self
                    .providers
                    .entry(tried.provider.to_owned())
                    .or_insert_with(|| OfProvider { ring: Ring::new(now), gone: Some(now) }),
            };
            match tried.written {
                None => of_provider.ring.take(record, ending, time),
                Some(written) => {
                    of_provider.ring.take(&of_try(record, written, tried.tells), tried.ending, time);
                }
            }
        }
    }

    fn describe(&mut self, world: &Snapshot, now: Duration) {
        self.forget(now);
        self.windows.clone_from(&world.stats_windows);
        for (name, of_provider) in &mut self.providers {
            let configured = world.providers.iter().any(|provider| provider.name == *name);
            of_provider.gone = (!configured).then_some(of_provider.gone.unwrap_or(now));
        }
        for provider in &world.providers {
            let fresh = || OfProvider { ring: Ring::new(now), gone: None };
            self.providers.entry(provider.name.clone()).or_insert_with(fresh);
        }
    }

    /// Lets go of what no window sees, and of providers that have been gone for longer than the longest.
    fn forget(&mut self, now: Duration) {
        let longest = self.longest();
        self.house.forget(now, longest);
        self.providers.retain(|_, of_provider| of_provider.gone.is_none_or(|gone| now - gone <= longest));
        self.providers.values_mut().for_each(|of_provider| of_provider.ring.forget(now, longest));
    }

    fn reset(&mut self, now: Duration) {
        self.house = Ring::new(now);
        self.providers.retain(|_, of_provider| of_provider.gone.is_none());
        self.providers.values_mut().for_each(|of_provider| of_provider.ring = Ring::new(now));
    }

    fn statistics(&mut self, now: Duration, wall: SystemTime) -> Statistics {
        self.forget(now);
        let reader = Reader { windows: &self.windows, now, wall };
        let provider = |(name, of_provider): (&String, &OfProvider)| ProviderStatistics {
            provider: name.clone(),
            configured: of_provider.gone.is_none(),
            counted: reader.counted(&of_provider.ring),
        };
        Statistics {
            step_seconds: STATS_STEP.as_secs(),
            house: reader.counted(&self.house),
            providers: self.providers.iter().map(provider).collect(),
        }
    }
}

/// What one of several tries was for its provider. `tells`: the call's record tells of it, and also of what came before it.
fn of_try(record: &UsageRecord, written: &Attempt, tells: bool) -> UsageRecord {
    let own = UsageRecord {
        operation: record.operation.clone(),
        stream: record.stream,
        attempts: 1,
        duration_us: written.duration_us,
        tokens: written.tokens,
        ..UsageRecord::default()
    };
    if !tells {
        return own;
    }
    let before = record.first_byte_us.unwrap_or(record.duration_us).saturating_sub(written.duration_us);
    UsageRecord {
        duration_us: record.duration_us.saturating_sub(before),
        first_byte_us: record.first_byte_us.map(|_| written.duration_us),
        tokens: record.tokens,
        bytes_in: record.bytes_in,
        bytes_out: record.bytes_out,
        ..own
    }
}

#[cfg(test)]
mod tests;
