//! Answers that are kept for callers, in SQL.

use sqlx::Row as _;

use super::{Connection, Driver, Row as Found};
use crate::db::statements::{Result, signed, unsigned};
use crate::responses::Row;

const KEEP: &str = "INSERT INTO responses (id, owner, previous, until_us, bytes, sealed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
/// What an answer goes on with is kept as long as it is. Whatever ends almost then is left as it is, for each is written anew.
const STAY: &str = "UPDATE responses SET until_us = $1 WHERE until_us < $2 AND id IN (WITH RECURSIVE line (id, previous, depth) AS (SELECT id, previous, 0 FROM responses WHERE id = $3 AND owner = $4 UNION ALL SELECT earlier.id, earlier.previous, line.depth + 1 FROM responses AS earlier JOIN line ON earlier.id = line.previous WHERE earlier.owner = $4 AND line.depth < 10000) SELECT id FROM line)";
const LINE: &str = "WITH RECURSIVE line (id, owner, previous, until_us, sealed, depth) AS (SELECT id, owner, previous, until_us, sealed, 0 FROM responses WHERE id = $1 AND owner = $2 AND until_us > $3 UNION ALL SELECT earlier.id, earlier.owner, earlier.previous, earlier.until_us, earlier.sealed, line.depth + 1 FROM responses AS earlier JOIN line ON earlier.id = line.previous WHERE earlier.owner = $2 AND line.depth < 10000) SELECT id, owner, previous, until_us, sealed FROM line ORDER BY depth";
const ONE: &str = "SELECT id, owner, previous, until_us, sealed FROM responses WHERE id = $1 AND owner = $2 AND until_us > $3";
const REMOVE: &str = "DELETE FROM responses WHERE id = $1 AND owner = $2";
const OLD: &str = "DELETE FROM responses WHERE until_us <= $1";
/// One that alone is too much goes alone.
const TOO_LARGE: &str = "DELETE FROM responses WHERE bytes > $1";
const TOO_MANY: &str = "DELETE FROM responses WHERE id IN (SELECT id FROM (SELECT id, SUM(bytes) OVER (ORDER BY until_us DESC, id DESC) AS so_far FROM responses) AS counted WHERE so_far > $1)";

/// An hour: nobody looks at an end that closely.
const ALMOST_US: u64 = 3_600_000_000;

/// Keeps them.
pub(in crate::db) async fn keep(on: &mut Connection, rows: &[Row]) -> Result<()> {
    for row in rows {
        let Row { id, owner, previous, until_us, sealed } = row;
        let keep = sqlx::query::<Driver>(KEEP).bind(id).bind(owner).bind(previous.as_deref());
        let keep = keep.bind(signed(*until_us)).bind(signed(sealed.len() as u64)).bind(sealed.as_slice());
        keep.execute(&mut *on).await?;
        if let Some(previous) = previous {
            let almost = signed(until_us.saturating_sub(ALMOST_US));
            let stay = sqlx::query::<Driver>(STAY).bind(signed(*until_us)).bind(almost).bind(previous);
            stay.bind(owner).execute(&mut *on).await?;
        }
    }
    Ok(())
}

/// One and all it goes on with, newest first.
pub(in crate::db) async fn line(on: &mut Connection, owner: &str, id: &str, now_us: u64) -> Result<Vec<Row>> {
    let line = sqlx::query::<Driver>(LINE).bind(id).bind(owner).bind(signed(now_us));
    line.fetch_all(on).await?.iter().map(row).collect()
}

/// One.
pub(in crate::db) async fn one(
    on: &mut Connection,
    owner: &str,
    id: &str,
    now_us: u64,
) -> Result<Option<Row>> {
    let one = sqlx::query::<Driver>(ONE).bind(id).bind(owner).bind(signed(now_us));
    one.fetch_optional(on).await?.as_ref().map(row).transpose()
}

/// Takes one away; whether it was there.
pub(in crate::db) async fn remove(on: &mut Connection, owner: &str, id: &str) -> Result<bool> {
    let remove = sqlx::query::<Driver>(REMOVE).bind(id).bind(owner);
    Ok(remove.execute(on).await?.rows_affected() > 0)
}

/// Takes away what is too old, and what is too much.
pub(in crate::db) async fn prune(on: &mut Connection, now_us: u64, most: u64) -> Result<u64> {
    let old = sqlx::query::<Driver>(OLD).bind(signed(now_us)).execute(&mut *on).await?.rows_affected();
    let large = sqlx::query::<Driver>(TOO_LARGE).bind(signed(most)).execute(&mut *on).await?.rows_affected();
    let many = sqlx::query::<Driver>(TOO_MANY).bind(signed(most)).execute(on).await?.rows_affected();
    Ok(old + large + many)
}

fn row(found: &Found) -> Result<Row> {
    Ok(Row {
        id: found.try_get(0)?,
        owner: found.try_get(1)?,
        previous: found.try_get(2)?,
        until_us: unsigned(found.try_get(3)?),
        sealed: found.try_get(4)?,
    })
}
