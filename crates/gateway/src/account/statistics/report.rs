//! What was counted, as it is told: plain facts with their units in their names (docs/statistics.md).

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::histogram::Histogram;
use super::ring::Ring;
use super::tally::{Count, Tally};
use crate::observe::{Ending, unix_ms};

/// Rates are told by the minute; what ran for less is counted as one.
const MINUTE: Duration = Duration::from_mins(1);

/// What was asked for, and how it ended.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Statistics {
    /// The steps windows move in, and so how finely they are told.
    pub step_seconds: u64,
    /// All calls.
    pub house: Counted,
    /// The calls of each provider, by name. Of a call that took several tries each counts for who was asked.
    pub providers: Vec<ProviderStatistics>,
}

/// The calls of one provider.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ProviderStatistics {
    /// Its name.
    pub provider: String,
    /// It is in the configuration. What is not is told for as long as the longest window sees its calls.
    pub configured: bool,
    /// Its calls.
    #[serde(flatten)]
    pub counted: Counted,
}

/// Some calls, over different times.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Counted {
    /// When counting began: at the start, or when it was reset; milliseconds since 1970.
    pub since_unix_ms: u64,
    /// All of them since then.
    pub total: Window,
    /// Those of the last minutes, shortest window first.
    pub windows: Vec<Window>,
    /// When the last call ended; milliseconds since 1970.
    pub last_call_unix_ms: Option<u64>,
    /// The last that ended with an error.
    pub last_error: Option<LastError>,
}

/// An error, without its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct LastError {
    /// When its call ended; milliseconds since 1970.
    pub at_unix_ms: u64,
    /// What kind of error it was.
    pub kind: Ending,
}

/// The calls that ended within a time.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Window {
    /// How far back it looks; for the total, how long was counted.
    pub window_seconds: u64,
    /// How much of that was counted: less soon after a start or a reset.
    pub covered_seconds: f64,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Sums over some calls.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Sums {
    /// How many ended: `answered`, `errors.total` and `caller_left` together.
    pub calls: u64,
    /// Answered whole, with no error.
    pub answered: u64,
    /// Ended with an error.
    pub errors: Errors,
    /// Left by their callers before the end.
    pub caller_left: u64,
    /// How many were streams.
    pub streams: u64,
    /// What providers counted.
    pub tokens: Tokens,
    /// Answered calls that cost tokens and of which no provider said how many.
    pub uncounted_calls: u64,
    /// Taken in with requests' bodies.
    pub bytes_in: u64,
    /// Handed over with answers' bodies.
    pub bytes_out: u64,
    /// From the first byte of a request to the end, of calls a provider was asked for.
    pub duration: Latency,
    /// From the first byte of a request to the first of its answer's body, where there was one.
    pub first_byte: Latency,
    /// Calls in a minute.
    pub calls_per_minute: f64,
    /// Tokens in a minute, in and out.
    pub tokens_per_minute: f64,
    /// The share of calls that ended with an error, from 0 to 1; none without a call.
    pub error_rate: Option<f64>,
}

/// Calls that ended with an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Errors {
    /// All of them.
    pub total: u64,
    /// Refused by this gateway itself.
    pub refused: u64,
    /// Answered by the provider with a status of 4xx other than 429.
    pub provider_refused: u64,
    /// Answered by the provider with 429.
    pub rate_limited: u64,
    /// Answered by the provider with a status of 5xx.
    pub provider_failed: u64,
    /// The provider refused our key for it.
    pub key_refused: u64,
    /// No usable answer came: not reached, not trusted, too slow, malformed or broken off.
    pub transport: u64,
}

/// Tokens, as providers counted them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Tokens {
    /// In, cached ones included.
    pub input: u64,
    /// Out, reasoning included.
    pub output: u64,
    /// Of the input, from a cache.
    pub cached: u64,
    /// Of the output, reasoning.
    pub reasoning: u64,
}

/// How long something took.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Latency {
    /// How many calls this is about.
    pub calls: u64,
    /// On average, exactly.
    pub mean_ms: Option<f64>,
    /// Half of them took no longer; within 7 %, like the next two.
    pub p50_ms: Option<f64>,
    /// 95 of 100 took no longer.
    pub p95_ms: Option<f64>,
    /// 99 of 100 took no longer.
    pub p99_ms: Option<f64>,
}

/// Tells counts at a moment.
pub(super) struct Reader<'a> {
    pub(super) windows: &'a [Duration],
    /// By the clock that counts.
    pub(super) now: Duration,
    /// The same moment for people.
    pub(super) wall: SystemTime,
}

impl Reader<'_> {
    /// Tells of a ring.
    pub(super) fn counted(&self, ring: &Ring) -> Counted {
        let whole = self.now.saturating_sub(ring.since);
        let sums = ring.sums(self.windows, self.now);
        let windows = self.windows.iter().zip(&sums);
        Counted {
            since_unix_ms: self.unix_ms(ring.since),
            total: told(&ring.total, whole, whole),
            windows: windows.map(|(window, (sum, covered))| told(sum, *window, *covered)).collect(),
            last_call_unix_ms: ring.last_call.map(|at| self.unix_ms(at)),
            last_error: ring.last_error.map(|(at, kind)| LastError { at_unix_ms: self.unix_ms(at), kind }),
        }
    }

    /// Counted back from now, so that a clock set meanwhile does not tear times apart.
    fn unix_ms(&self, at: Duration) -> u64 {
        unix_ms(self.wall.checked_sub(self.now.saturating_sub(at)))
    }
}

fn told(tally: &Tally, window: Duration, covered: Duration) -> Window {
    Window {
        window_seconds: window.as_secs(),
        covered_seconds: covered.as_secs_f64(),
        sums: sums(tally, covered),
    }
}

fn sums(tally: &Tally, covered: Duration) -> Sums {
    let count = |what| tally.get(what);
    let calls = tally.calls();
    let errors = Errors {
        total: Ending::ALL
            .into_iter()
            .filter(|ending| ending.is_error())
            .map(|error| tally.ended(error))
            .sum(),
        refused: tally.ended(Ending::Refused),
        provider_refused: tally.ended(Ending::ProviderRefused),
        rate_limited: tally.ended(Ending::RateLimited),
        provider_failed: tally.ended(Ending::ProviderFailed),
        key_refused: tally.ended(Ending::KeyRefused),
        transport: tally.ended(Ending::Transport),
    };
    let tokens = Tokens {
        input: count(Count::Input),
        output: count(Count::Output),
        cached: count(Count::Cached),
        reasoning: count(Count::Reasoning),
    };
    let minutes = covered.max(MINUTE).as_secs_f64() / 60.0;
    Sums {
        calls,
        answered: tally.ended(Ending::Answered),
        errors,
        caller_left: tally.ended(Ending::CallerLeft),
        streams: count(Count::Streams),
        tokens,
        uncounted_calls: count(Count::Uncounted),
        bytes_in: count(Count::BytesIn),
        bytes_out: count(Count::BytesOut),
        duration: latency(&tally.duration),
        first_byte: latency(&tally.first_byte),
        calls_per_minute: calls as f64 / minutes,
        tokens_per_minute: tokens.input.saturating_add(tokens.output) as f64 / minutes,
        error_rate: (calls > 0).then(|| errors.total as f64 / calls as f64),
    }
}

fn latency(of: &Histogram) -> Latency {
    Latency {
        calls: of.count,
        mean_ms: of.mean_ms(),
        p50_ms: of.quantile_ms(0.5),
        p95_ms: of.quantile_ms(0.95),
        p99_ms: of.quantile_ms(0.99),
    }
}
