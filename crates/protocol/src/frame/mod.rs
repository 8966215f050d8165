//! How bytes are framed on the wire, read without keeping or changing them.

pub mod aws_event;
pub mod chunks;
mod event;
pub mod head;
pub mod multipart;
pub mod said;
pub mod sse;
pub mod unasked;
