//! One conversation, one place, which then has the beginning of its prompt in its cache: weighted rendezvous hashing. Each place
//! draws a number from the conversation and its own name; the highest wins. When one of n places goes, only its own
//! conversations move; when one comes, it takes its share of each.
//!
//! Bounded: a place that has more than 1.25 times its share of what is running stands behind the others, so that one long
//! conversation of many calls does not fill it.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Turn;
use crate::route::target::Target;

/// How much more than its share a place may have running.
const BOUND: f64 = 1.25;

pub(super) fn order(tier: &mut [Target], turn: Turn<'_>) {
    let Some(conversation) = turn.conversation else { return };
    let running: f64 = tier.iter().map(|target| f64::from(target.lane.running())).sum();
    let weights: f64 = tier.iter().map(|target| f64::from(target.weight)).sum();
    let full = |target: &Target| {
        let share = (running + 1.0) * f64::from(target.weight) / weights.max(1.0);
        f64::from(target.lane.running()) >= (share * BOUND).ceil()
    };
    let drawn = |target: &Target| {
        let score = draw(conversation, &target.provider.name, target.model.as_deref(), target.weight);
        // The highest first; all are finite.
        (full(target), -score)
    };
    tier.sort_by(|a, b| {
        let ((full_a, a), (full_b, b)) = (drawn(a), drawn(b));
        full_a.cmp(&full_b).then(a.total_cmp(&b))
    });
}

/// What a place draws: -weight / ln(u) with u from 0 to 1, so that each wins its share.
fn draw(conversation: u64, provider: &str, model: Option<&str>, weight: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (conversation, provider, model).hash(&mut hasher);
    // 53 bits of it, never 0 and never 1.
    let part = ((hasher.finish() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(weight.max(1)) / part.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_goes_takes_its_own_conversations_along_and_no_others() {
        let places = ["a", "b", "c", "d"];
        let winner = |conversation: u64, places: &[&'static str]| {
            let score = |place: &&&str| draw(conversation, place, None, 1);
            places.iter().max_by(|a, b| score(a).total_cmp(&score(b))).copied()
        };
        let all = 10_000;
        let mut moved = 0;
        for conversation in 0..all {
            let (before, after) = (winner(conversation, &places), winner(conversation, &places[..3]));
            assert!(before == after || before == Some("d"), "only those of the one that went move");
            moved += u32::from(before != after);
        }
        assert!((2300..2700).contains(&moved), "a quarter: {moved}");
    }

    #[test]
    fn shares_follow_the_weights() {
        let heavy = (0..10_000_u64).filter(|n| draw(*n, "a", None, 3) > draw(*n, "b", None, 1)).count();
        assert!((7300..7700).contains(&heavy), "{heavy}");
    }
}
