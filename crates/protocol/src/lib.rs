//! Floor 1: every foreign language and vendor, pure.
//!
//! This crate knows how requests, answers, streams and faults look on the wire of each vendor, and does nothing with
//! that knowledge: no sockets, no clock, no async, no disk. Whatever it says can be tested by bytes in, bytes out.

pub mod codec;
pub mod dialect;
pub mod envelope;
pub mod fault;
pub mod frame;
pub mod hint;
pub mod hub;
pub mod kept;
pub mod listing;
mod moment;
pub mod operation;
pub mod quota;
pub mod secret;
pub mod usage;
pub mod vendor;
pub mod verdict;

/// When the tables of operations and vendors were last compared with their sources.
pub const TABLES_OF: &str = "November 2026";
