//! What a load is to be.

use std::net::SocketAddr;
use std::time::Duration;

/// A load.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Who is asked.
    pub(crate) to: SocketAddr,
    /// What is asked, head and body.
    pub(crate) request: Vec<u8>,
    /// What is to come back.
    pub(crate) expect: Expect,
    /// When is asked.
    pub(crate) pace: Pace,
    /// The most connections at once.
    pub(crate) most: usize,
    /// The share of calls whose caller leaves before the end.
    pub(crate) hang_up: f64,
    /// How soon they leave, at the latest.
    pub(crate) hang_up_within: Duration,
    /// How long nothing is counted.
    pub(crate) warm_up: Duration,
    /// How long is counted.
    pub(crate) measure: Duration,
}

/// When is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Each connection asks again when it has its answer. The first calls are spread over a time.
    Closed {
        /// How many ask.
        connections: usize,
        /// Over how long the first calls are spread.
        spread: Duration,
    },
    /// So many calls a second, whatever becomes of those before. A call counts from the instant it was meant for.
    Open {
        /// How many calls.
        per_second: u64,
    },
}

/// What is to come back, always with status 200.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// These bytes.
    Answer(Vec<u8>),
    /// Any answer with its usage: whoever parses and writes again does not give the same bytes.
    AnyAnswer,
    /// A stream of so many chunks with an instant, and its end.
    Stream(u64),
}
