//! Rows in memory: the newest ones, bounded.

mod changes;
mod once;
mod responses;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use changes::Changes;
use once::Requests;
use responses::Responses;

use super::query::{Cursor, Filter, Hour, Page};
use super::secrets::Change;
use super::standings::Whence;
use crate::usage_record::UsageRecord;
use crate::vault::Sealed;

/// How a provider stands, and until when.
type Standing = (String, Option<u64>);

/// Rows by what they are.
#[derive(Default, Debug)]
pub(super) struct Memory {
    rows: Mutex<VecDeque<UsageRecord>>,
    /// By name.
    secrets: Mutex<BTreeMap<String, Sealed>>,
    changes: Mutex<Changes>,
    once: Mutex<Requests>,
    responses: Mutex<Responses>,
    /// By where it is known from and provider: how it stands, and until when.
    standings: Mutex<BTreeMap<(Whence, String), Standing>>,
    capacity: usize,
}

impl Memory {
    /// Keeps at most `capacity` usage records.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    fn rows(&self) -> MutexGuard<'_, VecDeque<UsageRecord>> {
        held(&self.rows)
    }

    pub(super) fn changes(&self) -> MutexGuard<'_, Changes> {
        held(&self.changes)
    }

    pub(super) fn once(&self) -> MutexGuard<'_, Requests> {
        held(&self.once)
    }

    pub(super) fn responses(&self) -> MutexGuard<'_, Responses> {
        held(&self.responses)
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
        held(&self.secrets).values().cloned().collect()
    }

    pub(super) fn secret(&self, name: &str) -> Option<Sealed> {
        held(&self.secrets).get(name).cloned()
    }

    pub(super) fn change_secret(&self, change: Change) -> bool {
        let mut secrets = held(&self.secrets);
        match change {
            Change::Put(new) => {
                secrets.insert(new.name.clone(), new);
                true
            }
            Change::Add(new) | Change::BeginAudit(new, _) => add(&mut secrets, new),
            Change::Touch(name, now_us) => {
                secrets.get_mut(&name).map(|row| row.changed_us = now_us).is_some()
            }
            Change::Remove(name) => secrets.remove(&name).is_some(),
            Change::RemoveUnchanged(old) => {
                secrets.get(&old.name) == Some(&old) && secrets.remove(&old.name).is_some()
            }
            Change::Rewrap(old, new) => match secrets.get_mut(&old.name) {
                Some(row) if *row == old => {
                    *row = new;
                    true
                }
                _ => false,
            },
        }
    }

    pub(super) fn keep_standing(&self, whence: Whence, one: (String, String, Option<u64>)) {
        let (provider, text, until_us) = one;
        held(&self.standings).insert((whence, provider), (text, until_us));
    }

    pub(super) fn standings(&self, whence: Whence) -> Vec<(String, String, Option<u64>)> {
        let standings = held(&self.standings);
        standings
            .iter()
            .filter(|((known, _), _)| *known == whence)
            .map(|((_, provider), (text, until_us))| (provider.clone(), text.clone(), *until_us))
            .collect()
    }

    pub(super) fn tidy_standings(&self, whence: Whence, now_us: u64) {
        let holds = |until_us: Option<u64>| until_us.is_none_or(|until| until > now_us);
        held(&self.standings).retain(|(known, _), (_, until_us)| *known != whence || holds(*until_us));
    }

    pub(super) fn remove_standing(&self, whence: Whence, provider: &str) -> bool {
        held(&self.standings).remove(&(whence, provider.to_owned())).is_some()
    }

    pub(super) fn hours(&self, from_us: u64, until_us: u64) -> Vec<Hour> {
        let mut hours = Hour::of(self.rows().iter());
        hours.retain(|hour| (from_us..until_us).contains(&hour.hour_us));
        hours
    }
}

fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(secrets: &mut BTreeMap<String, Sealed>, new: Sealed) -> bool {
    match secrets.entry(new.name.clone()) {
        Entry::Vacant(place) => {
            place.insert(new);
            true
        }
        Entry::Occupied(_) => false,
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
