//! What upstream and load are made of: sockets that never block, on one thread, at next to no cost.

pub(crate) mod body;
pub(crate) mod head;
pub(crate) mod poll;
pub(crate) mod timers;
pub(crate) mod wire;

/// How much is read at once.
pub(crate) const READ: usize = 256 * 1024;
