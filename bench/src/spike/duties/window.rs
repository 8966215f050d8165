//! What was counted in a time that slides along with the clock: sixty slots, each of which counts until all of it has left.

/// The slots of a time, and one more, for it seldom begins with one.
const RING: usize = 61;

/// A count over the last minute, with its limit.
#[derive(Clone)]
pub(super) struct Window {
    /// The most that may be counted.
    pub(super) limit: u64,
    newest: u64,
    sum: u64,
    slots: [u64; RING],
}

impl Window {
    /// An empty one.
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, newest: 0, sum: 0, slots: [0; RING] }
    }

    /// Does so much more fit, in this second?
    pub(super) fn fits(&mut self, second: u64, amount: u64) -> bool {
        if second > self.newest + RING as u64 {
            (self.slots, self.sum, self.newest) = ([0; RING], 0, second);
        }
        while self.newest < second {
            self.newest += 1;
            self.sum -= std::mem::take(&mut self.slots[place(self.newest)]);
        }
        self.sum.saturating_add(amount) <= self.limit
    }

    /// Counts it, in the second that was asked for last.
    pub(super) fn add(&mut self, amount: u64) {
        self.sum += amount;
        self.slots[place(self.newest)] += amount;
    }

    /// What was counted in a second turns out to be another amount.
    pub(super) fn amend(&mut self, second: u64, counted: u64, truth: u64) {
        if second + (RING as u64) <= self.newest {
            return self.add(truth.saturating_sub(counted));
        }
        let slot = &mut self.slots[place(second)];
        *slot = (*slot - counted) + truth;
        self.sum = (self.sum - counted) + truth;
    }

    /// How much is left.
    pub(super) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.sum)
    }
}

fn place(second: u64) -> usize {
    (second % RING as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn what_was_counted_leaves_after_a_minute_and_what_is_settled_comes_back() {
        let mut window = Window::new(10);
        assert!(window.fits(100, 10));
        window.add(10);
        assert!(!window.fits(160, 1), "within the minute");
        window.amend(100, 10, 4);
        assert!(window.fits(160, 6) && !window.fits(160, 7));
        assert!(window.fits(161, 10), "all of it has left");
    }
}
