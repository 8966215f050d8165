//! What a window of load came to.

use std::collections::BTreeMap;

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::clock::SECOND;

/// What a window of load came to. Times are in nanoseconds.
pub(crate) struct Figures {
    /// When it began.
    pub(crate) began: u64,
    /// How long it was.
    pub(crate) elapsed: u64,
    /// Answers that were whole and right.
    pub(crate) answers: u64,
    /// Chunks of streams.
    pub(crate) chunks: u64,
    /// Callers who left, as they were told to.
    pub(crate) hung_up: u64,
    /// Calls that are being answered at the end.
    pub(crate) open: u64,
    /// What failed, and how often.
    pub(crate) failures: BTreeMap<String, u64>,
    /// From the instant a call was meant for to its last byte.
    pub(crate) latency: Histogram<u64>,
    /// From the same instant to the body's first byte.
    pub(crate) first_byte: Histogram<u64>,
    /// From the instant a chunk was written to when it was read.
    pub(crate) delay: Histogram<u64>,
}

impl Figures {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(100, 600 * SECOND, 3);
        Ok(Self {
            began: 0,
            elapsed: 0,
            answers: 0,
            chunks: 0,
            hung_up: 0,
            open: 0,
            failures: BTreeMap::new(),
            latency: histogram()?,
            first_byte: histogram()?,
            delay: histogram()?,
        })
    }

    /// One more failure of this kind.
    pub(crate) fn failed(&mut self, why: &str) {
        *self.failures.entry(why.to_owned()).or_default() += 1;
    }

    /// How many failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.values().sum()
    }

    /// The length of the window in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.elapsed as f64 / SECOND as f64
    }
}

/// A quantile in microseconds.
pub(crate) fn microseconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1_000.0
}
