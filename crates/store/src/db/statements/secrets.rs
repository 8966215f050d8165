//! Sealed secrets, in SQL.

use sqlx::Row as _;
use sqlx::query::Query;

use super::{Arguments, Connection, Driver, Row};
use crate::db::statements::{Result, signed, unsigned};
use crate::vault::Sealed;

const SECRETS: &str = "SELECT id, name, key_id, wrapped_key, sealed, last_four, changed_us FROM secrets";
const ONE_SECRET: &str =
    "SELECT id, name, key_id, wrapped_key, sealed, last_four, changed_us FROM secrets WHERE name = $1";
const PUT_SECRET: &str = "INSERT INTO secrets (id, name, key_id, wrapped_key, sealed, last_four, changed_us) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET id = excluded.id, key_id = excluded.key_id, wrapped_key = excluded.wrapped_key, sealed = excluded.sealed, last_four = excluded.last_four, changed_us = excluded.changed_us";
const REWRAP_SECRET: &str =
    "UPDATE secrets SET key_id = $1, wrapped_key = $2 WHERE id = $3 AND wrapped_key = $4";
const ADD_SECRET: &str = "INSERT INTO secrets (id, name, key_id, wrapped_key, sealed, last_four, changed_us) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING";

/// All secrets, sealed, by name.
pub(in crate::db) async fn all(on: &mut Connection) -> Result<Vec<Sealed>> {
    let mut all: Vec<Sealed> =
        sqlx::query::<Driver>(SECRETS).fetch_all(on).await?.iter().map(secret).collect::<Result<_>>()?;
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// One secret, sealed.
pub(in crate::db) async fn one(on: &mut Connection, name: &str) -> Result<Option<Sealed>> {
    let row = sqlx::query::<Driver>(ONE_SECRET).bind(name).fetch_optional(on).await?;
    row.as_ref().map(secret).transpose()
}

/// Puts a secret in the place of one of the same name.
pub(in crate::db) async fn put(on: &mut Connection, new: &Sealed) -> Result<()> {
    bound(PUT_SECRET, new).execute(on).await.map(|_done| ())
}

/// Keeps a secret, unless there is one of the same name; whether there was none.
pub(in crate::db) async fn add(on: &mut Connection, new: &Sealed) -> Result<bool> {
    bound(ADD_SECRET, new).execute(on).await.map(|done| done.rows_affected() > 0)
}

/// Says of one that it was put here just now; whether it is there.
pub(in crate::db) async fn touch(on: &mut Connection, name: &str, now_us: u64) -> Result<bool> {
    let touch = sqlx::query::<Driver>("UPDATE secrets SET changed_us = $1 WHERE name = $2");
    Ok(touch.bind(signed(now_us)).bind(name).execute(on).await?.rows_affected() > 0)
}

/// Takes one away that has not been put here since; whether it has been done.
pub(in crate::db) async fn remove_unchanged(on: &mut Connection, old: &Sealed) -> Result<bool> {
    let remove = sqlx::query::<Driver>("DELETE FROM secrets WHERE id = $1 AND changed_us = $2");
    Ok(remove.bind(&old.id).bind(signed(old.changed_us)).execute(on).await?.rows_affected() > 0)
}

/// Takes one away; whether it was there.
pub(in crate::db) async fn remove(on: &mut Connection, name: &str) -> Result<bool> {
    let remove = sqlx::query::<Driver>("DELETE FROM secrets WHERE name = $1").bind(name);
    Ok(remove.execute(on).await?.rows_affected() > 0)
}

/// Wraps a row's key anew, unless it has changed meanwhile; whether it has been done.
pub(in crate::db) async fn rewrap(on: &mut Connection, old: &Sealed, new: &Sealed) -> Result<bool> {
    let rewrap = sqlx::query::<Driver>(REWRAP_SECRET).bind(&new.key_id).bind(&new.wrapped_key);
    let rewrap = rewrap.bind(&old.id).bind(&old.wrapped_key);
    Ok(rewrap.execute(on).await?.rows_affected() > 0)
}

fn bound<'s>(sql: &'static str, new: &'s Sealed) -> Query<'s, Driver, Arguments> {
    let new_row = sqlx::query::<Driver>(sql).bind(&new.id).bind(&new.name).bind(&new.key_id);
    let new_row = new_row.bind(&new.wrapped_key).bind(&new.sealed).bind(&new.last_four);
    new_row.bind(signed(new.changed_us))
}

fn secret(row: &Row) -> Result<Sealed> {
    Ok(Sealed {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        key_id: row.try_get(2)?,
        wrapped_key: row.try_get(3)?,
        sealed: row.try_get(4)?,
        last_four: row.try_get(5)?,
        changed_us: unsigned(row.try_get(6)?),
    })
}
