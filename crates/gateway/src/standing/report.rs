//! How providers stand, as it is told: plain facts with their units in their names.

use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::drill::DrillStanding;
use super::health::{Health, HealthWord};
use super::hold::{Held, OverrideKind};
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
    /// Whether calls are sent to it at this moment.
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

/// How one stands at a moment.
pub(super) fn standing(
    provider: &str,
    health: &Health,
    (held, drills): (Option<&Held>, Vec<DrillStanding>),
    (now, wall): (Instant, SystemTime),
) -> Standing {
    let at = |then: Instant| unix_ms(wall.checked_sub(now.saturating_duration_since(then)));
    Standing {
        provider: provider.to_owned(),
        takes_calls: held.is_none_or(|held| held.bars(now).is_none()),
        health: health.word(now),
        failures_in_a_row: health.failures_in_a_row,
        last_success_unix_ms: health.last_success.map(at),
        last_failure: health.last_failure.map(|(then, kind)| Failure { at_unix_ms: at(then), kind }),
        overridden: held.and_then(|held| overridden(held, (now, wall))),
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
