//! When a chore is due. Two clocks are looked at: the one on the wall, which outlasts the process and may be set by
//! anybody, and the time since we started, which goes evenly.

use std::time::Duration;

use config::Snapshot;
use store::Chore;

/// What is done now and then, in the order in which it is done: what was deleted is in no copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// What is too old is deleted.
    Retention,
    /// The room of what was deleted is given back.
    Vacuum,
    /// A copy is made.
    Backup,
    /// Everything is looked through.
    Health,
}

/// A moment, by both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Moment {
    /// Microseconds since 1970.
    pub(super) wall_us: u64,
    /// Since we started.
    pub(super) up: Duration,
}

/// What deletes looks whether there is something to delete at least this often.
const DAY: Duration = Duration::from_secs(86_400);
/// How long something that has failed is left alone, and something that another gateway has begun.
const AGAIN: Duration = Duration::from_secs(3_600);

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Retention, Self::Vacuum, Self::Backup, Self::Health];

    /// Its name in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Vacuum => "vacuum",
            Self::Backup => "backup",
            Self::Health => "health",
        }
    }

    /// How often it is done; `None`: never.
    pub(super) fn every(self, world: &Snapshot) -> Option<Duration> {
        let upkeep = &world.upkeep;
        match self {
            Self::Vacuum => upkeep.vacuum_every,
            Self::Backup => upkeep.backup.as_ref().map(|backup| backup.every),
            Self::Health => upkeep.health_every,
            Self::Retention => {
                let kept = &upkeep.kept;
                let responses = world.responses.map(|responses| responses.age);
                let shortest = [kept.requests, kept.sums, kept.audit, responses].into_iter().flatten().min();
                let by_count = (kept.revisions > 0).then_some(DAY);
                // What is kept for an hour must not be there for a day.
                let by_age = shortest.map(|age| (age / 4).clamp(Duration::from_secs(1), DAY));
                by_age.or(by_count)
            }
        }
    }
}

/// How long a chore is still to be waited for; zero: it is due. `quiet` is how long after a start nothing is made up for.
pub(super) fn wait(every: Duration, last: &Chore, now: Moment, quiet: Duration) -> Duration {
    let since = |then_us: u64| now.wall_us.checked_sub(then_us).map(Duration::from_micros);
    // Done in what is the future now: the clock was wrong then, or is now. Nobody shall wait for that time to come.
    let rest = since(last.done_us).map_or(Duration::ZERO, |ago| every.saturating_sub(ago));
    let begun = if last.begun_us > last.done_us { since(last.begun_us) } else { None };
    let left_alone = begun.map_or(Duration::ZERO, |ago| AGAIN.min(every).saturating_sub(ago));
    rest.max(left_alone).max(quiet.min(every).saturating_sub(now.up))
}

/// Whether the clock on the wall can be believed.
#[derive(Debug, Default)]
pub(super) struct Trust {
    last: Moment,
    /// Since when it goes evenly, by the other clock.
    even_since: Duration,
}

impl Trust {
    /// How far the two clocks may part between two looks.
    const JUMP: Duration = Duration::from_secs(300);
    /// How long the clock has to go evenly before something is deleted because it says so.
    const LONG_ENOUGH: Duration = Duration::from_secs(600);

    pub(super) fn new(now: Moment) -> Self {
        Self { last: now, even_since: now.up }
    }

    /// Looks at both clocks.
    pub(super) fn look(&mut self, now: Moment) {
        let even_us = self.last.wall_us + us(now.up.saturating_sub(self.last.up));
        if now.wall_us.abs_diff(even_us) > us(Self::JUMP) {
            self.even_since = now.up;
        }
        self.last = now;
    }

    /// How long it has to be waited before the clock may be believed for something that is done every so often.
    pub(super) fn wait(&self, every: Duration) -> Duration {
        let even_for = self.last.up.saturating_sub(self.even_since);
        Self::LONG_ENOUGH.min(every).saturating_sub(even_for)
    }
}

/// In microseconds, as databases count.
pub(super) fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
