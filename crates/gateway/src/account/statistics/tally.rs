//! What is counted of some calls. Tallies are added up; the sum of two is that of all their calls.

use protocol::operation::{Operation, ROWS};
use store::UsageRecord;

use super::histogram::Histogram;
use crate::observe::Ending;

/// What is counted, besides endings and times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Count {
    Streams,
    Input,
    Output,
    Cached,
    Reasoning,
    Uncounted,
    BytesIn,
    BytesOut,
}

/// How many there are.
const COUNTS: usize = Count::BytesOut as usize + 1;

/// The count of some calls.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    /// Each call is in one of them.
    endings: [u64; Ending::ALL.len()],
    counts: [u64; COUNTS],
    /// Of calls a provider was asked for.
    pub(super) duration: Histogram,
    /// Of those of them whose answer had a first byte.
    pub(super) first_byte: Histogram,
}

impl Tally {
    /// How many, or how much.
    pub(super) fn get(&self, what: Count) -> u64 {
        self.counts[what as usize]
    }

    /// How many ended so.
    pub(super) fn ended(&self, ending: Ending) -> u64 {
        self.endings[ending as usize]
    }

    /// How many there are.
    pub(super) fn calls(&self) -> u64 {
        self.endings.iter().sum()
    }

    /// Takes a finished call in.
    pub(super) fn take(&mut self, record: &UsageRecord, ending: Ending) {
        self.endings[ending as usize] += 1;
        self.more(Count::Streams, u64::from(record.stream));
        if let Some(tokens) = record.tokens {
            self.more(Count::Input, tokens.input);
            self.more(Count::Output, tokens.output);
            self.more(Count::Cached, tokens.cached);
            self.more(Count::Reasoning, tokens.reasoning);
        }
        self.more(Count::Uncounted, u64::from(is_uncounted(record, ending)));
        self.more(Count::BytesIn, record.bytes_in);
        self.more(Count::BytesOut, record.bytes_out);
        if record.attempts > 0 {
            self.duration.take(record.duration_us);
            if let Some(first_byte) = record.first_byte_us {
                self.first_byte.take(first_byte);
            }
        }
    }

    /// Adds another tally.
    pub(super) fn add(&mut self, other: &Self) {
        let own = self.endings.iter_mut().chain(&mut self.counts);
        for (own, more) in own.zip(other.endings.into_iter().chain(other.counts)) {
            *own = own.saturating_add(more);
        }
        self.duration.add(&other.duration);
        self.first_byte.add(&other.first_byte);
    }

    /// What an upstream counts may be any number it likes.
    fn more(&mut self, what: Count, more: u64) {
        let own = &mut self.counts[what as usize];
        *own = own.saturating_add(more);
    }
}

/// An answer that costs tokens, and nobody said how many.
fn is_uncounted(record: &UsageRecord, ending: Ending) -> bool {
    let answered = ending == Ending::Answered && record.attempts > 0;
    answered && record.tokens.is_none() && counts(&record.operation)
}

/// Whether answers to this operation count tokens. Those at paths nobody knows may or may not.
fn counts(operation: &str) -> bool {
    let known = |row: &&protocol::operation::Row| row.usage && row.operation != Operation::Other;
    ROWS.iter().filter(known).any(|row| row.operation.name() == operation)
}
