//! The statements, as the driver of SQLite takes them.
#![allow(clippy::duplicate_mod, reason = "one text for both databases, and each driver has types of its own")]

use sqlx::Database;

pub(super) type Driver = sqlx::Sqlite;
pub(super) type Arguments = <Driver as Database>::Arguments;
pub(super) type Connection = <Driver as Database>::Connection;
pub(super) type Row = <Driver as Database>::Row;

/// Takes back what the transaction has done so far, and begins it again as it was begun.
const ANEW: &str = "ROLLBACK; BEGIN IMMEDIATE";

/// How records are put in that are not there yet: by a word for all that may be wrong with a row, of which its key is all that can be. With
/// a clause for the key alone SQLite copies every page before it is changed, to take back the rows before one that is wrong otherwise.
const INSERT_NEW: &str = "INSERT OR IGNORE INTO";
const UNLESS_THERE: &str = "";

/// How a value stands in a text. By its place: SQLite would look for each name among all of them.
pub(super) fn placeholder(_number: usize) -> String {
    "?".to_owned()
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
