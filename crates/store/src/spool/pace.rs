//! How quick the disk is of late.
//!
//! A `write(2)` into a file goes into memory, and mostly takes some microseconds. But while the file system writes its own journal to a disk
//! that is busy, it may wait for that, as long as a sync does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whatever takes longer than this waits for a disk that is busy.
const LONG: Duration = Duration::from_millis(30);
/// So long a disk that was slow is taken for slow.
const A_WHILE: Duration = Duration::from_secs(1);

/// What was seen of a disk. Times are microseconds since `began`.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    slow_until: AtomicU64,
    /// Since when a sync has been running; 0: none is.
    syncing_since: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        let (slow_until, syncing_since) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { began: Instant::now(), slow_until, syncing_since }
    }

    /// Writes, and looks how long that takes.
    pub(super) fn write<T>(&self, write: impl FnOnce() -> T) -> T {
        let begins = self.now();
        let done = write();
        self.took(begins, self.now());
        done
    }

    /// Something took from one moment to another.
    fn took(&self, begins: u64, ends: u64) {
        if ends.saturating_sub(begins) > us(LONG) {
            self.slow_until.store(ends + us(A_WHILE), Ordering::Relaxed);
        }
    }

    /// Syncs, and lets others see that it is still at it. One at a time.
    pub(super) fn sync<T>(&self, sync: impl FnOnce() -> T) -> T {
        self.syncing_since.store(self.now().max(1), Ordering::Relaxed);
        let done = self.write(sync);
        self.syncing_since.store(0, Ordering::Relaxed);
        done
    }

    /// Whether it is slow, or a sync takes long right now.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow_at(self.now())
    }

    fn is_slow_at(&self, now: u64) -> bool {
        let since = self.syncing_since.load(Ordering::Relaxed);
        now < self.slow_until.load(Ordering::Relaxed) || (since > 0 && now.saturating_sub(since) > us(LONG))
    }

    fn now(&self) -> u64 {
        us(self.began.elapsed())
    }
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_slow_while_it_syncs_for_long_and_a_while_after() {
        let (pace, long, a_while) = (Pace::new(), us(LONG), us(A_WHILE));
        pace.took(1, 1 + long);
        assert!(!pace.is_slow_at(1 + long), "not longer than is long");
        let began = pace.sync(|| pace.syncing_since.load(Ordering::Relaxed));
        assert!(
            began > 0 && pace.syncing_since.load(Ordering::Relaxed) == 0,
            "it is seen as long as it is at it"
        );
        pace.syncing_since.store(began, Ordering::Relaxed);
        assert!(!pace.is_slow_at(began + long) && pace.is_slow_at(began + long + 1));
        pace.syncing_since.store(0, Ordering::Relaxed);
        let ended = began + 2 * long;
        pace.took(began, ended);
        assert!(
            pace.is_slow_at(ended)
                && pace.is_slow_at(ended + a_while - 1)
                && !pace.is_slow_at(ended + a_while)
        );
    }
}
