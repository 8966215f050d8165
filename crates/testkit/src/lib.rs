//! Beside the house: what tests stand on. A fake vendor that keeps a ledger and can misbehave on the wire, a raw
//! caller, the recorded exchanges, and a small text format for byte-exact cases.
//!
//! Everything here speaks to plain sockets and knows HTTP/1.1 only as far as it must: a correct library would refuse
//! to write the incorrect bytes these tests exist for.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "testkit speaks to tests: a broken set-up must fail loudly"
)]

pub mod caller;
pub mod failing;
pub mod line;
pub mod nobody;
pub mod postgres;
pub mod raw;
pub mod recordings;
pub mod until;
pub mod vendor;
pub mod view;
pub mod wire;
