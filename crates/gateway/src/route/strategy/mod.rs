//! Strategies: in which order the places of a call are asked. One file each, and one table.
//!
//! Where priorities differ, the higher one comes first with every strategy; a strategy orders those of one priority. Places
//! that take no calls at this moment stand behind those that do (docs/routing.md).

mod affine;
mod cost;
mod latency;
mod least_busy;
mod round_robin;
mod weighted;

use config::snapshot::Strategy;

use super::target::Target;
use super::turns::Turns;

/// What an order may depend on besides the places.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    /// What takes turns: the name or pattern of the model, as written.
    pub(crate) rule: &'a str,
    /// Whose turn it is.
    pub(crate) turns: &'a Turns,
    /// What a conversation is known by, if this one is to stay at one place.
    pub(crate) conversation: Option<u64>,
}

/// Puts places of one priority, two at least, which all take calls, into the order they are asked in.
type Order = fn(&mut [Target], Turn<'_>);

fn order_of(strategy: Strategy) -> Order {
    match strategy {
        // As written.
        Strategy::Failover => |_, _| {},
        Strategy::Weighted => weighted::order,
        Strategy::RoundRobin => round_robin::order,
        Strategy::LeastBusy => least_busy::order,
        Strategy::LowestLatency => latency::order,
        Strategy::LowestCost => cost::order,
        Strategy::CacheAffine => affine::order,
    }
}

/// Puts the places into order.
pub(super) fn order(targets: &mut [Target], strategy: Strategy, turn: Turn<'_>) {
    if targets.len() < 2 {
        return;
    }
    let key = |target: &Target| (std::cmp::Reverse(target.provider.priority), target.shut_for().is_some());
    // Looked at once: a breaker may change meanwhile.
    targets.sort_by_cached_key(key);
    let affine = turn.conversation.is_some() && spreads(strategy);
    let put = if affine { affine::order } else { order_of(strategy) };
    for tier in targets.chunk_by_mut(|a, b| key(a) == key(b)).filter(|tier| tier.len() > 1) {
        put(tier, turn);
    }
}

/// Whether it spreads calls, so that one conversation would be at several places.
fn spreads(strategy: Strategy) -> bool {
    matches!(strategy, Strategy::Weighted | Strategy::RoundRobin | Strategy::LeastBusy)
}

#[cfg(test)]
mod tests;
