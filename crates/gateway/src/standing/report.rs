//! How providers stand, as it is told: plain facts with their units in their names.

use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::breaker::BreakerWord;
use super::drill::DrillStanding;
use super::health::{Health, HealthWord};
use super::hold::{Held, OverrideKind};
use super::keys::KeyStanding;
use super::target::TargetStanding;
use crate::observe::{Ending, unix_ms};

/// How all configured providers stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Standings {
    /// How many stand how.
    pub summary: Summary,
    /// Each, in order of preference.
    pub providers: Vec<Standing>,
}

/// How many providers stand how. The first three together are all of them; the overrides are counted besides.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Summary {
    /// Healthy by their last attempts.
    pub healthy: usize,
    /// Degraded by their last attempts.
    pub degraded: usize,
    /// Of those nothing is known.
    pub unknown: usize,
    /// Paused by hand.
    pub paused: usize,
    /// Their breaker forced open by hand.
    pub forced_open: usize,
    /// Their breaker forced closed by hand.
    pub forced_closed: usize,
}

/// How one provider stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Standing {
    /// Its name.
    pub provider: String,
    /// Whether calls are sent to it at this moment: nobody has said otherwise, not all of its targets that were asked so far are
    /// left alone, and not all of its keys are put aside.
    pub takes_calls: bool,
    /// What its last attempts tell.
    pub health: HealthWord,
    /// How many attempts in a row have failed.
    pub failures_in_a_row: u64,
    /// When it last answered; milliseconds since 1970.
    pub last_success_unix_ms: Option<u64>,
    /// When it last failed, and how.
    pub last_failure: Option<Failure>,
    /// What somebody said by hand.
    #[serde(rename = "override")]
    pub overridden: Option<Overridden>,
    /// Each target that was asked, or could have been: one model of it. Those of which something is to be told come first.
    pub targets: Vec<TargetStanding>,
    /// Its keys, where it has several.
    pub keys: Vec<KeyStanding>,
    /// Faults that are made there on purpose; nearly always none, and then it is not told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drills: Vec<DrillStanding>,
}

/// A failure, without its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// When; milliseconds since 1970.
    pub at_unix_ms: u64,
    /// How.
    pub kind: Ending,
}

/// What somebody said by hand, as long as it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Overridden {
    /// What.
    pub kind: OverrideKind,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when; milliseconds since 1970.
    pub since_unix_ms: u64,
    /// Until when, if it ends by itself; milliseconds since 1970.
    pub until_unix_ms: Option<u64>,
    /// For how much longer.
    pub seconds_left: Option<u64>,
}

impl Standings {
    pub(super) fn of(providers: Vec<Standing>) -> Self {
        let mut summary = Summary::default();
        for standing in &providers {
            *match standing.health {
                HealthWord::Healthy => &mut summary.healthy,
                HealthWord::Degraded => &mut summary.degraded,
                HealthWord::Unknown => &mut summary.unknown,
            } += 1;
            if let Some(overridden) = &standing.overridden {
                *match overridden.kind {
                    OverrideKind::Paused => &mut summary.paused,
                    OverrideKind::ForcedOpen => &mut summary.forced_open,
                    OverrideKind::ForcedClosed => &mut summary.forced_closed,
                } += 1;
            }
        }
        Self { summary, providers }
    }
}

impl Standing {
    /// What its breakers say of it as a whole: open when every target that was asked is left alone, half-open when some are
    /// (docs/statistics.md). What somebody forced counts.
    pub(crate) fn breaker(&self) -> BreakerWord {
        let left_alone = |target: &&TargetStanding| !target.takes_calls();
        let shut = self.targets.iter().filter(left_alone).count();
        match self.overridden.as_ref().map(|said| said.kind) {
            Some(OverrideKind::ForcedOpen) => BreakerWord::Open,
            Some(OverrideKind::ForcedClosed) => BreakerWord::Closed,
            _ if shut > 0 && shut == self.targets.len() => BreakerWord::Open,
            _ if self.targets.iter().all(|target| target.breaker == BreakerWord::Closed) => {
                BreakerWord::Closed
            }
            _ => BreakerWord::HalfOpen,
        }
    }
}

/// What was looked at of one provider.
pub(super) struct Looked<'a> {
    pub(super) health: &'a Health,
    pub(super) held: Option<&'a Held>,
    pub(super) targets: Vec<TargetStanding>,
    pub(super) keys: Vec<KeyStanding>,
    pub(super) drills: Vec<DrillStanding>,
}

/// How one stands at a moment.
pub(super) fn standing(provider: &str, looked: Looked<'_>, (now, wall): (Instant, SystemTime)) -> Standing {
    let Looked { health, held, targets, keys, drills } = looked;
    let forced =
        held.is_some_and(|held| held.left(now).is_some() && held.said.kind == OverrideKind::ForcedClosed);
    let barred = held.is_some_and(|held| held.bars(now).is_some());
    let shut = !forced && !targets.is_empty() && !targets.iter().any(TargetStanding::takes_calls);
    let keyless = !keys.is_empty() && keys.iter().all(|key| key.aside.is_some() || key.expired);
    let at = |then: Instant| unix_ms(wall.checked_sub(now.saturating_duration_since(then)));
    Standing {
        provider: provider.to_owned(),
        takes_calls: !barred && !shut && !keyless,
        health: health.word(now),
        failures_in_a_row: health.failures_in_a_row,
        last_success_unix_ms: health.last_success.map(at),
        last_failure: health.last_failure.map(|(then, kind)| Failure { at_unix_ms: at(then), kind }),
        overridden: held.and_then(|held| overridden(held, (now, wall))),
        targets,
        keys,
        drills,
    }
}

/// What was said by hand; none when it is over.
pub(super) fn overridden(held: &Held, (now, wall): (Instant, SystemTime)) -> Option<Overridden> {
    let left = held.left(now)?;
    let said = &held.said;
    Some(Overridden {
        kind: said.kind,
        by: said.by.clone(),
        why: said.why.clone(),
        since_unix_ms: unix_ms(Some(said.since)),
        until_unix_ms: left.map(|left| unix_ms(wall.checked_add(left))),
        // Rounded up: whoever waits that long finds it over.
        seconds_left: left.map(|left| (left + Duration::from_millis(999)).as_secs()),
    })
}
