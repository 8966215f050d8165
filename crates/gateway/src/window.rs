//! What was counted in a time that slides along with the clock.
//!
//! The time is cut into 60 slots, and a slot counts until all of it has left the time. So never more than the limit fits into any
//! stretch of that length, wherever it begins; and room comes back at most one slot, a sixtieth of the time, later than it could
//! (docs/adr/0024).

use std::time::Duration;

/// The slots of a time.
const SLOTS: u64 = 60;
/// Those that may reach into it: one more, for it seldom begins with one.
const RING: usize = 61;

/// A count over a sliding time. Moments are microseconds since the house began.
#[derive(Debug)]
pub(crate) struct Window {
    per: Duration,
    slot_us: u64,
    /// The number of the newest slot.
    newest: u64,
    sum: u64,
    slots: [u64; RING],
}

impl Window {
    /// An empty one.
    pub(crate) fn new(per: Duration, now_us: u64) -> Self {
        let slot_us = u64::try_from(per.as_micros()).unwrap_or(u64::MAX).div_ceil(SLOTS).max(1);
        Self { per, slot_us, newest: now_us / slot_us, sum: 0, slots: [0; RING] }
    }

    /// The time it counts over.
    pub(crate) fn per(&self) -> Duration {
        self.per
    }

    /// Brings it to a moment, and tells what counts then.
    pub(crate) fn at(&mut self, now_us: u64) -> u64 {
        let now = now_us / self.slot_us;
        if now > self.newest + SLOTS {
            (self.slots, self.sum) = ([0; RING], 0);
            self.newest = now;
        }
        while self.newest < now {
            self.newest += 1;
            let leaving = std::mem::take(&mut self.slots[place(self.newest)]);
            self.sum -= leaving;
        }
        self.sum
    }

    /// What counts at the moment it was brought to.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    /// Counts something now, the moment it was brought to.
    pub(crate) fn add(&mut self, amount: u64) {
        self.sum = self.sum.saturating_add(amount);
        let slot = &mut self.slots[place(self.newest)];
        *slot = slot.saturating_add(amount);
    }

    /// What was counted at a moment turns out to be another amount. Where that moment counts no more, what it was too little is
    /// counted now: whatever takes longer than the time would else go uncounted.
    pub(crate) fn amend(&mut self, then_us: u64, counted: u64, truth: u64) {
        let then = then_us / self.slot_us;
        if then + SLOTS < self.newest || then > self.newest {
            self.add(truth.saturating_sub(counted));
            return;
        }
        let slot = &mut self.slots[place(then)];
        let others = slot.saturating_sub(counted);
        self.sum = (self.sum - *slot).saturating_add(others).saturating_add(truth);
        *slot = others.saturating_add(truth);
    }

    /// How long until so much more fits below a limit, if nothing else comes; none: it does now.
    pub(crate) fn wait(&self, now_us: u64, more: u64, limit: u64) -> Option<Duration> {
        let mut left = self.sum.saturating_add(more);
        if left <= limit {
            return None;
        }
        for slot in self.newest.saturating_sub(SLOTS)..=self.newest {
            left -= self.slots[place(slot)];
            if left <= limit {
                return Some(self.until_left(slot, now_us));
            }
        }
        Some(self.until_left(self.newest, now_us))
    }

    /// How long until nothing counts any more, if nothing else comes.
    pub(crate) fn empties(&self, now_us: u64) -> Duration {
        let slots = (self.newest.saturating_sub(SLOTS)..=self.newest).rev();
        let last = slots.into_iter().find(|slot| self.slots[place(*slot)] > 0);
        last.map_or(Duration::ZERO, |slot| self.until_left(slot, now_us))
    }

    fn until_left(&self, slot: u64, now_us: u64) -> Duration {
        let leaves = (slot + SLOTS + 1).saturating_mul(self.slot_us);
        Duration::from_micros(leaves.saturating_sub(now_us))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below 61")]
fn place(slot: u64) -> usize {
    (slot % RING as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const SECOND: u64 = 1_000_000;

    #[test]
    fn what_was_counted_counts_for_the_whole_time_and_a_slot_longer_at_most() {
        let mut window = Window::new(MINUTE, 0);
        window.at(999_999);
        window.add(5);
        assert_eq!(window.at(60 * SECOND), 5, "a minute later it still counts");
        assert_eq!(window.wait(60 * SECOND, 6, 10), Some(Duration::from_secs(1)));
        assert_eq!(window.wait(60 * SECOND, 5, 10), None);
        assert_eq!(window.empties(60 * SECOND), Duration::from_secs(1));
        assert_eq!(window.at(61 * SECOND), 0);
        assert_eq!(window.empties(61 * SECOND), Duration::ZERO);
        assert_eq!(window.at(1_000_000 * SECOND), 0, "however long nobody looked");
    }

    #[test]
    fn an_amount_is_amended_where_it_was_counted_and_what_was_too_little_is_never_lost() {
        let mut window = Window::new(MINUTE, 0);
        window.at(0);
        window.add(100);
        window.at(30 * SECOND);
        window.add(1);
        window.amend(0, 100, 7);
        assert_eq!(window.at(30 * SECOND), 8);
        window.amend(0, 7, 250);
        assert_eq!(window.wait(30 * SECOND, 1, 200), Some(Duration::from_secs(31)));
        assert_eq!(window.at(61 * SECOND), 1);
        window.amend(0, 250, 300);
        assert_eq!(window.at(61 * SECOND), 51, "the moment is over: the rest counts now");
        window.amend(0, 250, 0);
        assert_eq!(window.at(61 * SECOND), 51, "and nothing is given back twice");
    }

    proptest! {
        #[test]
        fn no_stretch_of_the_time_ever_holds_more_than_the_limit(
            pauses in prop::collection::vec(0u64..5 * SECOND, 1..400),
            limit in 1u64..20,
        ) {
            let mut window = Window::new(MINUTE, 0);
            let (mut now, mut taken) = (0, Vec::<u64>::new());
            for pause in pauses {
                now += pause;
                window.at(now);
                match window.wait(now, 1, limit) {
                    None => {
                        window.add(1);
                        taken.push(now);
                    }
                    Some(wait) => {
                        let later = now + u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
                        let mut then = Window { slots: window.slots, ..window };
                        then.at(later);
                        prop_assert_eq!(then.wait(later, 1, limit), None, "the wait that is told is enough");
                    }
                }
            }
            for (at, from) in taken.iter().enumerate() {
                let within = taken[at..].iter().filter(|moment| **moment < from + 60 * SECOND).count();
                prop_assert!(within as u64 <= limit);
            }
        }
    }
}
