//! How one of several places is chosen, and what happens when it fails.

use std::time::Duration;

use super::fallback::Fallback;

/// How a place is chosen, and what happens when it fails.
#[derive(Clone, PartialEq, Debug)]
pub struct Routing {
    /// What a model nobody knows leads to.
    pub unknown_model: UnknownModel,
    /// Providers were found and nobody wrote where unknown models go: what may be meant for a server beside us is kept from
    /// clouds even where a name alone would lead there (D-15).
    pub careful: bool,
    /// Whether answers tell which provider and model served them.
    pub expose_headers: bool,
    /// How one of several places is chosen, where a model says nothing else.
    pub strategy: Strategy,
    /// Attempts after the first, at one place.
    pub retries: u32,
    /// What is tried again.
    pub retry_on: RetryOn,
    /// The share of the calls of the last ten seconds that may be tried again.
    pub retry_budget: Share,
    /// What may stand in for a model: those for one name first, then those for patterns, then those for any, each in the order
    /// written. They are not followed twice: what stands in has no stand-in.
    pub fallbacks: Vec<Fallback>,
    /// One conversation stays at one place.
    pub affinity: bool,
    /// What happens when every place is full.
    pub when_exhausted: WhenExhausted,
    /// Waiting for a place.
    pub queue: Queue,
    /// What is done for an answer that fails.
    pub rescue: Rescue,
}

/// What a model nobody knows leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UnknownModel {
    /// 404 `model_not_found`.
    Error,
    /// This provider, by its place in `Snapshot::providers`.
    Provider(usize),
}

/// How one of several places is chosen. Where priorities differ, the higher one comes first with each of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Strategy {
    /// The first that can, in the order written.
    Failover,
    /// Each its share, by weight.
    Weighted,
    /// Each in turn.
    RoundRobin,
    /// The one with the fewest calls running.
    LeastBusy,
    /// The one that answers soonest.
    LowestLatency,
    /// The cheapest.
    LowestCost,
    /// The one that has the beginning of the prompt in its cache.
    CacheAffine,
}

impl Strategy {
    /// The words for them.
    pub const ALL: [(&str, Self); 7] = [
        ("failover", Self::Failover),
        ("weighted", Self::Weighted),
        ("round_robin", Self::RoundRobin),
        ("least_busy", Self::LeastBusy),
        ("lowest_latency", Self::LowestLatency),
        ("lowest_cost", Self::LowestCost),
        ("cache_affine", Self::CacheAffine),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("failover", |(word, _)| word)
    }
}

/// What is tried again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RetryOn {
    /// What the kind of failure makes worth another try.
    ByClass,
    /// These failures, and no others.
    Only(Vec<Failure>),
}

/// A failure that may be tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No connection came about.
    Connect,
    /// Nothing came in time.
    Timeout,
    /// A status from 400 to 499.
    Client,
    /// A status from 500 to 599.
    Server,
    /// This status.
    Status(u16),
}

impl Failure {
    /// The words for those that have one; a status is its number.
    pub const WORDS: [(&str, Self); 4] = [
        ("connect", Self::Connect),
        ("timeout", Self::Timeout),
        ("4xx", Self::Client),
        ("5xx", Self::Server),
    ];

    /// Whether an answer with this status is such a failure.
    pub fn is_status(self, status: u16) -> bool {
        match self {
            Self::Connect | Self::Timeout => false,
            Self::Client => (400..500).contains(&status),
            Self::Server => (500..600).contains(&status),
            Self::Status(one) => one == status,
        }
    }
}

/// A part of something, from 0 to 1.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Share(pub f64);

/// What happens when every place is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenExhausted {
    /// The call waits for one.
    Queue,
    /// The call is refused at once.
    Fail,
}

/// Waiting for a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queue {
    /// How many calls may wait.
    pub max: usize,
    /// How long one waits.
    pub wait: Duration,
    /// Among whom turns are taken.
    pub fair_by: FairBy,
}

/// Among whom turns are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FairBy {
    /// Callers' keys.
    Key,
    /// Teams. There are none yet, so nothing written leads here.
    Team,
    /// Nobody: whoever came first goes first.
    None,
}

/// What is done for an answer that fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rescue {
    /// A stream's beginning is held back until it has content, so that until then another place can be asked.
    pub late_commit: bool,
    /// When a first token is late, a second place is asked beside the first, and the sooner one answers.
    pub hedge: bool,
    /// What can be mended in a stream is mended in place.
    pub repair: bool,
    /// A cut stream is gone on with elsewhere, from where it was cut.
    pub continuation: bool,
    /// A cut stream is begun anew elsewhere, and what the caller already has is kept back.
    pub restart: bool,
}

impl Default for Rescue {
    /// All of it.
    fn default() -> Self {
        Self { late_commit: true, hedge: true, repair: true, continuation: true, restart: true }
    }
}

impl Default for Queue {
    /// 1000 calls, 30 seconds, by key.
    fn default() -> Self {
        Self { max: 1000, wait: Duration::from_secs(30), fair_by: FairBy::Key }
    }
}

impl Default for Routing {
    /// What holds when nobody says anything.
    fn default() -> Self {
        Self {
            unknown_model: UnknownModel::Error,
            careful: false,
            expose_headers: true,
            strategy: Strategy::Failover,
            retries: 2,
            retry_on: RetryOn::ByClass,
            retry_budget: Share(0.2),
            fallbacks: Vec::new(),
            affinity: true,
            when_exhausted: WhenExhausted::Queue,
            queue: Queue::default(),
            rescue: Rescue::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_failure_of_its_hundred_or_of_its_own() {
        assert!(Failure::Server.is_status(503) && !Failure::Server.is_status(429));
        assert!(Failure::Client.is_status(429) && Failure::Status(429).is_status(429));
        assert!(!Failure::Connect.is_status(500) && !Failure::Status(429).is_status(428));
    }
}
