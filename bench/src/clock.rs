//! One clock for all programs of a run: what the upstream writes into a chunk, the load can subtract from its own.

use rustix::time::{ClockId, clock_gettime};

/// A thousandth of a second, in the unit of [`now`].
pub(crate) const MILLISECOND: u64 = 1_000_000;
/// A second, in the unit of [`now`].
pub(crate) const SECOND: u64 = 1_000 * MILLISECOND;

/// Nanoseconds since the machine started, the same in every process.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * SECOND + u64::try_from(time.tv_nsec).unwrap_or_default()
}
