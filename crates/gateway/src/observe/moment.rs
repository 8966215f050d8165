//! Moments, told to people.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970; 0 for what lies before that, or beyond what a clock can say.
pub(crate) fn unix_ms(moment: Option<SystemTime>) -> u64 {
    let since = moment.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
