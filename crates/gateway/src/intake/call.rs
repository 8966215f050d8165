//! One request, understood.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};
use hyper::upgrade::OnUpgrade;
use protocol::dialect::Dialect;
use protocol::envelope::Envelope;
use protocol::operation::Row;
use uuid::Uuid;

use super::{Offered, Payload};
use crate::shelf::{Keeping, Recent};

/// What is asked, as every stage sees it.
pub(crate) struct Call {
    /// The request id: the caller's own if it sent a fitting one, else ours.
    pub(crate) id: String,
    /// The operation and its properties.
    pub(crate) row: &'static Row,
    /// The path below `/v1`, as written.
    pub(crate) rest: String,
    /// The model or deployment in the path, decoded.
    pub(crate) path_model: Option<String>,
    /// The query, as written.
    pub(crate) query: Option<String>,
    /// The method.
    pub(crate) method: Method,
    /// The headers, as they came.
    pub(crate) head: HeaderMap,
    /// The one model named.
    pub(crate) model: Option<String>,
    /// The body may name a model that could not be read: it is compressed, or a form whose file comes first.
    pub(crate) unread: bool,
    /// A stream is asked for.
    pub(crate) streams: bool,
    /// The stream is to be one JSON array, and not events.
    pub(crate) array: bool,
    /// What was found in a JSON body.
    pub(crate) envelope: Option<Envelope>,
    /// The body.
    pub(crate) body: Payload,
    /// The credential the caller showed.
    pub(crate) offered: Option<Offered>,
    /// What the WebSocket remembers that it came over as a message.
    pub(crate) recent: Option<Arc<Recent>>,
    /// What is known of its own answer, where that may be kept here. In a place of its own: most calls have none.
    pub(crate) keeping: Option<Box<Keeping>>,
    /// The other half of a WebSocket.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// Where it came from; behind a trusted proxy, the address that proxy names.
    pub(crate) caller_ip: Option<IpAddr>,
    /// Our port, for `X-Forwarded-Port`; none on a Unix socket.
    pub(crate) port: Option<u16>,
    /// It came through TLS.
    pub(crate) tls: bool,
    /// The language to answer and refuse in.
    pub(crate) dialect: Dialect,
}

/// Names a request, in both directions.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The caller's `x-request-id` when it is short visible ASCII, else a fresh one.
pub(super) fn id(head: &HeaderMap) -> String {
    let given = head.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let fits = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    given.filter(fits).map_or_else(fresh_id, str::to_owned)
}

/// A new request id: sortable by time.
pub(crate) fn fresh_id() -> String {
    let mut room = Uuid::encode_buffer();
    ["req_", &*Uuid::now_v7().simple().encode_lower(&mut room)].concat()
}
