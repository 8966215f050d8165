//! Shares, turns and conversations, by what is asked first.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::Snapshot;

use super::*;
use crate::standing::Lane;

fn world(text: &str) -> Snapshot {
    config::parse(text, &BTreeMap::new()).map(|loaded| loaded.snapshot).unwrap()
}

fn targets(weights: &[u32]) -> Vec<Target> {
    let providers: Vec<String> =
        (0..weights.len()).map(|n| format!("p{n}: {{type: openai, api_key: sk-1}}")).collect();
    let world = world(&format!("providers: {{{}}}", providers.join(", ")));
    let target = |(provider, weight): (&Arc<_>, &u32)| Target {
        provider: Arc::clone(provider),
        model: Some("m".to_owned()),
        weight: *weight,
        lane: Arc::new(Lane::default()),
        purse: None,
        forced: false,
    };
    world.providers.iter().zip(weights).map(target).collect()
}

fn firsts(
    strategy: Strategy,
    all: &[Target],
    times: usize,
    conversation: Option<u64>,
) -> BTreeMap<String, usize> {
    let turns = Turns::default();
    let mut counts = BTreeMap::new();
    for _ in 0..times {
        let mut targets = all.to_vec();
        order(&mut targets, strategy, Turn { rule: "m", turns: &turns, conversation });
        *counts.entry(targets[0].provider.name.clone()).or_default() += 1;
    }
    counts
}

#[test]
fn weights_are_kept_to_a_hundredth() {
    for weights in [&[1, 1][..], &[3, 1], &[70, 20, 10], &[1, 2, 3, 4, 5]] {
        let total: u32 = weights.iter().sum();
        let counts = firsts(Strategy::Weighted, &targets(weights), 1000, None);
        for (n, weight) in weights.iter().enumerate() {
            let (has, due) =
                (counts[&format!("p{n}")] as f64, 1000.0 * f64::from(*weight) / f64::from(total));
            assert!((has - due).abs() <= 10.0, "{weights:?}: p{n} has {has} of {due}");
        }
    }
}

#[test]
fn a_place_of_no_weight_is_asked_last() {
    let counts = firsts(Strategy::Weighted, &targets(&[0, 1]), 10, None);
    assert_eq!(counts.get("p0"), None);
}

#[test]
fn each_in_turn_and_the_one_with_the_fewest_running() {
    let all = targets(&[1, 1, 1]);
    assert_eq!(firsts(Strategy::RoundRobin, &all, 9, None).into_values().collect::<Vec<_>>(), [3, 3, 3]);
    let _held = [
        all[0].lane.enter_anyway(&all[0].provider.breaker),
        all[2].lane.enter_anyway(&all[2].provider.breaker),
    ];
    assert_eq!(firsts(Strategy::LeastBusy, &all, 3, None).into_keys().collect::<Vec<_>>(), ["p1"]);
}

#[test]
fn a_conversation_stays_where_it_is_until_that_place_is_full() {
    let all = targets(&[1, 1, 1]);
    let first = firsts(Strategy::CacheAffine, &all, 20, Some(7));
    assert_eq!(first.len(), 1);
    let name = first.into_keys().next().unwrap_or_default();
    let at = all.iter().position(|target| target.provider.name == name).unwrap_or(0);
    let _held: Vec<_> = (0..3).map(|_| all[at].lane.enter_anyway(&all[at].provider.breaker)).collect();
    assert!(
        !firsts(Strategy::CacheAffine, &all, 1, Some(7)).contains_key(&name),
        "it has all that is running"
    );
}

#[test]
fn a_place_that_takes_no_calls_stands_behind_those_that_do() {
    let all = targets(&[1, 1]);
    all[0].lane.park(std::time::Duration::from_secs(60));
    for strategy in [Strategy::Failover, Strategy::Weighted, Strategy::LowestLatency, Strategy::LowestCost] {
        assert_eq!(firsts(strategy, &all, 5, None).into_keys().collect::<Vec<_>>(), ["p1"], "{strategy:?}");
    }
}
