//! Values of lines of our own in a head. They are written one behind the other, and share one piece of memory.

use bytes::BytesMut;
use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};

/// Room for what is said of a usual answer.
const USUAL: usize = 256;

/// Where they are written.
pub(crate) fn room() -> BytesMut {
    BytesMut::with_capacity(USUAL)
}

/// What was written since the last one. None: it is nothing that may stand in a head.
pub(crate) fn written(room: &mut BytesMut) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(room.split().freeze()).ok()
}

/// Puts what was written since the last one into a head, in place of what it says under that name.
pub(crate) fn put(head: &mut HeaderMap, name: &HeaderName, room: &mut BytesMut) {
    if let Some(value) = written(room) {
        head.insert(name, value);
    }
}
