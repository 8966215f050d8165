//! Usage records: one for each call.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use store::UsageRecord;
use store::db::{Cursor, Filter};
use store::usage_record;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody};
use super::list::{self, List};
use super::objection::Objection;
use super::row::{Outcome, Reply};

/// Which calls are meant. Everything that is not said is anything.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Meant {
    /// Begun at this time or later; milliseconds since 1970.
    from: Option<u64>,
    /// Begun before this time; milliseconds since 1970.
    until: Option<u64>,
    /// The model as the caller wrote it.
    model: Option<String>,
    /// The provider that was asked last.
    provider: Option<String>,
    /// Who asked.
    caller: Option<String>,
    /// The status: one like 200, a class like 4xx, or a span like 400-429.
    #[param(example = "5xx")]
    status: Option<String>,
    /// How many entries.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

/// A finished call.
#[derive(Serialize, ToSchema)]
pub(super) struct Call {
    /// The request id its caller saw.
    id: String,
    /// When it began; milliseconds since 1970.
    started_unix_ms: u64,
    /// From its first byte to its end.
    duration_ms: f64,
    /// From its first byte to the first byte of the answer's body; null: there was none.
    #[schema(required)]
    first_byte_ms: Option<f64>,
    /// Who asked.
    caller: String,
    /// What was asked for.
    operation: String,
    /// The method.
    method: String,
    /// The model as the caller wrote it.
    #[schema(required)]
    model: Option<String>,
    /// The model as the provider was asked for it.
    #[schema(required)]
    model_sent: Option<String>,
    /// The provider that was asked last.
    #[schema(required)]
    provider: Option<String>,
    /// The status the caller got.
    status: u16,
    /// Whether the answer was a stream.
    stream: bool,
    /// How it ended: answered, refused, interrupted or caller_left.
    outcome: &'static str,
    /// The code of the error.
    #[schema(required)]
    error: Option<String>,
    /// How many times a provider was asked.
    attempts: u32,
    /// Each of those, in order, where there was more than one (docs/routing.md).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trail: Vec<Attempt>,
    /// Tokens; null: nobody counted them.
    #[schema(required)]
    tokens: Option<Tokens>,
    /// Bytes taken in.
    bytes_in: u64,
    /// Bytes handed over.
    bytes_out: u64,
}

/// One attempt of a call.
#[derive(Serialize, ToSchema)]
struct Attempt {
    /// Who was asked.
    provider: String,
    /// The model as it was asked for it.
    #[schema(required)]
    model: Option<String>,
    /// In a way of its own: `hedge`, `continuation` or `restart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<String>,
    /// `answered`, `given_up`, `diverged`, or the word for what went wrong.
    outcome: String,
    /// Its status, where it said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Until it was known how it ends: for an answer its beginning.
    duration_ms: f64,
    /// What it counted, where that is not what the call counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Tokens>,
    /// Those are an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    estimated: bool,
    /// A drill made it fail.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    drill: bool,
    /// It read a part of the prompt only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

#[derive(Serialize, ToSchema)]
struct Tokens {
    input: u64,
    output: u64,
    /// Of the input, from a cache.
    cached: u64,
    /// Of the output, reasoning.
    reasoning: u64,
}

impl From<usage_record::Tokens> for Tokens {
    fn from(tokens: usage_record::Tokens) -> Self {
        let usage_record::Tokens { input, output, cached, reasoning } = tokens;
        Self { input, output, cached, reasoning }
    }
}

impl From<usage_record::Attempt> for Attempt {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a call stay far below 2^53")]
    fn from(attempt: usage_record::Attempt) -> Self {
        Self {
            provider: attempt.provider,
            model: attempt.model,
            how: attempt.how.map(Cow::into_owned),
            outcome: attempt.outcome.into_owned(),
            status: attempt.status,
            duration_ms: attempt.duration_us as f64 / 1000.0,
            tokens: attempt.tokens.map(Tokens::from),
            estimated: attempt.estimated,
            drill: attempt.drill,
            cut: attempt.cut,
        }
    }
}

impl From<UsageRecord> for Call {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a call stay far below 2^53")]
    fn from(record: UsageRecord) -> Self {
        let ms = |us: u64| us as f64 / 1000.0;
        Self {
            id: record.id,
            started_unix_ms: record.started_us / 1000,
            duration_ms: ms(record.duration_us),
            first_byte_ms: record.first_byte_us.map(ms),
            caller: record.caller,
            operation: record.operation.into_owned(),
            method: record.method.into_owned(),
            model: record.model_asked,
            model_sent: record.model_sent,
            provider: record.provider,
            status: record.status,
            stream: record.stream,
            outcome: record.outcome.label(),
            error: record.error,
            attempts: record.attempts,
            trail: record.trail.into_iter().map(Attempt::from).collect(),
            tokens: record.tokens.map(Tokens::from),
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
        }
    }
}

/// Milliseconds as the microseconds of a row; what no row can hold is as late as one can be.
pub(super) fn micros(ms: Option<u64>) -> Option<u64> {
    ms.map(|ms| ms.saturating_mul(1000).min(i64::MAX.unsigned_abs()))
}

fn statuses(text: &str) -> Result<(u16, u16), Objection> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|status| (100..=999).contains(status));
    let span = match text.split_once('-') {
        Some((low, high)) => number(low).zip(number(high)),
        None => match text.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok()) {
            Some(class @ 1..=9) => Some((class * 100, class * 100 + 99)),
            Some(_) => None,
            None => number(text).map(|status| (status, status)),
        },
    };
    span.ok_or_else(|| {
        Objection::malformed("`status` is one like 200, a class like 4xx, or a span like 400-429.")
    })
}

/// `GET /admin/v1/requests`
pub(super) async fn all(ask: Ask<Meant, NoBody>) -> Outcome<List<Call>> {
    let meant = ask.query;
    let filter = Filter {
        from_us: micros(meant.from),
        until_us: micros(meant.until),
        model: meant.model,
        provider: meant.provider,
        caller: meant.caller,
        status: meant.status.as_deref().map(statuses).transpose()?,
    };
    let after = match &meant.cursor {
        Some(cursor) => {
            let [started, record_id] = list::words::<2>(cursor)?;
            Some(Cursor { started_us: list::number(&started)?.min(i64::MAX.unsigned_abs()), record_id })
        }
        None => None,
    };
    let page = ask.control.books().db.page(&filter, after.as_ref(), list::limit(meant.limit)?).await?;
    let next = page.next.map(|next| list::cursor(&[&next.started_us.to_string(), &next.record_id]));
    Ok(Reply::of(List { data: page.records.into_iter().map(Call::from).collect(), next }))
}
