//! Usage records and their sums of hours, read and let go of, in SQL.

use sqlx::{QueryBuilder, Row as _};

use super::{Connection, Driver, Row};
use crate::db::query::{Cursor, Filter, Hour, Page, Sums};
use crate::db::statements::{Result, signed, small, unsigned};
use crate::usage_record::{Attempt, Outcome, Tokens, UsageRecord};

const SELECT: &str = "SELECT record_id, request_id, started_us, duration_us, first_byte_us, caller, operation, method, model_asked, model_sent, provider, status, stream, outcome, error, attempts, input_tokens, output_tokens, cached_tokens, reasoning_tokens, bytes_in, bytes_out, trail FROM usage_records WHERE 1 = 1";
const HOURS: &str = "SELECT hour_us, caller, operation, model, provider, status, calls, uncounted, input_tokens, output_tokens, cached_tokens, reasoning_tokens, duration_us, bytes_in, bytes_out FROM usage_hourly WHERE hour_us >= $1 AND hour_us < $2 ORDER BY hour_us, caller, operation, model, provider, status";
const PRUNE: &str = "DELETE FROM usage_records WHERE record_id IN (SELECT record_id FROM usage_records WHERE started_us < $1 ORDER BY started_us LIMIT 5000)";

/// The status that has no index: nearly all calls have it.
const GOOD: u16 = 200;
/// What an index of all others says of itself, and who wants to use it has to say, too.
const NOT_GOOD: &str = " AND status <> 200";

/// A page of records, newest first.
pub(in crate::db) async fn page(
    on: &mut Connection,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page> {
    let Some((mut lowest, highest)) = filter.status.filter(|(lowest, highest)| lowest != highest) else {
        return Ok(Page::of(newest(on, filter, after, limit).await?, limit));
    };
    // Several statuses: there are few of them, and each is read along its index. Along the time, a page of a rare
    // one would read everything.
    let mut all = Vec::new();
    if (lowest..=highest).contains(&GOOD) {
        let good = Filter { status: Some((GOOD, GOOD)), ..filter.clone() };
        all.extend(newest(on, &good, after, limit).await?);
    }
    let next = "SELECT MIN(status) FROM usage_records WHERE status >= $1 AND status <= $2 AND status <> 200";
    while lowest <= highest {
        let next = sqlx::query_scalar::<Driver, Option<i64>>(next);
        let next = next.bind(i64::from(lowest)).bind(i64::from(highest));
        let Some(status) = next.fetch_one(&mut *on).await?.map(small::<u16>) else { break };
        let one = Filter { status: Some((status, status)), ..filter.clone() };
        all.extend(newest(on, &one, after, limit).await?);
        let Some(above) = status.checked_add(1) else { break };
        lowest = above;
    }
    all.sort_by(|a, b| (b.started_us, &b.record_id).cmp(&(a.started_us, &a.record_id)));
    all.truncate(limit + 1);
    Ok(Page::of(all, limit))
}

/// The newest records, one more than the limit: that says whether there is more.
async fn newest(
    on: &mut Connection,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Vec<UsageRecord>> {
    let mut select = QueryBuilder::<Driver>::new(SELECT);
    if let Some(from) = filter.from_us {
        select.push(" AND started_us >= ").push_bind(signed(from));
    }
    if let Some(until) = filter.until_us {
        select.push(" AND started_us < ").push_bind(signed(until));
    }
    let texts = [
        (" AND model_asked = ", &filter.model),
        (" AND provider = ", &filter.provider),
        (" AND caller = ", &filter.caller),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            select.push(column).push_bind(value);
        }
    }
    if let Some((status, _same)) = filter.status {
        select.push(" AND status = ").push_bind(i64::from(status));
        if status != GOOD {
            select.push(NOT_GOOD);
        }
    }
    if let Some(after) = after {
        select.push(" AND (started_us, record_id) < (").push_bind(signed(after.started_us));
        select.push(", ").push_bind(&after.record_id).push(")");
    }
    select.push(" ORDER BY started_us DESC, record_id DESC LIMIT ");
    select.push_bind(signed(limit as u64 + 1));
    let rows = select.build().fetch_all(on).await?;
    rows.iter().map(record).collect()
}

/// The sums of the hours that begin in a span of time.
pub(in crate::db) async fn hours(on: &mut Connection, from_us: u64, until_us: u64) -> Result<Vec<Hour>> {
    let hours = sqlx::query::<Driver>(HOURS).bind(signed(from_us)).bind(signed(until_us));
    hours.fetch_all(on).await?.iter().map(hour).collect()
}

/// Deletes some of the records that began before this time; returns how many.
pub(in crate::db) async fn prune(on: &mut Connection, before_us: u64) -> Result<u64> {
    let prune = sqlx::query::<Driver>(PRUNE).bind(signed(before_us));
    Ok(prune.execute(on).await?.rows_affected())
}

/// Deletes the sums of hours that began before this time; how many.
pub(in crate::db) async fn prune_hours(on: &mut Connection, before_us: u64) -> Result<u64> {
    let prune = sqlx::query::<Driver>("DELETE FROM usage_hourly WHERE hour_us < $1");
    Ok(prune.bind(signed(before_us)).execute(on).await?.rows_affected())
}

fn record(row: &Row) -> Result<UsageRecord> {
    let number = |column: usize| row.try_get::<i64, _>(column);
    let counted = |column: usize| row.try_get::<Option<i64>, _>(column);
    let tokens = match counted(16)? {
        Some(input) => Some(Tokens {
            input: unsigned(input),
            output: unsigned(counted(17)?.unwrap_or(0)),
            cached: unsigned(counted(18)?.unwrap_or(0)),
            reasoning: unsigned(counted(19)?.unwrap_or(0)),
        }),
        None => None,
    };
    Ok(UsageRecord {
        record_id: row.try_get(0)?,
        id: row.try_get(1)?,
        started_us: unsigned(number(2)?),
        duration_us: unsigned(number(3)?),
        first_byte_us: counted(4)?.map(unsigned),
        caller: row.try_get(5)?,
        operation: row.try_get::<String, _>(6)?.into(),
        method: row.try_get::<String, _>(7)?.into(),
        model_asked: row.try_get(8)?,
        model_sent: row.try_get(9)?,
        provider: row.try_get(10)?,
        status: small(number(11)?),
        stream: number(12)? != 0,
        outcome: Outcome::of(row.try_get(13)?),
        error: row.try_get(14)?,
        attempts: small(number(15)?),
        tokens,
        bytes_in: unsigned(number(20)?),
        bytes_out: unsigned(number(21)?),
        trail: trail(row.try_get(22)?),
    })
}

/// What is no trail was written by a newer version; the record is worth reading all the same.
fn trail(json: Option<String>) -> Vec<Attempt> {
    json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

fn hour(row: &Row) -> Result<Hour> {
    let number = |column: usize| row.try_get::<i64, _>(column).map(unsigned);
    Ok(Hour {
        hour_us: number(0)?,
        caller: row.try_get(1)?,
        operation: row.try_get(2)?,
        model: row.try_get(3)?,
        provider: row.try_get(4)?,
        status: small(row.try_get(5)?),
        sums: Sums {
            calls: number(6)?,
            uncounted: number(7)?,
            input: number(8)?,
            output: number(9)?,
            cached: number(10)?,
            reasoning: number(11)?,
            duration_us: number(12)?,
            bytes_in: number(13)?,
            bytes_out: number(14)?,
        },
    })
}
