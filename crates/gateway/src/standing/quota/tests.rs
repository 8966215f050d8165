//! What is taken of quotas, and what comes back.

use std::collections::BTreeMap;

use config::snapshot::Provider;
use proptest::prelude::*;

use super::super::keys::{Keys, KeysOut, Picked, Want};
use super::super::lane::Lane;
use super::*;
use crate::observe::Waits;

fn provider(settings: &str) -> Arc<Provider> {
    let text = format!("providers: {{openai: {{{settings}}}}}");
    config::parse(&text, &BTreeMap::new()).map(|loaded| loaded.snapshot.providers[0].clone()).unwrap()
}

/// One provider, and whoever asks it.
struct Stage {
    provider: Arc<Provider>,
    keys: Keys,
    lane: Lane,
    queue: Arc<Queue>,
}

impl Stage {
    fn new(settings: &str) -> Self {
        let queue = Arc::new(Queue::new(Waits::default()));
        Self { provider: provider(settings), keys: Keys::default(), lane: Lane::default(), queue }
    }

    fn try_it(&self, tokens: u64) -> Result<(Option<usize>, Reservation), KeysOut> {
        let Self { provider, keys, lane, queue } = self;
        match keys.pick(&Want { provider, lane, tried: &[], tokens, queue }) {
            Picked::Own(taken) => Ok((None, taken)),
            Picked::Key(key, taken) => Ok((Some(key.place), taken)),
            Picked::Exhausted(out) => Err(out),
        }
    }

    fn takes(&self, tokens: u64) -> bool {
        self.try_it(tokens).is_ok()
    }
}

#[test]
fn a_try_gives_back_what_it_did_not_need_on_every_ending() {
    let stage = Stage::new("max_rpm: 3, max_tpm: 100, max_concurrency: 1");
    let (_, mut taken) = stage.try_it(60).unwrap();
    assert!(!stage.takes(0), "one call at once");
    taken.unsent();
    drop(taken);
    let (_, mut taken) = stage.try_it(60).unwrap();
    taken.refused();
    drop(taken);
    let (_, mut taken) = stage.try_it(100).unwrap();
    taken.settle(30);
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = taken;
        std::panic::panic_any("a fault of ours");
    }));
    assert!(matches!(stage.try_it(71), Err(KeysOut::Full { whole: true, .. })), "30 of 100 are used");
    assert!(stage.takes(70));
    let out = stage.try_it(0).map(|_| ());
    assert!(
        matches!(out, Err(KeysOut::Full { left, .. }) if left > Duration::from_secs(59)),
        "three were sent"
    );
}

#[test]
fn who_is_gone_before_anybody_counted_has_used_what_was_set_aside() {
    let stage = Stage::new("max_tpm: 100");
    drop(stage.try_it(60).unwrap());
    assert!(!stage.takes(41) && stage.takes(40));
}

#[test]
fn a_call_larger_than_the_quota_takes_all_of_it() {
    let stage = Stage::new("max_tpm: 100");
    let _all = stage.try_it(5000).unwrap();
    assert!(!stage.takes(1));
}

#[test]
fn a_key_whose_quota_is_taken_is_passed_over() {
    let stage = Stage::new("keys: {a: {key: sk-a, max_rpm: 1, priority: 1}, b: {key: sk-b, max_rpm: 2}}");
    let order: Vec<_> = (0..3).filter_map(|_| stage.try_it(1).ok()?.0).collect();
    assert_eq!(order, [0, 1, 1]);
    assert!(matches!(stage.try_it(1), Err(KeysOut::Full { whole: true, .. })));
}

#[test]
fn what_the_provider_says_is_left_lowers_what_is_let_through_until_its_reset() {
    let stage = Stage::new("max_rpm: 1000, max_tpm: 1000");
    let now = Instant::now();
    let said = |tokens, seconds| Left {
        tokens: Some(tokens),
        tokens_reset: Some(Duration::from_secs(seconds)),
        ..Left::default()
    };
    stage.lane.told.hear(&said(50, 30), now);
    stage.lane.told.hear(&said(500, 30), now);
    let out = stage.try_it(51).map(|_| ());
    assert!(
        matches!(out, Err(KeysOut::Full { whole: false, left }) if left <= Duration::from_secs(30)),
        "{out:?}"
    );
    let (_, mut taken) = stage.try_it(50).unwrap();
    assert!(!stage.takes(1), "50 are on their way");
    taken.settle(20);
    drop(taken);
    assert!(stage.takes(30));
    stage.lane.told.forget();
    assert!(stage.takes(900));
    // A reset that is over is one that was.
    stage.lane.told.hear(&said(0, 0), now);
    assert!(stage.takes(10));
}

#[test]
fn a_thousand_at_once_never_take_one_more_than_there_is() {
    let stage = Stage::new("max_rpm: 300, max_tpm: 10007");
    let (mut requests, mut tokens) = (0, 0);
    std::thread::scope(|scope| {
        let ask = |at: u64| {
            let stage = &stage;
            move || {
                (0..125)
                    .map(|n| 20 + (at * 125 + n) % 50)
                    .filter(|many| stage.takes(*many))
                    .collect::<Vec<_>>()
            }
        };
        let all: Vec<_> = (0..8).map(|at| scope.spawn(ask(at))).collect();
        for taken in all.into_iter().filter_map(|one| one.join().ok()) {
            requests += taken.len();
            tokens += taken.iter().sum::<u64>();
        }
    });
    assert!(requests <= 300 && tokens <= 10_007, "{requests} {tokens}");
    assert!(tokens > 10_007 - 70 || requests == 300, "{requests} {tokens}");
}

proptest! {
    #[test]
    fn however_tries_end_the_running_count_comes_back_to_none(
        endings in prop::collection::vec((0..5u8, 0..40u64), 1..60),
    ) {
        let stage = Stage::new("max_tpm: 1000000, max_concurrency: 3");
        let mut open = Vec::new();
        let mut used = 0;
        for (ending, tokens) in endings {
            let Ok((_, mut taken)) = stage.try_it(tokens) else {
                prop_assert_eq!(open.len(), 3);
                open.clear();
                continue;
            };
            match ending {
                0 => taken.unsent(),
                1 => taken.refused(),
                2 => { taken.settle(7); used += 7; }
                3 => used += tokens,
                _ => { used += tokens; open.push(taken); }
            }
        }
        open.clear();
        let three: Vec<_> = (0..3).map(|_| stage.try_it(0)).collect();
        prop_assert!(three.iter().all(Result::is_ok));
        prop_assert!(stage.try_it(0).is_err());
        drop(three);
        prop_assert!(stage.takes(1_000_000 - used));
    }
}
