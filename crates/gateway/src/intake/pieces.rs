//! The pieces of a body as they arrive, and what can be wrong with them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use protocol::fault::Kind;

use crate::error::ApiError;

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
