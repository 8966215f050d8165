//! What is asked of the usage records, and what comes back.

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

impl Hour {
    /// Adds records up, in the order of the key: two writers then wait for each other in that order and never in a circle.
    pub(super) fn of<'r>(records: impl Iterator<Item = &'r UsageRecord>) -> Vec<Self> {
        type Key = (u64, String, String, String, String, u16);
        let mut sums = std::collections::BTreeMap::<Key, Sums>::new();
        for record in records {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let key = (
                record.started_us - record.started_us % HOUR,
                record.caller.clone(),
                record.operation.clone(),
                text(&record.model_asked),
                text(&record.provider),
                record.status,
            );
            sums.entry(key).or_default().add(record);
        }
        let hour = |((hour_us, caller, operation, model, provider, status), sums)| Self {
            hour_us,
            caller,
            operation,
            model,
            provider,
            status,
            sums,
        };
        sums.into_iter().map(hour).collect()
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
