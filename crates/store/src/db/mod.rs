//! Where rows go. A closed set, matched here and nowhere else.

mod memory;

pub use memory::Memory;

use crate::usage_record::UsageRecord;

/// The database in use.
#[derive(Debug)]
pub enum Db {
    /// The newest rows, in memory, gone with the process.
    Memory(Memory),
}

impl Db {
    /// Writes a batch. Rows beyond the capacity push the oldest out.
    pub fn append(&self, batch: Vec<UsageRecord>) {
        match self {
            Self::Memory(memory) => memory.append(batch),
        }
    }

    /// The newest rows, newest last.
    pub fn recent(&self) -> Vec<UsageRecord> {
        match self {
            Self::Memory(memory) => memory.recent(),
        }
    }
}
