//! Requests that are to be done once, in SQL.

use sqlx::Row as _;

use super::{Connection, Driver};
use crate::db::statements::{Result, signed, small};
use crate::idempotency::{Known, Once, OnceKey};

/// Takes a free key, or one whose time is over.
const TAKE: &str = "INSERT INTO once_requests (id, digest, until_us) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, until_us = excluded.until_us, status = NULL, body = NULL WHERE once_requests.until_us <= $4";
const KNOWN: &str = "SELECT digest, status, body FROM once_requests WHERE id = $1";
const FINISH: &str =
    "UPDATE once_requests SET status = $1, body = $2 WHERE id = $3 AND digest = $4 AND status IS NULL";
const FORGET: &str = "DELETE FROM once_requests WHERE id = $1 AND digest = $2 AND status IS NULL";

/// Whether a request is to be done; then it is being done from now on.
pub(in crate::db) async fn begin(
    on: &mut Connection,
    key: &OnceKey,
    now_us: u64,
    until_us: u64,
) -> Result<Once> {
    let take = sqlx::query::<Driver>(TAKE).bind(key.id()).bind(&key.digest).bind(signed(until_us));
    if take.bind(signed(now_us)).execute(&mut *on).await?.rows_affected() > 0 {
        return Ok(Once::New);
    }
    let Some(row) = sqlx::query::<Driver>(KNOWN).bind(key.id()).fetch_optional(on).await? else {
        // It was forgotten this very moment: whoever asks again will be told that it is new.
        return Ok(Once::Running);
    };
    let answer =
        row.try_get::<Option<i64>, _>(1)?.map(|status| row.try_get(2).map(|body| (small(status), body)));
    Ok(Known { digest: row.try_get(0)?, answer: answer.transpose()? }.told(&key.digest))
}

/// Keeps the answer of one.
pub(in crate::db) async fn finish(on: &mut Connection, key: &OnceKey, status: u16, body: &str) -> Result<()> {
    let finish = sqlx::query::<Driver>(FINISH).bind(i64::from(status)).bind(body).bind(key.id());
    finish.bind(&key.digest).execute(on).await.map(|_done| ())
}

/// Lets it be sent again.
pub(in crate::db) async fn forget(on: &mut Connection, key: &OnceKey) -> Result<()> {
    let forget = sqlx::query::<Driver>(FORGET).bind(key.id()).bind(&key.digest);
    forget.execute(on).await.map(|_done| ())
}

/// Deletes those whose time is over.
pub(in crate::db) async fn tidy(on: &mut Connection, now_us: u64) -> Result<()> {
    let tidy = sqlx::query::<Driver>("DELETE FROM once_requests WHERE until_us <= $1").bind(signed(now_us));
    tidy.execute(on).await.map(|_done| ())
}
