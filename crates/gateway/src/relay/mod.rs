//! Last stage: handing the answer over. From here on the body owns the meter, and closes it when it ends or is dropped.

mod body;
mod ending;
mod events;
mod session;
mod silence;
mod stream;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use protocol::dialect::Dialect;
use protocol::fault;

pub(crate) use body::RelayBody;
#[cfg(feature = "measured")]
pub(crate) use events::{Events, Pass};

use crate::account::Meter;
use crate::error::{ApiError, chain};
use crate::intake::{Cors, Peer};
use crate::life::Life;
use crate::upstream::{Answer, AnswerBody};

/// Sends an answer on.
pub(crate) fn send(
    answer: Answer,
    mut meter: Box<Meter>,
    peer: &Peer,
    cors: &Cors,
    life: &Arc<Life>,
) -> Response<RelayBody> {
    let Answer { status, mut head, body, permit } = answer;
    meter.answers(status, body.is_array() || head.get(header::CONTENT_TYPE).is_some_and(is_stream));
    meter.sign(&mut head);
    allow_page(&mut head, cors);
    if let AnswerBody::Session(session) = body {
        if let Some(turn) = &peer.turn {
            turn.upgrade();
        }
        session::join(*session, meter, permit, life);
        return respond(status, head, RelayBody::nothing());
    }
    if let AnswerBody::Socket(begins) = body {
        if let Some(turn) = &peer.turn {
            turn.upgrade();
            turn.stays(begins(meter));
        }
        return respond(status, head, RelayBody::nothing());
    }
    let body = RelayBody::of(body, meter, permit, peer);
    respond(status, head, body)
}

/// The types of streamed answers: events, lines of JSON, and AWS's frames.
fn is_stream(kind: &HeaderValue) -> bool {
    let streams: [&[u8]; 3] =
        [b"text/event-stream", b"application/x-ndjson", b"application/vnd.amazon.eventstream"];
    streams.iter().any(|stream| kind.as_bytes().starts_with(stream))
}

/// Sends our own error, and logs its cause once.
pub(crate) fn refuse(
    error: ApiError,
    mut meter: Box<Meter>,
    dialect: Dialect,
    peer: &Peer,
    cors: &Cors,
) -> Response<RelayBody> {
    let error = error.of_responses(meter.is_of_responses());
    let status = fault::status(error.kind, dialect);
    meter.refuses_with(error.kind, status);
    log(&error, &meter);
    let mut head = error.head();
    if let Some((name, value)) = fault::own_header(error.kind, dialect) {
        head.insert(name, HeaderValue::from_static(value));
    }
    if peer.turn.is_some() && meter.leaves_unread() {
        // Said, so that no next request is lost on it (RFC 9112, 9.6).
        head.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    meter.sign(&mut head);
    allow_page(&mut head, cors);
    let body = RelayBody::whole(error.body(dialect).into(), Some(meter), peer);
    respond(status, head, body)
}

/// Logs an error's cause.
fn log(error: &ApiError, meter: &Meter) {
    if let Some(cause) = &error.cause {
        let causes = chain(cause.as_ref());
        let provider = meter.provider();
        tracing::warn!(id = meter.id(), provider, code = error.kind.label(), causes, "call failed");
    }
}

/// An error before any call has begun: too many connections.
pub(crate) fn refuse_unmetered(error: &ApiError, peer: &Peer) -> Response<RelayBody> {
    let body = RelayBody::whole(error.body(Dialect::OpenAi).into(), None, peer);
    respond(error.kind.meaning().status, error.head(), body)
}

/// A page of our own: welcome, health, metrics.
pub(crate) fn page(status: StatusCode, head: HeaderMap, text: String, peer: &Peer) -> Response<RelayBody> {
    own(status, head, text.into(), peer)
}

/// Any answer of our own that is no call's.
pub(crate) fn own(status: StatusCode, head: HeaderMap, bytes: Bytes, peer: &Peer) -> Response<RelayBody> {
    respond(status, head, RelayBody::whole(bytes, None, peer))
}

fn respond(status: StatusCode, head: HeaderMap, body: RelayBody) -> Response<RelayBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}

/// Tells a browser that the page it shows may read this answer.
fn allow_page(head: &mut HeaderMap, cors: &Cors) {
    if let Cors::Allowed(origin) = cors {
        head.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        head.append(header::VARY, HeaderValue::from_static("origin"));
    }
}
