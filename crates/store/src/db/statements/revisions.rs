//! Revisions of the configuration, in SQL.

use sqlx::Row as _;

use super::{Connection, Driver, Row, audit};
use crate::audit::{AuditEntry, AuditKey};
use crate::db::statements::{Result, signed, unsigned};
use crate::revision::{NewRevision, Recorded, Revision, RevisionLine};

const NUMBER: &str = "SELECT COALESCE(MAX(number), 0) FROM revisions";
const HEAD: &str = "SELECT number, made_us, actor, via, reason, sheet, layer, changed, seal FROM revisions ORDER BY number DESC LIMIT 1";
const ONE: &str = "SELECT number, made_us, actor, via, reason, sheet, layer, changed, seal FROM revisions WHERE number = $1";
const LINES: &str = "SELECT number, made_us, actor, via, reason, changed FROM revisions WHERE number < $1 ORDER BY number DESC LIMIT $2";
const RECORD: &str = "INSERT INTO revisions (number, made_us, actor, via, reason, sheet, layer, changed, seal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
/// Numbers have no gaps but at the old end.
const PRUNE: &str = "DELETE FROM revisions WHERE number <= (SELECT MAX(number) FROM revisions) - $1";

/// The number of the newest one; 0: there is none.
pub(in crate::db) async fn head_number(on: &mut Connection) -> Result<u64> {
    sqlx::query_scalar::<Driver, i64>(NUMBER).fetch_one(on).await.map(unsigned)
}

/// The newest one.
pub(in crate::db) async fn head(on: &mut Connection) -> Result<Option<Revision>> {
    let row = sqlx::query::<Driver>(HEAD).fetch_optional(on).await?;
    row.as_ref().map(revision).transpose()
}

/// One of them.
pub(in crate::db) async fn one(on: &mut Connection, number: u64) -> Result<Option<Revision>> {
    let row = sqlx::query::<Driver>(ONE).bind(signed(number)).fetch_optional(on).await?;
    row.as_ref().map(revision).transpose()
}

/// Those before a number, newest first.
pub(in crate::db) async fn lines(
    on: &mut Connection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<RevisionLine>> {
    let lines = sqlx::query::<Driver>(LINES).bind(before.map_or(i64::MAX, signed));
    let rows = lines.bind(signed(limit as u64)).fetch_all(on).await?;
    rows.iter().map(line).collect()
}

/// Records one after another, and who did it, unless that other is not the newest any more.
pub(in crate::db) async fn record(
    on: &mut Connection,
    key: &AuditKey,
    after: u64,
    new: NewRevision,
    entry: AuditEntry,
) -> Result<Recorded> {
    // Whoever else is recording has finished when this returns.
    let ends = audit::lock(on).await?;
    let head = head_number(on).await?;
    if head != after {
        return Ok(Recorded::Moved(head));
    }
    let row = new.numbered(head + 1, entry.at_us).sealed(key);
    let record = sqlx::query::<Driver>(RECORD).bind(signed(row.number)).bind(signed(row.made_us));
    let record = record.bind(&row.actor).bind(&row.via).bind(&row.reason);
    record.bind(&row.sheet).bind(&row.layer).bind(&row.changed).bind(&row.seal).execute(&mut *on).await?;
    audit::add(on, key, ends, entry).await?;
    Ok(Recorded::Done(row.number))
}

/// Deletes all but the newest; how many.
pub(in crate::db) async fn prune(on: &mut Connection, keep: u64) -> Result<u64> {
    Ok(sqlx::query::<Driver>(PRUNE).bind(signed(keep)).execute(on).await?.rows_affected())
}

fn revision(row: &Row) -> Result<Revision> {
    Ok(Revision {
        number: unsigned(row.try_get(0)?),
        made_us: unsigned(row.try_get(1)?),
        actor: row.try_get(2)?,
        via: row.try_get(3)?,
        reason: row.try_get(4)?,
        sheet: row.try_get(5)?,
        layer: row.try_get(6)?,
        changed: row.try_get(7)?,
        seal: row.try_get(8)?,
    })
}

fn line(row: &Row) -> Result<RevisionLine> {
    Ok(RevisionLine {
        number: unsigned(row.try_get(0)?),
        made_us: unsigned(row.try_get(1)?),
        actor: row.try_get(2)?,
        via: row.try_get(3)?,
        reason: row.try_get(4)?,
        changed: row.try_get(5)?,
    })
}
