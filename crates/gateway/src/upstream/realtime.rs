//! An upstream that has agreed to a WebSocket (101): the agreement is passed on, and both sockets with it.

use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use protocol::fault::Kind;

use super::answer::Session;
use super::client::Reply;
use super::{Answer, AnswerBody};
use crate::error::ApiError;
use crate::intake::Call;
use crate::standing::Reservation;

/// Headers of the agreement that belong to the caller.
const AGREED: [&str; 3] = ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"];

/// The answer that joins both sides, with what it takes of quotas.
pub(super) fn agreed(reply: Reply, call: &mut Call, taken: Reservation) -> Result<Answer, ApiError> {
    let Some(caller) = call.upgrade.take() else {
        return Err(ApiError::new(Kind::UpstreamProtocol, "The upstream switched protocols unasked."));
    };
    let mut head = HeaderMap::new();
    head.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    head.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    for name in AGREED {
        if let Some(value) = reply.head.get(name) {
            head.insert(name, value.clone());
        }
    }
    let Some(upstream) = reply.rest.switched() else {
        return Err(ApiError::new(Kind::UpstreamInterrupted, "The upstream left at once."));
    };
    let body = AnswerBody::Session(Box::new(Session { caller, upstream, taken }));
    Ok(Answer { status: StatusCode::SWITCHING_PROTOCOLS, head, body, permit: None })
}
