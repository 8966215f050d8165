//! What is asked of the usage records, and what comes back.

use std::collections::BTreeMap;

use crate::usage_record::UsageRecord;

/// Which records are meant. Everything that is not said is anything.
#[derive(Clone, Default, Debug)]
pub struct Filter {
    /// Begun at this time or later, microseconds since 1970.
    pub from_us: Option<u64>,
    /// Begun before this time.
    pub until_us: Option<u64>,
    /// The model as the caller wrote it.
    pub model: Option<String>,
    /// The provider that was asked last.
    pub provider: Option<String>,
    /// Who asked.
    pub caller: Option<String>,
    /// The lowest and the highest status, both meant.
    pub status: Option<(u16, u16)>,
}

/// A place in the list, newest first: the last record that was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// When it began.
    pub started_us: u64,
    /// Its id.
    pub record_id: String,
}

/// A piece of the list.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Page {
    /// The records, newest first.
    pub records: Vec<UsageRecord>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<Cursor>,
}

/// The most records of one page; those who show pages to others have bounds of their own.
pub const LARGEST_PAGE: usize = 10_000;

impl Page {
    /// A page of at most `limit` from one record more, if there was one.
    pub(super) fn of(mut records: Vec<UsageRecord>, limit: usize) -> Self {
        let more = records.len() > limit;
        records.truncate(limit);
        let last = records.last().filter(|_| more);
        let next = last.map(|last| Cursor { started_us: last.started_us, record_id: last.record_id.clone() });
        Self { records, next }
    }
}

impl Filter {
    /// Whether a record is meant; what the databases do in SQL.
    pub(super) fn means(&self, record: &UsageRecord) -> bool {
        let is = |wanted: &Option<String>, have: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| have == Some(wanted))
        };
        self.from_us.is_none_or(|from| record.started_us >= from)
            && self.until_us.is_none_or(|until| record.started_us < until)
            && is(&self.model, record.model_asked.as_deref())
            && is(&self.provider, record.provider.as_deref())
            && is(&self.caller, Some(&record.caller))
            && self.status.is_none_or(|(lowest, highest)| (lowest..=highest).contains(&record.status))
    }
}

/// The sums of one hour, for one caller, operation, model, provider and status.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Hour {
    /// When it began, microseconds since 1970.
    pub hour_us: u64,
    /// Who asked.
    pub caller: String,
    /// The operation's word.
    pub operation: String,
    /// The model as the callers wrote it; empty: none.
    pub model: String,
    /// The provider; empty: none was asked.
    pub provider: String,
    /// The status.
    pub status: u16,
    /// What they add up to.
    pub sums: Sums,
}

/// Sums over calls.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sums {
    /// How many.
    pub calls: u64,
    /// Those whose tokens nobody counted.
    pub uncounted: u64,
    /// Tokens in.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Of the input, from a cache.
    pub cached: u64,
    /// Of the output, reasoning.
    pub reasoning: u64,
    /// Microseconds.
    pub duration_us: u64,
    /// Bytes taken in.
    pub bytes_in: u64,
    /// Bytes handed over.
    pub bytes_out: u64,
}

/// Of one hour, in microseconds.
const HOUR: u64 = 3_600_000_000;

/// What an hour is told apart by, in the order in which rows are written: two writers then wait for each other in that order
/// and never in a circle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct HourKey<'r> {
    pub(super) hour_us: u64,
    pub(super) caller: &'r str,
    pub(super) operation: &'r str,
    pub(super) model: &'r str,
    pub(super) provider: &'r str,
    pub(super) status: u16,
}

/// Hours, and what their records add up to.
pub(super) type Hours<'r> = BTreeMap<HourKey<'r>, Sums>;

/// Adds records up.
pub(super) fn sums<'r>(records: impl Iterator<Item = &'r UsageRecord>) -> Hours<'r> {
    let mut sums = Hours::new();
    for record in records {
        let key = HourKey {
            hour_us: record.started_us - record.started_us % HOUR,
            caller: &record.caller,
            operation: &record.operation,
            model: record.model_asked.as_deref().unwrap_or_default(),
            provider: record.provider.as_deref().unwrap_or_default(),
            status: record.status,
        };
        sums.entry(key).or_default().add(record);
    }
    sums
}

impl Hour {
    /// Adds records up.
    pub(super) fn of<'r>(records: impl Iterator<Item = &'r UsageRecord>) -> Vec<Self> {
        let hour = |(of, sums): (HourKey<'_>, Sums)| Self {
            hour_us: of.hour_us,
            caller: of.caller.to_owned(),
            operation: of.operation.to_owned(),
            model: of.model.to_owned(),
            provider: of.provider.to_owned(),
            status: of.status,
            sums,
        };
        sums(records).into_iter().map(hour).collect()
    }
}

impl Sums {
    fn add(&mut self, record: &UsageRecord) {
        let tokens = record.tokens.unwrap_or_default();
        self.calls += 1;
        self.uncounted += u64::from(record.tokens.is_none());
        self.input += tokens.input;
        self.output += tokens.output;
        self.cached += tokens.cached;
        self.reasoning += tokens.reasoning;
        self.duration_us += record.duration_us;
        self.bytes_in += record.bytes_in;
        self.bytes_out += record.bytes_out;
    }
}
