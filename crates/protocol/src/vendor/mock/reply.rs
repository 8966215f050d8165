//! What an endpoint answers before the asked-for pace and fault are applied to it.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// An answer without time: a stream of pieces, or one body.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) pieces: Vec<Bytes>,
    pub(super) streamed: bool,
}

impl Reply {
    /// One body of that type.
    pub(super) fn whole(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status: StatusCode::OK, headers, pieces: vec![body.into()], streamed: false }
    }

    /// A JSON document.
    pub(super) fn json(body: Value) -> Self {
        Self::whole("application/json", body.to_string())
    }

    /// Bytes that come piece by piece.
    pub(super) fn stream(content_type: &'static str, pieces: Vec<Bytes>) -> Self {
        Self { pieces, streamed: true, ..Self::whole(content_type, Bytes::new()) }
    }

    /// Server-sent events.
    pub(super) fn events(pieces: Vec<Bytes>) -> Self {
        let mut reply = Self::stream("text/event-stream; charset=utf-8", pieces);
        reply.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        reply
    }
}

/// An event without a name, as chat and completions send it.
pub(super) fn unnamed(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

/// An event that is named as its `type`, as the younger endpoints send it.
pub(super) fn named(data: &Value) -> Bytes {
    let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// The last event of chat and completions.
pub(super) const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");
