//! Whether the house is open, and who is still in it.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// The three states of a house.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Calls are taken.
    Open,
    /// No new calls; running ones finish.
    Draining,
    /// Everything ends now.
    Closed,
}

/// The state, and the number of calls and connections in the house.
#[derive(Debug)]
pub struct Life {
    state: watch::Sender<State>,
    calls: AtomicUsize,
    connections: AtomicUsize,
    changed: tokio::sync::Notify,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::Open),
            calls: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            changed: tokio::sync::Notify::new(),
        }
    }
}

impl Life {
    /// The state now.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Moves on to a later state; never back.
    pub fn become_state(&self, next: State) {
        self.state.send_if_modified(|now| {
            let later = (*now as u8) < next as u8;
            if later {
                *now = next;
            }
            later
        });
    }

    /// Calls that have begun and not ended.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// Counts a call in; it counts itself out when the token is dropped.
    pub(crate) fn call_begins(self: &std::sync::Arc<Self>) -> InHouse {
        self.calls.fetch_add(1, Ordering::AcqRel);
        InHouse { life: self.clone(), counts: |life| &life.calls }
    }

    /// Counts a connection in, likewise.
    pub(crate) fn connection_begins(self: &std::sync::Arc<Self>) -> InHouse {
        self.connections.fetch_add(1, Ordering::AcqRel);
        InHouse { life: self.clone(), counts: |life| &life.connections }
    }

    /// Waits until no call is running.
    pub async fn quiet(&self) {
        loop {
            let changed = self.changed.notified();
            if self.calls() == 0 {
                return;
            }
            changed.await;
        }
    }
}

/// One call or connection in the house.
#[derive(Debug)]
pub(crate) struct InHouse {
    life: std::sync::Arc<Life>,
    counts: fn(&Life) -> &AtomicUsize,
}

impl Drop for InHouse {
    fn drop(&mut self) {
        if (self.counts)(&self.life).fetch_sub(1, Ordering::AcqRel) == 1 {
            self.life.changed.notify_waiters();
        }
    }
}
