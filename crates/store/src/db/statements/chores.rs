//! Chores, in SQL.

use sqlx::Row as _;

use super::{Connection, Driver, Row};
use crate::chore::Chore;
use crate::db::statements::{Result, signed, unsigned};

const ALL: &str = "SELECT name, begun_us, done_us, bytes FROM chores ORDER BY name";
const BEGIN: &str = "INSERT INTO chores (name, begun_us, done_us, bytes) VALUES ($1, $2, 0, 0) ON CONFLICT (name) DO UPDATE SET begun_us = excluded.begun_us WHERE chores.begun_us = $3";
const FINISH: &str = "UPDATE chores SET done_us = $1, bytes = $2 WHERE name = $3";

/// Those that were ever begun.
pub(in crate::db) async fn all(on: &mut Connection) -> Result<Vec<Chore>> {
    sqlx::query::<Driver>(ALL).fetch_all(on).await?.iter().map(chore).collect()
}

/// Begins one that was last begun at that time, or never; whether that is so.
pub(in crate::db) async fn begin(on: &mut Connection, name: &str, seen_us: u64, now_us: u64) -> Result<bool> {
    let begin = sqlx::query::<Driver>(BEGIN).bind(name).bind(signed(now_us)).bind(signed(seen_us));
    Ok(begin.execute(on).await?.rows_affected() > 0)
}

/// Says that one is done.
pub(in crate::db) async fn finish(on: &mut Connection, name: &str, now_us: u64, bytes: u64) -> Result<()> {
    let finish = sqlx::query::<Driver>(FINISH).bind(signed(now_us)).bind(signed(bytes)).bind(name);
    finish.execute(on).await.map(|_done| ())
}

fn chore(row: &Row) -> Result<Chore> {
    Ok(Chore {
        name: row.try_get(0)?,
        begun_us: unsigned(row.try_get(1)?),
        done_us: unsigned(row.try_get(2)?),
        bytes: unsigned(row.try_get(3)?),
    })
}
