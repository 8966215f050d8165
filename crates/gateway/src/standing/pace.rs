//! How soon a target begins to answer: what a hedge waits for, and what `lowest_latency` compares.
//!
//! Two figures a target, without a lock. A peak-sensitive mean: a slow answer counts at once, a fast one little by little, and
//! while nobody asks it fades, so that a target that was slow once is tried again. And
//! an estimate of the time that 99 of 100 answers stay below, for requests of about one size: each answer moves it, 99
//! times as far up when it came later as down when it came sooner.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Sizes of requests told apart: up to 8 KiB, 64 KiB, 512 KiB, and more.
const SIZES: [u64; 3] = [8 << 10, 64 << 10, 512 << 10];
/// How much of a faster answer is believed.
const ALPHA: f64 = 0.1;
/// In this time the mean fades to half.
const FADES: Duration = Duration::from_secs(10);

impl Default for Pace {
    fn default() -> Self {
        let (mean_us, learnt_us) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { born: Instant::now(), mean_us, learnt_us, late_us: Default::default() }
    }
}

/// The figures of one target, microseconds.
#[derive(Debug)]
pub(crate) struct Pace {
    born: Instant,
    mean_us: AtomicU64,
    /// When that was learnt, microseconds since birth.
    learnt_us: AtomicU64,
    late_us: [AtomicU64; SIZES.len() + 1],
}

impl Pace {
    /// An answer began after this time.
    pub(crate) fn began(&self, size: u64, after: Duration) {
        let after = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        let mean = self.mean_us.load(Ordering::Relaxed);
        let next = if after >= mean { after } else { mean - ((mean - after) as f64 * ALPHA) as u64 };
        self.mean_us.store(next, Ordering::Relaxed);
        let now = u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.learnt_us.store(now, Ordering::Relaxed);
        let late = &self.late_us[class(size)];
        let estimate = late.load(Ordering::Relaxed);
        let next = match estimate {
            0 => after.saturating_mul(2),
            // A step of a hundredth of what is estimated.
            _ if after > estimate => {
                estimate + (estimate / 100).max(1).saturating_mul(99).min(after - estimate)
            }
            _ => estimate - (estimate / 100).max(1).min(estimate - after),
        };
        late.store(next.max(1), Ordering::Relaxed);
    }

    /// The mean, if anything is known.
    pub(crate) fn mean(&self) -> Option<Duration> {
        let learnt = Duration::from_micros(self.learnt_us.load(Ordering::Relaxed));
        self.mean_at(self.born.elapsed().saturating_sub(learnt))
    }

    /// The mean so long after it was learnt.
    fn mean_at(&self, age: Duration) -> Option<Duration> {
        known(&self.mean_us).map(|mean| mean.mul_f64(0.5_f64.powf(age.as_secs_f64() / FADES.as_secs_f64())))
    }

    /// What 99 of 100 answers to requests of about this size stay below, if anything is known.
    pub(crate) fn late(&self, size: u64) -> Option<Duration> {
        known(&self.late_us[class(size)])
    }
}

fn known(figure: &AtomicU64) -> Option<Duration> {
    Some(figure.load(Ordering::Relaxed)).filter(|us| *us > 0).map(Duration::from_micros)
}

fn class(size: u64) -> usize {
    SIZES.iter().position(|most| size <= *most).unwrap_or(SIZES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_counts_at_once_and_is_forgotten_little_by_little() {
        let pace = Pace::default();
        assert_eq!(pace.mean(), None);
        (0..50).for_each(|_| pace.began(0, Duration::from_millis(10)));
        pace.began(0, Duration::from_secs(1));
        assert_eq!(pace.mean_at(Duration::ZERO), Some(Duration::from_secs(1)));
        assert_eq!(pace.mean_at(FADES), Some(Duration::from_millis(500)), "nobody asks, and it fades");
        (0..100).for_each(|_| pace.began(0, Duration::from_millis(10)));
        assert!(pace.mean().is_some_and(|mean| mean < Duration::from_millis(12)));
    }

    #[test]
    fn what_is_late_is_learnt_from_the_slowest_hundredth() {
        let pace = Pace::default();
        for n in 0..20_000_u64 {
            pace.began(0, Duration::from_micros(10_000 + (n * 7919 % 1000) * 10));
        }
        let late = pace.late(0).map_or(0, |late| late.as_micros());
        assert!((17_000..=22_000).contains(&late), "{late}");
        assert_eq!(pace.late(1 << 20), None, "of other sizes nothing is known");
    }
}
