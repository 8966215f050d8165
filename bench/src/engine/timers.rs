//! What is to happen when: a heap of instants.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Instants, each with what it is for.
pub(crate) struct Timers<T: Ord> {
    heap: BinaryHeap<Reverse<(u64, T)>>,
}

impl<T: Ord> Timers<T> {
    /// Nothing is to happen.
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new() }
    }

    /// Something is to happen then.
    pub(crate) fn at(&mut self, instant: u64, what: T) {
        self.heap.push(Reverse((instant, what)));
    }

    /// The next instant.
    pub(crate) fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((instant, _))| *instant)
    }

    /// What was to happen by now, the oldest first, with its instant.
    pub(crate) fn due(&mut self, now: u64) -> Option<(u64, T)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
