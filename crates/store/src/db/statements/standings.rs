//! How providers stand, in SQL: what was decided by hand, and what was learnt. Both are kept the same way.

use sqlx::Row as _;

use super::{Connection, Driver, Row};
use crate::db::standings::Whence;
use crate::db::statements::{Result, signed, unsigned};
use crate::text::digest;

/// The statements of one of the two tables.
struct Words {
    keep: &'static str,
    all: &'static str,
    remove: &'static str,
    tidy: &'static str,
}

const BY_HAND: Words = Words {
    keep: "INSERT INTO standings (id, provider, standing, until_us) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET standing = excluded.standing, until_us = excluded.until_us",
    all: "SELECT provider, standing, until_us FROM standings",
    remove: "DELETE FROM standings WHERE id = $1",
    tidy: "DELETE FROM standings WHERE until_us <= $1",
};

const LEARNT: Words = Words {
    keep: "INSERT INTO learnt (id, provider, standing, until_us) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET standing = excluded.standing, until_us = excluded.until_us",
    all: "SELECT provider, standing, until_us FROM learnt",
    remove: "DELETE FROM learnt WHERE id = $1",
    tidy: "DELETE FROM learnt WHERE until_us <= $1",
};

fn words(whence: Whence) -> &'static Words {
    match whence {
        Whence::ByHand => &BY_HAND,
        Whence::Learnt => &LEARNT,
    }
}

/// A provider, how it stands, and until when.
type Standing = (String, String, Option<u64>);

/// Keeps one in the place of an earlier one.
pub(in crate::db) async fn keep(on: &mut Connection, whence: Whence, one: &Standing) -> Result<()> {
    let (provider, text, until_us) = one;
    let keep = sqlx::query::<Driver>(words(whence).keep).bind(digest(&[provider])).bind(provider).bind(text);
    keep.bind(until_us.map(signed)).execute(on).await.map(|_done| ())
}

/// All of them, by provider.
pub(in crate::db) async fn all(on: &mut Connection, whence: Whence) -> Result<Vec<Standing>> {
    let all = sqlx::query::<Driver>(words(whence).all);
    let mut all: Vec<Standing> = all.fetch_all(on).await?.iter().map(standing).collect::<Result<_>>()?;
    all.sort();
    Ok(all)
}

/// Takes one away; whether it was there.
pub(in crate::db) async fn remove(on: &mut Connection, whence: Whence, provider: &str) -> Result<bool> {
    let remove = sqlx::query::<Driver>(words(whence).remove).bind(digest(&[provider]));
    Ok(remove.execute(on).await?.rows_affected() > 0)
}

/// Deletes those whose time is over.
pub(in crate::db) async fn tidy(on: &mut Connection, whence: Whence, now_us: u64) -> Result<()> {
    let tidy = sqlx::query::<Driver>(words(whence).tidy).bind(signed(now_us));
    tidy.execute(on).await.map(|_done| ())
}

fn standing(row: &Row) -> Result<Standing> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get::<Option<i64>, _>(2)?.map(unsigned)))
}
