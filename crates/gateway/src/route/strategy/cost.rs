//! The cheapest place, by `price_multiplier`: places of one model cost the same but for what their provider adds or takes off.
//! Of two that cost the same, the one written first.

use super::Turn;
use crate::route::target::Target;

pub(super) fn order(tier: &mut [Target], _turn: Turn<'_>) {
    tier.sort_by(|a, b| a.provider.price_multiplier.total_cmp(&b.provider.price_multiplier));
}
