//! Floor 1: what is remembered. It does not know what the rows mean.
//!
//! Usage records go to the [`spool`] first, which is on this computer's disk and has them when the process is killed, and
//! from there to the [`Db`] (docs/adr/0020). Secrets are sealed by the [`Vault`] before they become rows (docs/adr/0021).

mod books;
pub mod db;
mod files;
mod problem;
pub mod spool;
pub mod upkeep;
pub mod usage_record;
pub mod vault;

pub use books::Books;
pub use db::{Db, Place};
pub use problem::StoreProblem;
pub use spool::Spool;
pub use usage_record::UsageRecord;
pub use vault::Vault;
