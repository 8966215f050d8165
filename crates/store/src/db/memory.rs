//! Rows in memory: the newest ones, bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::usage_record::UsageRecord;

/// A bounded queue of rows.
#[derive(Debug)]
pub struct Memory {
    rows: Mutex<VecDeque<UsageRecord>>,
    capacity: usize,
}

impl Memory {
    /// Keeps at most `capacity` rows.
    pub fn new(capacity: usize) -> Self {
        Self { rows: Mutex::new(VecDeque::new()), capacity }
    }

    pub(super) fn append(&self, batch: Vec<UsageRecord>) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.extend(batch);
        let excess = rows.len().saturating_sub(self.capacity);
        rows.drain(..excess);
    }

    pub(super) fn recent(&self) -> Vec<UsageRecord> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rows_make_room() {
        let memory = Memory::new(2);
        let row = |id: &str| UsageRecord { id: id.into(), ..UsageRecord::default() };
        memory.append(vec![row("a"), row("b"), row("c")]);
        let kept: Vec<String> = memory.recent().into_iter().map(|row| row.id).collect();
        assert_eq!(kept, ["b", "c"]);
    }
}
