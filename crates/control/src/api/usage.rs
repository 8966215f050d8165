//! Usage in sums: by hour or day, and by what they are grouped by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::db::Hour;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody};
use super::objection::Objection;
use super::requests::micros;
use super::row::{Outcome, Reply};
use crate::status::now_us;

/// Which sums are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Meant {
    /// Hours that begin at this time or later; milliseconds since 1970. Without it, the last day before `until`.
    from: Option<u64>,
    /// Hours that begin before this time; milliseconds since 1970. Without it, now.
    until: Option<u64>,
    /// One sum for each hour, each day (UTC), or all in one: `hour`, `day` or `all`.
    #[param(inline, default = "hour")]
    by: Option<By>,
    /// What sums are told apart by besides: words of caller, operation, model, provider and status, with commas.
    #[param(example = "model,provider")]
    group: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    #[default]
    Hour,
    Day,
    All,
}

/// Sums, in the order of time.
#[derive(Serialize, ToSchema)]
pub(super) struct Usage {
    /// Hours from this one on; milliseconds since 1970.
    from: u64,
    /// To before this one.
    until: u64,
    /// The sums.
    data: Vec<Sum>,
}

/// What calls add up to.
#[derive(Clone, Default, Serialize, ToSchema)]
#[schema(as = UsageSum)]
pub(super) struct Sum {
    /// When its time begins; milliseconds since 1970.
    begins_unix_ms: u64,
    #[serde(flatten)]
    group: Group,
    calls: u64,
    /// Calls whose tokens nobody counted.
    uncounted_calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// Of the input, from a cache.
    cached_tokens: u64,
    /// Of the output, reasoning.
    reasoning_tokens: u64,
    duration_ms: u64,
    bytes_in: u64,
    bytes_out: u64,
}

/// What a sum is of; what it is not grouped by is not there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, ToSchema)]
#[schema(as = UsageGroup)]
pub(super) struct Group {
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

const HOUR: u64 = 3_600_000_000;
const DAY: u64 = 24 * HOUR;
/// The longest time that is summed at once.
const LONGEST: u64 = 400 * DAY;
/// The most sums of one answer.
const MOST: usize = 10_000;
const WORDS: [&str; 5] = ["caller", "operation", "model", "provider", "status"];

impl Group {
    fn of(hour: &Hour, words: &[&str]) -> Self {
        let text = |word: &str, value: &str| words.contains(&word).then(|| value.to_owned());
        Self {
            caller: text("caller", &hour.caller),
            operation: text("operation", &hour.operation),
            model: text("model", &hour.model),
            provider: text("provider", &hour.provider),
            status: words.contains(&"status").then_some(hour.status),
        }
    }
}

impl Sum {
    fn add(&mut self, hour: &Hour) {
        let sums = &hour.sums;
        self.calls += sums.calls;
        self.uncounted_calls += sums.uncounted;
        self.input_tokens += sums.input;
        self.output_tokens += sums.output;
        self.cached_tokens += sums.cached;
        self.reasoning_tokens += sums.reasoning;
        self.duration_ms += sums.duration_us / 1000;
        self.bytes_in += sums.bytes_in;
        self.bytes_out += sums.bytes_out;
    }
}

/// `GET /admin/v1/usage`
pub(super) async fn sums(ask: Ask<Meant, NoBody>) -> Outcome<Usage> {
    let words: Vec<&str> =
        ask.query.group.as_deref().into_iter().flat_map(|words| words.split(',')).collect();
    if words.iter().any(|word| !WORDS.contains(word)) {
        return Err(Objection::malformed(format!(
            "`group` takes words of {}, with commas.",
            WORDS.join(", ")
        )));
    }
    let until = micros(ask.query.until).unwrap_or_else(now_us);
    let from = micros(ask.query.from).unwrap_or(until.saturating_sub(DAY));
    if from >= until || until - from > LONGEST {
        return Err(Objection::malformed("`from` is before `until`, and at most 400 days."));
    }
    let by = ask.query.by.unwrap_or_default();
    let begins = |hour_us: u64| match by {
        By::Hour => hour_us,
        By::Day => hour_us - hour_us % DAY,
        By::All => from,
    };
    let mut all = BTreeMap::<(u64, Group), Sum>::new();
    for hour in ask.control.books().db.hours(from, until).await? {
        let (begins, group) = (begins(hour.hour_us), Group::of(&hour, &words));
        let new = || Sum { begins_unix_ms: begins / 1000, group: group.clone(), ..Sum::default() };
        all.entry((begins, group.clone())).or_insert_with(new).add(&hour);
    }
    if all.len() > MOST {
        let detail =
            "This would be more than 10000 sums. Take a shorter time, days, or fewer words of `group`.";
        return Err(Objection::impossible("too_many_sums", detail));
    }
    Ok(Reply::of(Usage { from: from / 1000, until: until / 1000, data: all.into_values().collect() }))
}
