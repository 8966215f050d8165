//! The place that answers soonest: of two drawn at random the one with the lower cost, which is what it takes to begin an answer
//! (a mean that believes a slow one at once) times the calls that run there. Two drawn, and not the best of all, so that not
//! everybody runs to the one that was fast a moment ago. A place of which nothing is known is tried.

use std::time::Duration;

use super::Turn;
use crate::route::target::Target;

pub(super) fn order(tier: &mut [Target], _turn: Turn<'_>) {
    let first = fastrand::usize(..tier.len());
    let mut second = fastrand::usize(..tier.len() - 1);
    second += usize::from(second >= first);
    let better = if cost(&tier[second]) < cost(&tier[first]) { second } else { first };
    tier[..=better].rotate_right(1);
    tier[1..].sort_by_cached_key(cost);
}

fn cost(target: &Target) -> Duration {
    let mean = target.lane.pace.mean().unwrap_or_default();
    mean.saturating_mul(target.lane.running() + 1)
}
