//! The SQL, once for both databases: their common subset (ADR 0008). Each file here is compiled for each of them, because a
//! driver's types are its own; `sqlite.rs` and `postgres.rs` say which those are, and the few words
//! that are not the same.

pub(super) mod postgres;
pub(super) mod sqlite;

use super::migrations;
use crate::problem::StoreProblem;

/// What a statement comes to.
pub(super) type Result<T> = std::result::Result<T, sqlx::Error>;

/// Databases count in signed numbers.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn small<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

/// Refuses what a newer version has made.
pub(super) fn newer(place: &str, found: i64) -> std::result::Result<(), StoreProblem> {
    let known = migrations::known();
    if found > known {
        return Err(StoreProblem::Newer { place: place.to_owned(), found, known });
    }
    Ok(())
}
