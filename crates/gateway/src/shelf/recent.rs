//! What one WebSocket remembers: its latest answers, by which it may go on although nobody keeps them.
//!
//! Source: OpenAI's guide "WebSocket mode": with `store: false` an answer can be gone on with on the connection it was given on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many are remembered,
const MANY: usize = 4;
/// with so many bytes; the last one always is.
const MOST: usize = 32 << 20;

/// The latest answers of a WebSocket.
#[derive(Default)]
pub(crate) struct Recent(Mutex<VecDeque<Remembered>>);

/// An answer, with the whole conversation it ends.
#[derive(Clone)]
pub(super) struct Remembered {
    pub(super) id: String,
    /// What was said, its answer included: items with commas between them.
    pub(super) items: Arc<str>,
    pub(super) place: Place,
}

/// Where an answer can be had again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Here, by anybody it belongs to.
    Shelf,
    /// At the vendor that gave it.
    Vendor,
    /// On this WebSocket alone.
    Here,
}

impl Recent {
    pub(super) fn find(&self, id: &str) -> Option<Remembered> {
        self.held().iter().rev().find(|remembered| remembered.id == id).cloned()
    }

    pub(super) fn remember(&self, new: Remembered) {
        let mut held = self.held();
        held.push_back(new);
        let bytes = |held: &VecDeque<Remembered>| held.iter().map(|one| one.items.len()).sum::<usize>();
        while held.len() > MANY || (held.len() > 1 && bytes(&held) > MOST) {
            held.pop_front();
        }
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_the_last_however_long_it_is() {
        let recent = Recent::default();
        let remember = |id: &str, bytes: usize| {
            let items = "x".repeat(bytes).into();
            recent.remember(Remembered { id: id.to_owned(), items, place: Place::Here });
        };
        (0..6).for_each(|nth| remember(&nth.to_string(), 1));
        let known = |ids: &[&str]| ids.iter().filter(|id| recent.find(id).is_some()).count();
        assert_eq!((known(&["0", "1"]), known(&["2", "3", "4", "5"])), (0, 4));
        remember("long", MOST + 1);
        assert_eq!((known(&["2", "3", "4", "5"]), known(&["long"])), (0, 1));
    }
}
