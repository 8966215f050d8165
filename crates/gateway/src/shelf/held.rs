//! Answers that are not in the database yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use store::KeptResponse;

/// Bytes that may wait for a database; the oldest make room.
const MOST: usize = 64 << 20;
/// So much is written at once.
const BATCH: usize = 8 << 20;

/// Them, oldest first.
#[derive(Default)]
pub(super) struct Held {
    order: VecDeque<String>,
    by_id: HashMap<String, Arc<KeptResponse>>,
    bytes: usize,
    /// How many made room since that was last asked.
    lost: u64,
    /// How many bytes the database may have of them.
    most: u64,
}

impl Held {
    pub(super) fn put(&mut self, kept: Arc<KeptResponse>, most: u64) {
        self.most = most;
        if kept.text.len() as u64 > most {
            return tracing::warn!("a response is not kept: it alone is larger than storage.responses.most");
        }
        // Of two places that were asked at once both may have answered.
        self.take(&kept.id);
        self.bytes += kept.text.len();
        self.order.push_back(kept.id.clone());
        self.by_id.insert(kept.id.clone(), kept);
        while self.bytes > MOST
            && let Some(oldest) = self.order.front().cloned()
        {
            self.take(&oldest);
            self.lost += 1;
        }
    }

    pub(super) fn find(&self, owner: &str, id: &str) -> Option<Arc<KeptResponse>> {
        self.by_id.get(id).filter(|kept| kept.owner == owner).cloned()
    }

    /// An answer and what it goes on with, as far as that is held, newest first.
    pub(super) fn line(&self, owner: &str, id: &str) -> Vec<Arc<KeptResponse>> {
        let mut line: Vec<Arc<KeptResponse>> = Vec::new();
        let mut at = Some(id.to_owned());
        while let Some(kept) = at.take().and_then(|id| self.find(owner, &id)) {
            at.clone_from(&kept.previous);
            line.push(kept);
        }
        line
    }

    /// The oldest, as many as are written at once.
    pub(super) fn batch(&self) -> Vec<Arc<KeptResponse>> {
        let mut bytes = 0;
        let fits = |kept: &&Arc<KeptResponse>| {
            let first = bytes == 0;
            bytes += kept.text.len();
            first || bytes <= BATCH
        };
        self.order.iter().filter_map(|id| self.by_id.get(id)).take_while(fits).cloned().collect()
    }

    /// Takes one away; whether it was there.
    pub(super) fn remove(&mut self, owner: &str, id: &str) -> bool {
        self.find(owner, id).is_some() && self.take(id)
    }

    /// These have been written.
    pub(super) fn written(&mut self, batch: &[Arc<KeptResponse>]) {
        for kept in batch {
            self.take(&kept.id);
        }
    }

    fn take(&mut self, id: &str) -> bool {
        let Some(kept) = self.by_id.remove(id) else { return false };
        self.bytes -= kept.text.len();
        // Mostly it is the first.
        if let Some(at) = self.order.iter().position(|held| held == id) {
            self.order.remove(at);
        }
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(id: &str, previous: Option<&str>, bytes: usize) -> Arc<KeptResponse> {
        let (id, previous) = (id.to_owned(), previous.map(str::to_owned));
        Arc::new(KeptResponse { id, owner: "me".into(), previous, until_us: 1, text: "x".repeat(bytes) })
    }

    fn ids(line: &[Arc<KeptResponse>]) -> Vec<&str> {
        line.iter().map(|kept| kept.id.as_str()).collect()
    }

    #[test]
    fn what_is_held_is_found_by_its_owner_until_it_is_written() {
        let mut held = Held::default();
        for (id, previous) in [("a", None), ("b", Some("a")), ("c", Some("elsewhere"))] {
            held.put(kept(id, previous, 10), 70);
        }
        assert_eq!(ids(&held.line("me", "b")), ["b", "a"]);
        assert_eq!(ids(&held.line("me", "c")), ["c"]);
        assert!(held.line("you", "b").is_empty() && held.find("you", "a").is_none());
        assert!(!held.remove("you", "a") && held.remove("me", "a"));
        let batch = held.batch();
        assert_eq!(ids(&batch), ["b", "c"]);
        held.written(&batch);
        assert!(held.is_empty() && held.bytes == 0 && held.most() == 70);
    }

    #[test]
    fn one_that_alone_is_too_large_is_not_held_and_nothing_goes_for_it() {
        let mut held = Held::default();
        held.put(kept("a", None, 10), 10);
        held.put(kept("b", None, 11), 10);
        assert_eq!((ids(&held.batch()), held.lost()), (vec!["a"], 0));
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let mut held = Held::default();
        for id in ["a", "b", "c"] {
            held.put(kept(id, None, MOST / 2), u64::MAX);
        }
        assert_eq!((ids(&held.batch()), held.lost(), held.lost()), (vec!["b"], 1, 0));
    }
}
