//! The pieces of a body as they arrive, and what can be wrong with them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use protocol::fault::Kind;

use crate::error::ApiError;

/// A body put together again; one that came in one piece is never copied.
#[derive(Default)]
pub(crate) struct Gathered {
    only: Option<Bytes>,
    all: BytesMut,
    /// How long it is said to be.
    expected: usize,
}

/// So much room is made for what somebody says will come.
const TRUSTED: u64 = 1024 * 1024;

impl Gathered {
    /// For a body that is said to be so long.
    pub(super) fn expecting(length: Option<u64>) -> Self {
        let expected = usize::try_from(length.unwrap_or(0).min(TRUSTED)).unwrap_or(0);
        Self { expected, ..Self::default() }
    }

    /// Takes the next piece in.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.only.is_none() && self.all.is_empty() {
            self.only = Some(piece);
            return;
        }
        if let Some(first) = self.only.take() {
            self.all.reserve(self.expected);
            self.all.extend_from_slice(&first);
        }
        self.all.extend_from_slice(&piece);
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.only.as_ref().map_or(self.all.len(), Bytes::len)
    }

    /// All of them.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.only.unwrap_or_else(|| self.all.freeze())
    }
}

/// The next piece of a body, within its time.
pub(super) async fn next(body: &mut Incoming, gap: Duration) -> Result<Option<Bytes>, ApiError> {
    loop {
        match tokio::time::timeout(gap, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Ok(Some(Err(error))) => return Err(broken_body(error)),
            Ok(None) => return Ok(None),
            Err(_) => {
                let say = "The body stopped arriving. Nothing was sent on.";
                return Err(ApiError::new(Kind::CallerTooSlow, say));
            }
        }
    }
}

pub(super) fn too_large(limit: u64) -> ApiError {
    let allowed =
        if limit.is_multiple_of(1 << 20) { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
    let say = format!("This body is larger than the {allowed} allowed here (server.limits). Send less.");
    ApiError::new(Kind::TooLarge, say)
}

pub(super) fn bad_form(what: &str) -> ApiError {
    ApiError::new(Kind::InvalidForm, format!("This form cannot be read: {what}."))
}

/// The caller's body broke off: malformed coding, or the caller left.
pub(super) fn broken_body(error: hyper::Error) -> ApiError {
    let say = "The body broke off or its coding is malformed. Send it whole.";
    ApiError::new(Kind::MalformedHttp, say).because(error)
}
