//! Answers that are kept for callers, in memory.

use std::collections::BTreeMap;

use crate::responses::Row;

/// By id.
#[derive(Default, Debug)]
pub(in crate::db) struct Responses(BTreeMap<String, Row>);

impl Responses {
    pub(in crate::db) fn keep(&mut self, rows: Vec<Row>) {
        for row in rows {
            let (until_us, mut at) = (row.until_us, row.previous.clone());
            self.0.entry(row.id.clone()).or_insert(row);
            while let Some(earlier) = at.and_then(|id| self.0.get_mut(&id)) {
                earlier.until_us = earlier.until_us.max(until_us);
                at = earlier.previous.clone();
            }
        }
    }

    pub(in crate::db) fn one(&self, owner: &str, id: &str, now_us: u64) -> Option<Row> {
        self.0.get(id).filter(|row| row.owner == owner && row.until_us > now_us).cloned()
    }

    pub(in crate::db) fn line(&self, owner: &str, id: &str, now_us: u64) -> Vec<Row> {
        let mut line: Vec<Row> = Vec::new();
        let mut at = Some(id.to_owned());
        while let Some(row) = at.and_then(|id| self.one(owner, &id, now_us)) {
            at = row.previous.clone();
            line.push(row);
        }
        line
    }

    pub(in crate::db) fn remove(&mut self, owner: &str, id: &str) -> bool {
        self.0.get(id).is_some_and(|row| row.owner == owner) && self.0.remove(id).is_some()
    }

    pub(in crate::db) fn prune(&mut self, now_us: u64, most: u64) -> u64 {
        let count = self.0.len();
        // One that alone is too much goes alone.
        self.0.retain(|_, row| row.until_us > now_us && row.sealed.len() as u64 <= most);
        let mut newest: Vec<(u64, String, u64)> =
            self.0.values().map(|row| (row.until_us, row.id.clone(), row.sealed.len() as u64)).collect();
        newest.sort_by(|a, b| b.cmp(a));
        let mut so_far = 0;
        for (_, id, bytes) in newest {
            so_far += bytes;
            if so_far > most {
                self.0.remove(&id);
            }
        }
        (count - self.0.len()) as u64
    }
}
