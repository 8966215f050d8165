//! Usage records on their way in, and the sums of their hours, in SQL.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use sqlx::{Arguments as _, Row as _};

use super::{ANEW, Arguments, Connection, Driver, INSERT_NEW, UNLESS_THERE, placeholder};
use crate::db::query::{Hours, sums};
use crate::db::statements::{Result, signed};
use crate::usage_record::{Tokens, UsageRecord};

/// How many rows a statement writes. So its texts are few, made once and always the same ones: a database takes each apart
/// once and keeps it, where a text for every length of a batch would be a new one each time.
const PIECES: [usize; 5] = [256, 64, 16, 4, 1];

const RECORDS: &str = " usage_records (record_id, request_id, started_us, duration_us, first_byte_us, caller, operation, method, model_asked, model_sent, provider, status, stream, outcome, error, attempts, input_tokens, output_tokens, cached_tokens, reasoning_tokens, bytes_in, bytes_out, trail) VALUES ";
const COLUMNS: usize = 23;
const TELL: &str = " RETURNING record_id";
const ADD_UP: &str = "INSERT INTO usage_hourly (hour_us, caller, operation, model, provider, status, calls, uncounted, input_tokens, output_tokens, cached_tokens, reasoning_tokens, duration_us, bytes_in, bytes_out) VALUES ";
const SUMS: usize = 15;
const ON_TOP: &str = " ON CONFLICT (hour_us, caller, operation, model, provider, status) DO UPDATE SET calls = usage_hourly.calls + excluded.calls, uncounted = usage_hourly.uncounted + excluded.uncounted, input_tokens = usage_hourly.input_tokens + excluded.input_tokens, output_tokens = usage_hourly.output_tokens + excluded.output_tokens, cached_tokens = usage_hourly.cached_tokens + excluded.cached_tokens, reasoning_tokens = usage_hourly.reasoning_tokens + excluded.reasoning_tokens, duration_us = usage_hourly.duration_us + excluded.duration_us, bytes_in = usage_hourly.bytes_in + excluded.bytes_in, bytes_out = usage_hourly.bytes_out + excluded.bytes_out";

/// A statement for each length of a piece.
type Texts = LazyLock<[String; PIECES.len()]>;
static INSERTS: Texts = LazyLock::new(|| texts(&[INSERT_NEW, RECORDS], COLUMNS, &[UNLESS_THERE]));
static TELLING: Texts = LazyLock::new(|| texts(&[INSERT_NEW, RECORDS], COLUMNS, &[UNLESS_THERE, TELL]));
static ADDING: Texts = LazyLock::new(|| texts(&[ADD_UP], SUMS, &[ON_TOP]));

/// Writes records that are not there yet, and adds them up. Returns how many were new. All that its transaction does: it may
/// begin that anew.
pub(in crate::db) async fn append(on: &mut Connection, records: &[UsageRecord]) -> Result<usize> {
    // Nearly always all are new, and then nobody needs to be told which.
    let mut written = 0;
    for (size, piece) in pieces(records) {
        let insert = sqlx::query_with::<Driver, _>(INSERTS[size].as_str(), rows(piece)?);
        written += insert.execute(&mut *on).await?.rows_affected();
    }
    if written == records.len() as u64 {
        add_up(on, sums(records.iter())).await?;
        return Ok(records.len());
    }
    // No savepoint: for one, SQLite copies every page before it is changed.
    sqlx::raw_sql(ANEW).execute(&mut *on).await?;
    append_some(on, records).await
}

/// The same of records of which some are there already, as after a kill.
async fn append_some(on: &mut Connection, records: &[UsageRecord]) -> Result<usize> {
    let mut new = HashSet::new();
    for (size, piece) in pieces(records) {
        let insert = sqlx::query_with::<Driver, _>(TELLING[size].as_str(), rows(piece)?);
        for row in insert.fetch_all(&mut *on).await? {
            new.insert(row.try_get::<String, _>(0)?);
        }
    }
    // What was there already has been added up before, and an id that came twice counts once.
    let mut left: HashSet<&str> = new.iter().map(String::as_str).collect();
    let counted = records.iter().filter(|record| left.remove(record.record_id.as_str()));
    add_up(on, sums(counted)).await?;
    Ok(new.len())
}

async fn add_up(on: &mut Connection, hours: Hours<'_>) -> Result<()> {
    let hours: Vec<_> = hours.into_iter().collect();
    for (size, piece) in pieces(&hours) {
        let mut values = Arguments::default();
        values.reserve(piece.len() * SUMS, 0);
        for (of, sums) in piece {
            let mut add = |number: u64| values.add(signed(number)).map_err(sqlx::Error::Encode);
            add(of.hour_us)?;
            for text in [of.caller, of.operation, of.model, of.provider] {
                values.add(text).map_err(sqlx::Error::Encode)?;
            }
            let numbers = [
                u64::from(of.status),
                sums.calls,
                sums.uncounted,
                sums.input,
                sums.output,
                sums.cached,
                sums.reasoning,
                sums.duration_us,
                sums.bytes_in,
                sums.bytes_out,
            ];
            numbers
                .into_iter()
                .try_for_each(|number| values.add(signed(number)))
                .map_err(sqlx::Error::Encode)?;
        }
        sqlx::query_with::<Driver, _>(ADDING[size].as_str(), values).execute(&mut *on).await?;
    }
    Ok(())
}

/// The values of rows of `usage_records`.
fn rows(records: &[UsageRecord]) -> Result<Arguments> {
    let mut row = Values::default();
    row.values.reserve(records.len() * COLUMNS, 0);
    for record in records {
        row.text(&record.record_id)?;
        row.text(&record.id)?;
        row.number(record.started_us)?;
        row.number(record.duration_us)?;
        row.maybe(record.first_byte_us)?;
        row.again(0, Some(&record.caller))?;
        row.again(1, Some(&record.operation))?;
        row.again(2, Some(&record.method))?;
        row.again(3, record.model_asked.as_deref())?;
        row.again(4, record.model_sent.as_deref())?;
        row.again(5, record.provider.as_deref())?;
        row.number(u64::from(record.status))?;
        row.number(u64::from(record.stream))?;
        row.again(6, Some(record.outcome.label()))?;
        row.again(7, record.error.as_deref())?;
        row.number(u64::from(record.attempts))?;
        let counted: [fn(Tokens) -> u64; 4] = [
            |tokens| tokens.input,
            |tokens| tokens.output,
            |tokens| tokens.cached,
            |tokens| tokens.reasoning,
        ];
        counted.into_iter().try_for_each(|of| row.maybe(record.tokens.map(of)))?;
        row.number(record.bytes_in)?;
        row.number(record.bytes_out)?;
        let trail = Some(&record.trail).filter(|trail| !trail.is_empty());
        let trail = trail.and_then(|trail| serde_json::to_string(trail).ok());
        row.values.add(trail).map_err(sqlx::Error::Encode)?;
    }
    Ok(row.values)
}

/// Values of a statement.
#[derive(Default)]
struct Values {
    values: Arguments,
    /// The last text of each column whose texts come again and again: they are handed over without being copied.
    last: [Option<Arc<str>>; 8],
}

impl Values {
    fn number(&mut self, number: u64) -> Result<()> {
        self.values.add(signed(number)).map_err(sqlx::Error::Encode)
    }

    fn maybe(&mut self, number: Option<u64>) -> Result<()> {
        self.values.add(number.map(signed)).map_err(sqlx::Error::Encode)
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.values.add(Arc::<str>::from(text)).map_err(sqlx::Error::Encode)
    }

    fn again(&mut self, column: usize, text: Option<&str>) -> Result<()> {
        let last = &mut self.last[column];
        if text.is_some() && last.as_deref() != text {
            *last = text.map(Arc::from);
        }
        self.values.add(last.clone().filter(|_| text.is_some())).map_err(sqlx::Error::Encode)
    }
}

/// Rows in pieces of these lengths, each with the place of its length.
fn pieces<T>(rows: &[T]) -> impl Iterator<Item = (usize, &[T])> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = PIECES.iter().position(|size| *size <= left.len())?;
        let (piece, rest) = left.split_at(PIECES[size]);
        left = rest;
        Some((size, piece))
    })
}

fn texts(before: &[&str], columns: usize, after: &[&str]) -> [String; PIECES.len()] {
    PIECES.map(|rows| {
        let row = |row: usize| {
            let values: Vec<String> =
                (1..=columns).map(|column| placeholder(row * columns + column)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        [&before.concat(), &rows.join(", "), &after.concat()].map(String::as_str).concat()
    })
}
