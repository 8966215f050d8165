//! How long is waited between two attempts, and how many attempts there may be.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use config::snapshot::Share;

/// The first wait, which doubles, and the longest. Their middle is waited: each is drawn anew (full jitter).
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(2);
/// A target that asked to be left alone and did not say for how long is left alone for that.
pub(super) const REST: Duration = Duration::from_millis(500);
/// No hint is believed beyond that (F-10).
pub(super) const LONGEST_REST: Duration = Duration::from_mins(10);

/// So many a second are always allowed, however few calls there are (T-56).
const ALWAYS: u64 = 3;
/// Seconds that are looked at.
const SECONDS: usize = 10;

/// The wait before an attempt that nobody said anything about: the `n`-th, from 0.
pub(super) fn back_off(n: u32) -> Duration {
    let most = FIRST.saturating_mul(1 << n.min(8)).min(LONGEST);
    // Never nothing at all: a target that fails at once has not changed a millisecond later.
    most.mul_f64(0.2 + 0.8 * fastrand::f64())
}

/// What may be asked again: a share of the calls of the last ten seconds, process-wide, so that an outage is not multiplied by
/// those who try again (T-56). Counted without a lock, a second a slot.
#[derive(Debug)]
pub(crate) struct Budget {
    born: Instant,
    calls: [AtomicU64; SECONDS],
    attempts: [AtomicU64; SECONDS],
}

/// A slot holds its second in the upper half and a count in the lower one.
const COUNT: u64 = 0xffff_ffff;

impl Default for Budget {
    fn default() -> Self {
        Self { born: Instant::now(), calls: Default::default(), attempts: Default::default() }
    }
}

impl Budget {
    fn second(&self) -> u64 {
        self.born.elapsed().as_secs()
    }

    /// A call has come.
    pub(super) fn call(&self) {
        add(&self.calls, self.second());
    }

    /// Whether one more may be tried again; if so it is counted.
    pub(super) fn take(&self, share: Share) -> bool {
        let now = self.second();
        let allowed = (sum(&self.calls, now) as f64 * share.0) as u64;
        let allowed = allowed.max(ALWAYS * SECONDS as u64);
        // Two at the same instant may both pass where one was left; more is not worth a lock.
        let may = sum(&self.attempts, now) < allowed;
        if may {
            add(&self.attempts, now);
        }
        may
    }
}

fn slot(slots: &[AtomicU64; SECONDS], second: u64) -> Option<&AtomicU64> {
    slots.get(usize::try_from(second % SECONDS as u64).unwrap_or(0))
}

fn add(slots: &[AtomicU64; SECONDS], second: u64) {
    let Some(slot) = slot(slots, second) else { return };
    let next = |value: u64| if value >> 32 == second { value + 1 } else { (second << 32) + 1 };
    let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| Some(next(value)));
}

fn sum(slots: &[AtomicU64; SECONDS], now: u64) -> u64 {
    let values = slots.iter().map(|slot| slot.load(Ordering::Relaxed));
    values.filter(|value| now.saturating_sub(value >> 32) < SECONDS as u64).map(|value| value & COUNT).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_calls_may_be_tried_again_and_three_a_second_always() {
        let few = Budget::default();
        assert_eq!((0..100).filter(|_| few.take(Share(0.2))).count(), 30);
        let many = Budget::default();
        (0..1000).for_each(|_| many.call());
        assert_eq!((0..1000).filter(|_| many.take(Share(0.2))).count(), 200);
    }

    #[test]
    fn waits_grow_and_stay_below_their_bound() {
        for n in 0..40 {
            let wait = back_off(n);
            assert!(wait <= LONGEST && wait >= FIRST / 5, "{n}: {wait:?}");
        }
        assert!((0..100).all(|_| back_off(0) <= FIRST));
    }
}
