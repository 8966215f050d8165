//! Plays the scripts of the built-in mock vendor over a connection that never leaves the process.
//!
//! The line treats it like any upstream: it connects, sends HTTP/1.1 and reads what comes, faults included.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use protocol::vendor::mock::{self, Asked, Ending, Script};
use tokio::io::DuplexStream;
use tokio::time::Sleep;

use crate::error::BoxError;
use crate::spawn;

/// What the mock reads of a request.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How much may be on the way between us and the mock.
const PIPE: usize = 64 * 1024;

/// A connection to the mock.
pub(crate) fn open() -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    spawn::detached(async move {
        // A script that breaks off ends the connection with an error: that is its meaning.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(theirs), service_fn(play)).await;
    });
    ours
}

async fn play(request: Request<Incoming>) -> Result<Response<Played>, BoxError> {
    static TURN: AtomicU64 = AtomicU64::new(1);
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
    let content_type = head.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let asked = Asked {
        method: &head.method,
        path: head.uri.path(),
        query: head.uri.query(),
        content_type,
        body: &body,
        now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()),
        turn: TURN.fetch_add(1, Ordering::Relaxed),
    };
    let script = mock::answer(&asked);
    tokio::time::sleep(script.before).await;
    if script.ending == Ending::Refuse {
        return Err("the mock refuses, as asked".into());
    }
    let Script { status, headers, pieces, ending, .. } = script;
    let mut response = Response::new(Played { pieces: pieces.into_iter(), next: None, ending });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A script's body, piece by piece in its own time.
struct Played {
    pieces: std::vec::IntoIter<(std::time::Duration, Bytes)>,
    next: Option<(Pin<Box<Sleep>>, Bytes)>,
    ending: Ending,
}

impl Body for Played {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            if let Some((wait, piece)) = &mut this.next {
                if std::future::Future::poll(wait.as_mut(), cx).is_pending() {
                    return Poll::Pending;
                }
                let piece = std::mem::take(piece);
                this.next = None;
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            match this.pieces.next() {
                Some((wait, piece)) if wait.is_zero() => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Some((wait, piece)) => this.next = Some((Box::pin(tokio::time::sleep(wait)), piece)),
                None => {
                    return match this.ending {
                        Ending::Whole => Poll::Ready(None),
                        // Nobody wakes this up: the caller's clock, or its leaving, ends it.
                        Ending::Hang => Poll::Pending,
                        Ending::Cut | Ending::Refuse => {
                            Poll::Ready(Some(Err("the mock breaks off, as asked".into())))
                        }
                    };
                }
            }
        }
    }
}
