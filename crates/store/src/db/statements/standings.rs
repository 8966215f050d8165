//! What was decided about providers by hand, in SQL.

use sqlx::Row as _;

use super::{Connection, Driver, Row};
use crate::db::statements::{Result, signed, unsigned};
use crate::text::digest;

const KEEP: &str = "INSERT INTO standings (id, provider, standing, until_us) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET standing = excluded.standing, until_us = excluded.until_us";

/// A provider, what was decided, and until when.
type Standing = (String, String, Option<u64>);

/// Keeps one in the place of an earlier one.
pub(in crate::db) async fn keep(on: &mut Connection, one: &Standing) -> Result<()> {
    let (provider, text, until_us) = one;
    let keep = sqlx::query::<Driver>(KEEP).bind(digest(&[provider])).bind(provider).bind(text);
    keep.bind(until_us.map(signed)).execute(on).await.map(|_done| ())
}

/// All of them, by provider.
pub(in crate::db) async fn all(on: &mut Connection) -> Result<Vec<Standing>> {
    let all = sqlx::query::<Driver>("SELECT provider, standing, until_us FROM standings");
    let mut all: Vec<Standing> = all.fetch_all(on).await?.iter().map(standing).collect::<Result<_>>()?;
    all.sort();
    Ok(all)
}

/// Takes one away; whether it was there.
pub(in crate::db) async fn remove(on: &mut Connection, provider: &str) -> Result<bool> {
    let remove = sqlx::query::<Driver>("DELETE FROM standings WHERE id = $1").bind(digest(&[provider]));
    Ok(remove.execute(on).await?.rows_affected() > 0)
}

/// Deletes those whose time is over.
pub(in crate::db) async fn tidy(on: &mut Connection, now_us: u64) -> Result<()> {
    let tidy = sqlx::query::<Driver>("DELETE FROM standings WHERE until_us <= $1").bind(signed(now_us));
    tidy.execute(on).await.map(|_done| ())
}

fn standing(row: &Row) -> Result<Standing> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get::<Option<i64>, _>(2)?.map(unsigned)))
}
