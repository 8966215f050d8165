//! The statements, as the driver of PostgreSQL takes them.
#![allow(clippy::duplicate_mod, reason = "one text for both databases, and each driver has types of its own")]

use sqlx::Database;

pub(super) type Driver = sqlx::Postgres;
pub(super) type Arguments = <Driver as Database>::Arguments;
pub(super) type Connection = <Driver as Database>::Connection;
pub(super) type Row = <Driver as Database>::Row;

/// Takes back what the transaction has done so far, and begins it again as it was begun.
const ANEW: &str = "ROLLBACK; BEGIN ISOLATION LEVEL READ COMMITTED";

/// How records are put in that are not there yet.
const INSERT_NEW: &str = "INSERT INTO";
const UNLESS_THERE: &str = " ON CONFLICT (record_id) DO NOTHING";

/// How a value stands in a text.
pub(super) fn placeholder(number: usize) -> String {
    format!("${number}")
}

#[path = "append.rs"]
pub(in crate::db) mod append;
#[path = "audit.rs"]
pub(in crate::db) mod audit;
#[path = "chores.rs"]
pub(in crate::db) mod chores;
#[path = "once.rs"]
pub(in crate::db) mod once;
#[path = "responses.rs"]
pub(in crate::db) mod responses;
#[path = "revisions.rs"]
pub(in crate::db) mod revisions;
#[path = "schema.rs"]
pub(in crate::db) mod schema;
#[path = "secrets.rs"]
pub(in crate::db) mod secrets;
#[path = "standings.rs"]
pub(in crate::db) mod standings;
#[path = "usage.rs"]
pub(in crate::db) mod usage;
