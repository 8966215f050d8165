//! A database and the spool before it: the two places a record of a call is in, one after the other.

use std::path::Path;
use std::sync::Arc;

use crate::db::{Db, Place};
use crate::problem::StoreProblem;
use crate::spool::Spool;

/// Where records are kept.
#[derive(Debug)]
pub struct Books {
    /// Where they end.
    pub db: Db,
    /// Where they are until then; none before a database in memory, which outlasts nothing.
    pub spool: Option<Arc<Spool>>,
}

impl Books {
    /// The newest `rows` records, for the life of the process.
    pub fn in_memory(rows: usize) -> Self {
        Self { db: Db::in_memory(rows), spool: None }
    }

    /// Opens a database and a spool in this folder before it. Blocks.
    ///
    /// # Errors
    /// When the database must not be used as it is, or the spool cannot be written.
    pub fn open(place: &Place, spool: &Path) -> Result<Self, StoreProblem> {
        let db = Db::open(place)?;
        let spool = match db.outlasts_the_process() {
            true => Some(Arc::new(Spool::open(spool).map_err(|error| StoreProblem::file(spool, error))?)),
            false => None,
        };
        Ok(Self { db, spool })
    }
}
