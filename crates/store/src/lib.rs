//! Floor 1: what is remembered. It does not know what the rows mean.
//!
//! Usage records go to the [`spool`] first, which is on this computer's disk and has them when the process is killed, and
//! from there to the [`Db`] (docs/adr/0020). Secrets are sealed by the [`Vault`] before they become rows (docs/adr/0021). Changes
//! of the configuration are [`revision`]s, and who made them stands in the [`audit`] (docs/adr/0019).

pub mod audit;
mod books;
pub mod chore;
mod clock;
pub mod db;
mod files;
pub mod idempotency;
mod problem;
mod responses;
pub mod revision;
pub mod spool;
mod text;
pub mod upkeep;
pub mod usage_record;
pub mod vault;

pub use audit::{AuditEntry, AuditFilter, AuditKey, AuditReport, AuditRow};
pub use books::Books;
pub use chore::Chore;
pub use db::{Db, Place, Whence};
pub use files::keep_file;
pub use idempotency::{Once, OnceKey};
pub use problem::StoreProblem;
pub use responses::{KeptResponse, ResponsesKey};
pub use revision::{NewRevision, Recorded, Revision, RevisionLine};
pub use spool::Spool;
pub use text::fingerprint;
pub use usage_record::UsageRecord;
pub use vault::Vault;
