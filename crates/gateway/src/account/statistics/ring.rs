//! The calls of one provider, or of the whole house: since the beginning, and in steps over the longest window.
//!
//! Time is a monotonic one and always an argument, counted from the start of the gateway: clocks that jump change nothing,
//! and tests set it by hand. Steps without a call are not kept, so that silence costs no memory.

use std::collections::VecDeque;
use std::time::Duration;

use config::snapshot::STATS_STEP;
use store::UsageRecord;

use super::tally::Tally;
use crate::observe::Ending;

/// The calls of somebody.
#[derive(Debug)]
pub(super) struct Ring {
    /// All since `since`.
    pub(super) total: Tally,
    /// Steps with a call in them, by number, oldest first.
    steps: VecDeque<(u64, Box<Tally>)>,
    /// Steps before this number have been let go of: a window that was lengthened sees no further.
    kept_from: u64,
    /// When counting began.
    pub(super) since: Duration,
    pub(super) last_call: Option<Duration>,
    /// The last error, and when it was.
    pub(super) last_error: Option<(Duration, Ending)>,
}

/// The step a time lies in.
fn step(at: Duration) -> u64 {
    at.as_secs() / STATS_STEP.as_secs()
}

/// The first step of a window that ends now: this step counts as one of its own.
fn first(window: Duration, now: Duration) -> u64 {
    (step(now) + 1).saturating_sub(step(window))
}

impl Ring {
    /// Begins to count.
    pub(super) fn new(now: Duration) -> Self {
        let (total, steps) = (Tally::default(), VecDeque::new());
        Self { total, steps, kept_from: 0, since: now, last_call: None, last_error: None }
    }

    /// Takes a call in that has just ended; no window is longer than `longest`.
    pub(super) fn take(
        &mut self,
        record: &UsageRecord,
        ending: Ending,
        (now, longest): (Duration, Duration),
    ) {
        self.total.take(record, ending);
        self.last_call = Some(now);
        if ending.is_error() {
            self.last_error = Some((now, ending));
        }
        self.forget(now, longest);
        let number = step(now);
        match self.steps.back_mut() {
            Some((last, tally)) if *last >= number => tally.take(record, ending),
            _ => {
                let mut tally = Box::<Tally>::default();
                tally.take(record, ending);
                self.steps.push_back((number, tally));
            }
        }
    }

    /// Lets go of what no window sees any more.
    pub(super) fn forget(&mut self, now: Duration, longest: Duration) {
        self.kept_from = self.kept_from.max(first(longest, now));
        while self.steps.front().is_some_and(|(number, _)| *number < self.kept_from) {
            self.steps.pop_front();
        }
    }

    /// The sums of windows, shortest first, each with the time it covers: what lies before `since` is not covered, nor is
    /// what was let go of.
    pub(super) fn sums(&self, windows: &[Duration], now: Duration) -> Vec<(Tally, Duration)> {
        let mut steps = self.steps.iter().rev().peekable();
        let mut sum = Tally::default();
        let told = windows.iter().map(|window| {
            let first = first(*window, now);
            while let Some((_, tally)) = steps.next_if(|(number, _)| *number >= first) {
                sum.add(tally);
            }
            let from = Duration::from_secs(first.max(self.kept_from) * STATS_STEP.as_secs());
            (sum.clone(), now.saturating_sub(from.max(self.since)))
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::usage_record::{Outcome, Tokens};

    use super::*;

    const WINDOWS: [Duration; 4] =
        [Duration::from_mins(5), Duration::from_mins(15), Duration::from_mins(30), Duration::from_mins(60)];
    const LONGEST: Duration = Duration::from_mins(60);

    fn record(kind: u8, size: u64) -> UsageRecord {
        let (outcome, status, error) = match kind {
            0 => (Outcome::Answered, 200, None),
            1 => (Outcome::Answered, 429, None),
            2 => (Outcome::Answered, 500, None),
            3 => (Outcome::Refused, 404, Some("model_not_found")),
            4 => (Outcome::Refused, 502, Some("upstream_timeout")),
            5 => (Outcome::Interrupted, 200, Some("upstream_stream_interrupted")),
            6 => (Outcome::Refused, 502, Some("upstream_auth_failed")),
            7 => (Outcome::Answered, 400, None),
            _ => (Outcome::CallerLeft, 499, None),
        };
        UsageRecord {
            outcome,
            status,
            error: error.map(str::to_owned),
            operation: "chat".into(),
            stream: size.is_multiple_of(2),
            attempts: u32::from(kind != 3),
            tokens: (!size.is_multiple_of(3)).then_some(Tokens {
                input: size,
                output: 2 * size,
                cached: 1,
                reasoning: 2,
            }),
            bytes_in: size,
            bytes_out: 3 * size,
            duration_us: size * 997,
            first_byte_us: (kind == 0).then_some(size * 101),
            ..UsageRecord::default()
        }
    }

    /// What a window is: the step that is running, and as many whole ones before it as make up the window.
    fn naive(calls: &[(Duration, UsageRecord)], window: Duration, now: Duration) -> Tally {
        let mut tally = Tally::default();
        let begin = (now.as_secs() / 10 * 10 + 10).saturating_sub(window.as_secs());
        for (at, record) in calls.iter().filter(|(at, _)| at.as_secs() >= begin) {
            assert!(*at <= now);
            tally.take(record, Ending::of(record));
        }
        tally
    }

    proptest! {
        #[test]
        fn every_window_is_the_sum_of_exactly_the_calls_that_ended_in_it(
            gaps in prop::collection::vec((0u64..90_000, 0u8..9, 0u64..5_000), 1..300),
            reads in prop::collection::vec(0u64..5_000_000, 1..4),
        ) {
            let mut ring = Ring::new(Duration::ZERO);
            let (mut now, mut calls) = (Duration::ZERO, Vec::new());
            for (gap_ms, kind, size) in gaps {
                now += Duration::from_millis(gap_ms);
                let record = record(kind, size);
                ring.take(&record, Ending::of(&record), (now, LONGEST));
                calls.push((now, record));
            }
            prop_assert!(ring.steps.len() <= 360);
            for later_ms in std::iter::once(0).chain(reads) {
                now += Duration::from_millis(later_ms);
                for ((sum, covered), window) in ring.sums(&WINDOWS, now).iter().zip(WINDOWS) {
                    prop_assert_eq!(sum, &naive(&calls, window, now), "{:?} at {:?}", window, now);
                    prop_assert!(*covered <= window && *covered <= now);
                }
            }
            let mut total = Tally::default();
            calls.iter().for_each(|(_, record)| total.take(record, Ending::of(record)));
            prop_assert_eq!(&ring.total, &total);
        }
    }

    #[test]
    fn a_call_leaves_the_window_with_its_step() {
        let mut ring = Ring::new(Duration::ZERO);
        let call = record(0, 7);
        ring.take(&call, Ending::Answered, (Duration::from_secs(19), LONGEST));
        let calls = |now| ring.sums(&WINDOWS[..1], Duration::from_secs(now))[0].0.calls();
        assert_eq!(
            (calls(19), calls(309), calls(310)),
            (1, 1, 0),
            "steps from 10 s on are in it until 310 s"
        );
    }

    #[test]
    fn a_window_that_was_lengthened_covers_what_was_kept() {
        let mut ring = Ring::new(Duration::ZERO);
        let now = Duration::from_mins(100);
        ring.forget(now, Duration::from_mins(5));
        let covered = |now| ring.sums(&WINDOWS[1..2], now)[0].1;
        assert_eq!(covered(now), Duration::from_secs(290));
        assert_eq!(covered(now + Duration::from_mins(5)), Duration::from_secs(590));
    }

    #[test]
    fn silence_and_old_calls_cost_no_memory() {
        let mut ring = Ring::new(Duration::ZERO);
        for minute in 0..10_000 {
            ring.take(&record(0, 1), Ending::Answered, (Duration::from_mins(minute), LONGEST));
        }
        assert_eq!(ring.steps.len(), 60);
        ring.forget(Duration::from_mins(20_000), LONGEST);
        assert!(ring.steps.is_empty());
        assert_eq!(ring.total.calls(), 10_000);
    }
}
