//! Each place its share, by weight: smooth weighted round robin. Each saves up its weight with every call; the one that has saved
//! most is asked and pays the weights of all. Shares hold exactly, and no place gets a burst.

use super::Turn;
use crate::route::target::Target;

pub(super) fn order(tier: &mut [Target], turn: Turn<'_>) {
    let total: i64 = tier.iter().map(|target| i64::from(target.weight)).sum();
    if total == 0 {
        return;
    }
    let turns = turn.turns.of(turn.rule);
    let mut saved = turns.saved();
    let name = |target: &Target| (target.provider.name.clone(), target.model.clone().unwrap_or_default());
    let mut first: Option<(usize, i64)> = None;
    for (at, target) in tier.iter().enumerate() {
        let has = saved.entry(name(target)).or_default();
        *has += i64::from(target.weight);
        if target.weight > 0 && first.is_none_or(|(_, most)| *has > most) {
            first = Some((at, *has));
        }
    }
    let Some((first, _)) = first else { return };
    if let Some(has) = saved.get_mut(&name(&tier[first])) {
        *has -= total;
    }
    drop(saved);
    tier[..=first].rotate_right(1);
    // The others stand in, the heavier ones sooner.
    tier[1..].sort_by_key(|target| std::cmp::Reverse(target.weight));
}
