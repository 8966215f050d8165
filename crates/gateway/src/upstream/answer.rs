//! What came back, ready to be relayed.

use bytes::Bytes;
use config::snapshot::ProviderTimeouts;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use protocol::dialect::Dialect;
use tokio::time::Instant;

use super::Lease;
use crate::admit::Permit;

/// An answer: head, body, and what the call still holds while it flows.
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers, ours not yet among them.
    pub(crate) head: HeaderMap,
    /// Its body.
    pub(crate) body: AnswerBody,
    /// The call's leave, given back when the answer is over.
    pub(crate) permit: Option<Permit>,
}

/// An answer's body.
pub(crate) enum AnswerBody {
    /// Whole, in memory.
    Whole(Bytes),
    /// Flowing from the upstream.
    Flowing(Box<Flowing>),
    /// Two sockets to be joined.
    Session(Box<Session>),
}

/// Both ends of a WebSocket, each handed over once its own 101 is through.
pub(crate) struct Session {
    /// The caller's.
    pub(crate) caller: OnUpgrade,
    /// The upstream's.
    pub(crate) upstream: OnUpgrade,
}

/// A body that flows.
pub(crate) struct Flowing {
    /// What was read ahead of the decision to let it flow.
    pub(crate) ahead: Bytes,
    /// The rest.
    pub(crate) rest: Incoming,
    /// The connection it comes through.
    pub(crate) lease: Lease,
    /// It is a stream of server-sent events.
    pub(crate) events: bool,
    /// The operation's streams end with an event that says so: an end without it is a cut.
    pub(crate) says_end: bool,
    /// Its end may hold a count of tokens.
    pub(crate) counts: bool,
    /// The usage chunk and its traces are kept from the caller.
    pub(crate) hide_usage: bool,
    /// Bounds on silence and on the whole.
    pub(crate) timeouts: ProviderTimeouts,
    /// When the whole call must be over.
    pub(crate) deadline: Instant,
    /// Who is asked, for messages.
    pub(crate) provider: String,
    /// The language to end in.
    pub(crate) dialect: Dialect,
}

impl Answer {
    /// An answer of our own making.
    pub(crate) fn ours(status: StatusCode, head: HeaderMap, body: Bytes) -> Self {
        Self { status, head, body: AnswerBody::Whole(body), permit: None }
    }

    /// Lets the answer hold the call's leave until it is over.
    pub(crate) fn holding(mut self, permit: Permit) -> Self {
        self.permit = Some(permit);
        self
    }
}
