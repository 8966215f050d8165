//! What one provider may be asked for, with which of its keys, and when it is left alone.

use std::time::{Duration, SystemTime};

use protocol::secret::Secret;

/// One of several keys of a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderKey {
    /// Its name; `default` is the provider's `api_key`.
    pub name: String,
    /// The key itself.
    pub secret: Secret,
    /// Its share among equals; 0: only when no other can.
    pub weight: u32,
    /// Tried before others with a lower number.
    pub priority: i64,
    /// How much may be asked for with it.
    pub quota: Quota,
    /// When it ends.
    pub expires: Option<SystemTime>,
}

/// Which of a provider's keys is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyStrategy {
    /// The first that can, by priority and then in the order written.
    Priority,
    /// Each in turn, by weight.
    RoundRobin,
    /// The one that was used least.
    LeastUsed,
}

impl KeyStrategy {
    /// The words for them.
    pub const ALL: [(&str, Self); 3] =
        [("priority", Self::Priority), ("round_robin", Self::RoundRobin), ("least_used", Self::LeastUsed)];
}

/// How much may be asked for; `None`: as much as it gives.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Quota {
    /// Tokens a minute.
    pub tpm: Option<u64>,
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Calls at once.
    pub concurrency: Option<u64>,
}

/// When a provider that fails is left alone, and for how long.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Breaker {
    /// The time that is looked at.
    pub window: Duration,
    /// The share of failures in it that opens the breaker, above 0 and at most 1.
    pub failure_rate: f64,
    /// With fewer calls in it nothing is said.
    pub min_requests: u32,
    /// How long it stays open at first.
    pub open_for: Duration,
    /// How long it stays open at most, however often it has opened; never less than `open_for`.
    pub open_most: Duration,
    /// How many calls may try at once whether it is well again.
    pub half_open: u32,
}

impl Default for Breaker {
    /// Half of 5 calls or more within 30 seconds; 15 to 20 seconds; one call tries.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            window: seconds(30),
            failure_rate: 0.5,
            min_requests: 5,
            open_for: seconds(15),
            open_most: seconds(20),
            half_open: 1,
        }
    }
}

/// Asking a provider whether it is well, without a call that would.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthCheck {
    /// How often.
    pub every: Duration,
    /// The path that is asked for; `None`: the vendor's own.
    pub path: Option<String>,
    /// Failures in a row until it counts as ill.
    pub fail_after: u32,
    /// Successes in a row until it counts as well.
    pub pass_after: u32,
}
