//! Each place in turn.

use super::Turn;
use crate::route::target::Target;

pub(super) fn order(tier: &mut [Target], turn: Turn<'_>) {
    let turns = turn.turns.of(turn.rule).next();
    let first = usize::try_from(turns % tier.len() as u64).unwrap_or(0);
    tier.rotate_left(first);
}
