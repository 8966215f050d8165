//! Responses over a WebSocket: each message that asks for one is a call of its own, and walks the line as if it had come over HTTP.
//!
//! Opening it is a call, too, with a record of its own from its beginning to its end; it asks who is there, and counts against no limit. It
//! stands above the line, which it is handed as a function. `session.rs` is the conversation, `answering.rs` one answer in messages,
//! `pending.rs` the clock of a message that comes in pieces.

mod answering;
mod pending;
mod session;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::Snapshot;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Response, StatusCode, Uri};
use hyper::Request;
use hyper::upgrade::OnUpgrade;
use protocol::dialect::headers;
use protocol::fault::Kind;
use protocol::operation::{Operation, Row};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::Gateway;
use crate::error::ApiError;
use crate::intake::{Arriving, Peer};
use crate::relay::RelayBody;
use crate::shelf::Recent;
use crate::upstream::{Answer, AnswerBody};

/// An answer, some time.
pub(crate) type Hearing = Pin<Box<dyn Future<Output = Response<RelayBody>> + Send>>;

/// The house, as a WebSocket needs it.
pub(crate) struct House {
    pub(crate) gateway: Arc<Gateway>,
    /// The line.
    pub(crate) hear: fn(Arc<Gateway>, Peer, Request<Arriving>) -> Hearing,
    /// Whether who opened it may still speak.
    pub(crate) admits: fn(&Gateway, &Peer, Request<()>) -> bool,
}

/// What every request has that comes as a message: where it goes, and its headers.
struct Letterhead {
    uri: Uri,
    head: HeaderMap,
}

/// Whether a request opens a WebSocket that is served here.
pub(crate) fn is_asked_for<B>(world: &Snapshot, row: &Row, request: &Request<B>) -> bool {
    let socket =
        request.headers().get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let able = request.extensions().get::<OnUpgrade>().is_some();
    world.server.responses_websocket
        && row.operation == Operation::Responses
        && row.socket
        && socket
        && able
        && *request.method() == Method::GET
}

/// Agrees to it.
///
/// # Errors
/// When what opens it is no proper handshake (RFC 6455, 4.2.1).
pub(crate) fn open(house: House, peer: &Peer, mut request: Request<Arriving>) -> Result<Answer, ApiError> {
    refuse_body(request.headers())?;
    let accept = accept(request.headers())?;
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Err(ApiError::mistake());
    };
    let letterhead = Letterhead { uri: request.uri().clone(), head: kept_head(request.headers()) };
    // What comes over it is no part of an HTTP connection's turns.
    let peer = Peer { turn: None, call: None, ..peer.clone() };
    let recent = Arc::new(Recent::default());
    let begins = move |meter| -> crate::intake::Talk {
        Box::pin(session::Session::new(house, peer, letterhead, recent).run(upgrade, meter))
    };
    let mut head = HeaderMap::new();
    head.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    head.insert(UPGRADE, HeaderValue::from_static("websocket"));
    head.insert(SEC_WEBSOCKET_ACCEPT, accept);
    let body = AnswerBody::Socket(Box::new(begins));
    Ok(Answer { status: StatusCode::SWITCHING_PROTOCOLS, head, body, permit: None })
}

/// What comes behind its head would be read as frames by one reader, and as a body by another.
fn refuse_body(head: &HeaderMap) -> Result<(), ApiError> {
    let empty = head.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    if empty && !head.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    let say =
        "A WebSocket is opened by a request without a body. Send `response.create` as its first message.";
    Err(ApiError::new(Kind::MalformedHttp, say))
}

fn accept(head: &HeaderMap) -> Result<HeaderValue, ApiError> {
    let wrong = |say: &'static str| ApiError::new(Kind::MalformedHttp, say);
    if head.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(wrong(
            "A WebSocket is opened with `Sec-WebSocket-Version: 13`, and no other version is spoken here.",
        ));
    }
    let key = head.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if !STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16) {
        return Err(wrong("A WebSocket is opened with a `Sec-WebSocket-Key` of 16 bytes in base64."));
    }
    HeaderValue::from_str(&derive_accept_key(key)).map_err(|_never| ApiError::mistake())
}

/// What of the opening's headers holds for each message.
fn kept_head(opening: &HeaderMap) -> HeaderMap {
    let mut head = HeaderMap::with_capacity(opening.len());
    for (name, value) in opening {
        if !headers::is_of_a_socket(name.as_str(), value.as_bytes()) {
            head.append(name, value.clone());
        }
    }
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    head
}
