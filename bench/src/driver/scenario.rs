//! What is measured: the scenarios of the table, as data.

use std::time::Duration;

use crate::load::Pace;
use crate::mock::Behaviour;

/// What one unit of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A request with its answer.
    Request,
    /// A chunk of a stream.
    Chunk,
}

/// Something that is measured for each contender in turn.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Its short name: `S1`.
    pub(crate) name: &'static str,
    /// What it is, in a line.
    pub(crate) title: &'static str,
    /// Bytes of a request's body.
    pub(crate) body: usize,
    /// Are streams asked for?
    pub(crate) streams: bool,
    /// When is asked.
    pub(crate) pace: Pace,
    /// How the upstream behaves.
    pub(crate) behaviour: Behaviour,
    /// Does the upstream encrypt?
    pub(crate) encrypted: bool,
    /// What is counted.
    pub(crate) unit: Unit,
    /// Does HAProxy stand there a second time, as the seed had it?
    pub(crate) with_seed: bool,
    /// Are the columns latencies that the way through the contender adds?
    pub(crate) added: bool,
    /// Whose figures all others are held against.
    pub(crate) against: [&'static str; 2],
}

const SMALL: usize = 1536;
const LARGE: usize = 100 * 1024;

fn closed(connections: usize) -> Pace {
    Pace::Closed { connections, spread: Duration::from_millis(20) }
}

fn base() -> Scenario {
    Scenario {
        name: "S1",
        title: "1.5 KB request, 1 KB answer, 64 connections, closed loop",
        body: SMALL,
        streams: false,
        pace: closed(64),
        behaviour: Behaviour::default(),
        encrypted: false,
        unit: Unit::Request,
        with_seed: true,
        added: false,
        against: ["haproxy", "nginx"],
    }
}

/// The scenarios in which contenders are compared round by round.
pub(crate) fn all() -> Vec<Scenario> {
    let fast = Behaviour { chunks: 1_000, pace_us: 0, ..Behaviour::default() };
    let paced = Behaviour { chunks: 100, pace_us: 10_000, ..Behaviour::default() };
    let slow = Behaviour { delay_us: 20_000, ..Behaviour::default() };
    vec![
        base(),
        Scenario {
            name: "S2",
            title: "1,000 requests a second, open loop, an upstream that takes 20 ms: what a caller waits more",
            pace: Pace::Open { per_second: 1_000 },
            behaviour: slow,
            with_seed: false,
            added: true,
            ..base()
        },
        Scenario {
            name: "S3",
            title: "200 streams of 100 chunks, one every 10 ms",
            streams: true,
            pace: Pace::Closed { connections: 200, spread: Duration::from_millis(100) },
            behaviour: paced,
            unit: Unit::Chunk,
            ..base()
        },
        Scenario {
            name: "S5",
            title: "100 KB request, 1 KB answer, 16 connections, closed loop",
            body: LARGE,
            pace: closed(16),
            ..base()
        },
        Scenario {
            name: "S6",
            title: "16 streams of 1,000 chunks, as fast as they are taken",
            streams: true,
            pace: closed(16),
            behaviour: fast,
            unit: Unit::Chunk,
            with_seed: false,
            ..base()
        },
        Scenario {
            name: "S7",
            title: "as S1, with TLS to the upstream",
            encrypted: true,
            with_seed: false,
            ..base()
        },
    ]
}

/// S8: one worker against two.
pub(crate) fn workers() -> Scenario {
    Scenario {
        name: "S8",
        title: "as S1, with one worker and with two",
        against: ["haproxy x1", "openai-proxy x1"],
        ..base()
    }
}

/// S1 and S3 again, for ours with one duty at a time.
pub(crate) fn duties() -> Vec<Scenario> {
    let against = ["haproxy", "nothing"];
    let all = all().into_iter().filter(|scenario| matches!(scenario.name, "S1" | "S3"));
    all.map(|scenario| Scenario { against, ..scenario }).collect()
}

/// Slow streams that are held: a chunk a second each, and they do not end while anybody looks.
pub(crate) fn held(connections: usize, spread: Duration) -> Scenario {
    Scenario {
        name: "S4",
        title: "memory, start, and slow streams with a chunk a second each",
        streams: true,
        pace: Pace::Closed { connections, spread },
        behaviour: Behaviour { chunks: 100_000, pace_us: 1_000_000, ..Behaviour::default() },
        unit: Unit::Chunk,
        ..base()
    }
}

/// Calls at a steady rate whose upstream takes long enough for callers to leave before the answer.
pub(crate) fn steady(per_second: u64) -> Scenario {
    Scenario {
        name: "soak",
        title: "calls at half capacity, one caller in ten leaves early",
        pace: Pace::Open { per_second },
        behaviour: Behaviour { delay_us: 5_000, ..Behaviour::default() },
        ..base()
    }
}

/// S1, as all else is measured by it.
pub(crate) fn first() -> Scenario {
    base()
}
