//! Rows in memory: the newest ones, bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::query::{Cursor, Filter, Hour, Page};
use super::secrets::Change;
use crate::usage_record::UsageRecord;
use crate::vault::Sealed;

/// A bounded queue of rows.
#[derive(Debug)]
pub struct Memory {
    rows: Mutex<VecDeque<UsageRecord>>,
    /// By name.
    secrets: Mutex<BTreeMap<String, Sealed>>,
    capacity: usize,
}

impl Memory {
    /// Keeps at most `capacity` rows.
    pub fn new(capacity: usize) -> Self {
        Self { rows: Mutex::default(), secrets: Mutex::default(), capacity }
    }

    fn rows(&self) -> MutexGuard<'_, VecDeque<UsageRecord>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn append(&self, batch: Vec<UsageRecord>) -> usize {
        let mut rows = self.rows();
        let new = batch.len();
        rows.extend(batch);
        let excess = rows.len().saturating_sub(self.capacity);
        rows.drain(..excess);
        new
    }

    pub(super) fn page(&self, filter: &Filter, after: Option<&Cursor>, limit: usize) -> Page {
        let place = |record: &UsageRecord| (record.started_us, record.record_id.clone());
        let before = after.map(|after| (after.started_us, after.record_id.clone()));
        let older = |record: &&UsageRecord| before.as_ref().is_none_or(|before| place(record) < *before);
        let rows = self.rows();
        let mut meant: Vec<UsageRecord> =
            rows.iter().filter(|record| filter.means(record)).filter(older).cloned().collect();
        meant.sort_by_key(|record| std::cmp::Reverse(place(record)));
        meant.truncate(limit + 1);
        Page::of(meant, limit)
    }

    pub(super) fn secrets(&self) -> Vec<Sealed> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn change_secret(&self, change: Change) -> bool {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Put(new) => {
                secrets.insert(new.name.clone(), new);
                true
            }
            Change::Remove(name) => secrets.remove(&name).is_some(),
            Change::Rewrap(old, new) => match secrets.get_mut(&old.name) {
                Some(row) if *row == old => {
                    *row = new;
                    true
                }
                _ => false,
            },
        }
    }

    pub(super) fn hours(&self, from_us: u64, until_us: u64) -> Vec<Hour> {
        let mut hours = Hour::of(self.rows().iter());
        hours.retain(|hour| (from_us..until_us).contains(&hour.hour_us));
        hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rows_make_room() {
        let memory = Memory::new(2);
        let row = |id: &str, at| UsageRecord { id: id.into(), started_us: at, ..UsageRecord::default() };
        memory.append(vec![row("a", 1), row("b", 2), row("c", 3)]);
        let kept = memory.page(&Filter::default(), None, 10).records;
        let kept: Vec<String> = kept.into_iter().map(|row| row.id).collect();
        assert_eq!(kept, ["c", "b"]);
    }
}
