//! How bytes are framed on the wire, read without keeping or changing them.

pub mod head;
pub mod multipart;
pub mod sse;
pub mod unasked;
