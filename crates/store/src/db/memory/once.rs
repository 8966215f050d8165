//! Requests that are to be done once, in memory.

use std::collections::HashMap;

use crate::idempotency::{Known, Once, OnceKey};

/// What is known of them, by id, each with the time it is over at.
#[derive(Default, Debug)]
pub(in crate::db) struct Requests(HashMap<String, (Known, u64)>);

impl Requests {
    pub(in crate::db) fn tidy(&mut self, now_us: u64) {
        self.0.retain(|_, (_, until_us)| *until_us > now_us);
    }

    /// Those whose time is over have been tidied away.
    pub(in crate::db) fn begin(&mut self, key: &OnceKey, until_us: u64) -> Once {
        if let Some((known, _)) = self.0.get(&key.id()) {
            return known.clone().told(&key.digest);
        }
        let known = Known { digest: key.digest.clone(), answer: None };
        self.0.insert(key.id(), (known, until_us));
        Once::New
    }

    pub(in crate::db) fn finish(&mut self, key: &OnceKey, status: u16, body: String) {
        if let Some((known, _)) = self.0.get_mut(&key.id())
            && known.digest == key.digest
            && known.answer.is_none()
        {
            known.answer = Some((status, body));
        }
    }

    pub(in crate::db) fn forget(&mut self, key: &OnceKey) {
        let running = |known: &Known| known.digest == key.digest && known.answer.is_none();
        if self.0.get(&key.id()).is_some_and(|(known, _)| running(known)) {
            self.0.remove(&key.id());
        }
    }
}
