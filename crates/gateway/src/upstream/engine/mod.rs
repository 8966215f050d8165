//! HTTP/1.1 towards upstreams: a request goes out on a connection, and its answer comes back.
//!
//! No task and no channel stands between a call and its socket: whoever asks writes, whoever relays reads, and a
//! connection that is dropped is cut (docs/adr/0025). What an upstream may say is read by `protocol::frame::head`, strictly.

mod behind;
mod exchange;
mod line;
mod message;
mod sending;
mod socket;

pub(super) use behind::{Behind, Left};
pub(super) use exchange::{Asked, ask};
pub(super) use line::Line;
pub(super) use message::{HeadWriter, Message, OutBody};
pub(super) use sending::{NotSent, Sending};
pub(super) use socket::Socket;
