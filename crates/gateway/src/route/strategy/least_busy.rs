//! The place with the fewest calls running, in parts of its weight; of two that are equal, the one written first.

use super::Turn;
use crate::route::target::Target;

pub(super) fn order(tier: &mut [Target], _turn: Turn<'_>) {
    tier.sort_by_cached_key(load);
}

/// Thousandths of a call for each part of its weight. One of no weight is asked when no other can.
fn load(target: &Target) -> u64 {
    let running = u64::from(target.lane.running()) + 1;
    running.saturating_mul(1000).checked_div(u64::from(target.weight)).unwrap_or(u64::MAX)
}
