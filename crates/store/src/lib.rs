//! Floor 1: what is remembered. It does not know what the rows mean.
//!
//! Furnished so far: usage records, kept in memory for the life of the process. Databases, keys, revisions and the
//! vault join here.

pub mod db;
pub mod usage_record;

pub use db::Db;
pub use usage_record::UsageRecord;
