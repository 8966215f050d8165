//! Two connections joined: a WebSocket passes byte for byte once the upstream has agreed (101), not a byte before.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use hyper::upgrade::on;
use hyper_util::rt::TokioIo;
use protocol::fault::Kind;

use super::Answer;
use super::client::Reply;
use crate::error::ApiError;
use crate::intake::Call;
use crate::life::{Life, State};
use crate::spawn;

/// Headers of the agreement that belong to the caller.
const AGREED: [&str; 3] = ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"];

/// Answers 101 and joins both sides until either lets go, or the house closes.
pub(super) fn join(reply: Reply, call: &mut Call, life: &Arc<Life>) -> Result<Answer, ApiError> {
    let Some(caller) = call.upgrade.take() else {
        return Err(ApiError::new(Kind::UpstreamProtocol, "The upstream switched protocols unasked."));
    };
    let Reply { response, lease } = reply;
    let mut head = HeaderMap::new();
    head.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    head.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    for name in AGREED {
        if let Some(value) = response.headers().get(name) {
            head.insert(name, value.clone());
        }
    }
    let upstream = on(response);
    // The engine hands the socket over; until then the lease must not cut it.
    lease.let_go();
    let in_house = life.call_begins();
    let mut state = life.watch();
    spawn::detached(async move {
        let _in_house = in_house;
        let (Ok(caller), Ok(upstream)) = tokio::join!(caller, upstream) else { return };
        let (mut caller, mut upstream) = (TokioIo::new(caller), TokioIo::new(upstream));
        let closed = async {
            let _ = state.wait_for(|state| *state == State::Closed).await;
        };
        let joined = tokio::io::copy_bidirectional(&mut caller, &mut upstream);
        tokio::select! {
            _ = joined => {}
            () = closed => {}
        }
    });
    Ok(Answer::ours(StatusCode::SWITCHING_PROTOCOLS, head, Bytes::new()))
}
