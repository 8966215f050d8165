//! What came back, ready to be relayed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::{Provider, ProviderTimeouts};
use http::{HeaderMap, StatusCode};
use hyper::upgrade::OnUpgrade;
use protocol::dialect::Dialect;
use protocol::frame::said::Joiner;
use protocol::usage::Usage;
use protocol::verdict::FaultClass;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::rest::{Rest, Switched};
use crate::account::Meter;
use crate::admit::Permit;
use crate::error::ApiError;
use crate::intake::Talk;
use crate::shelf::Scribe;
use crate::standing::{Pass, Purse, Reservation};

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
    /// A stream that has not come yet; its caller hears heartbeats.
    Awaited(Box<Awaited>),
    /// Two sockets to be joined.
    Session(Box<Session>),
    /// A WebSocket of our own.
    Socket(Begins),
}

/// What is said over a WebSocket of our own once it is agreed on, given the meter of its opening.
pub(crate) type Begins = Box<dyn FnOnce(Box<Meter>) -> Talk + Send>;

impl AnswerBody {
    /// A stream that comes as one JSON array, as which its type alone does not show.
    pub(crate) fn is_array(&self) -> bool {
        match self {
            Self::Flowing(flowing) => flowing.array,
            Self::Awaited(awaited) => awaited.is_array(),
            Self::Whole(_) | Self::Session(_) | Self::Socket(_) => false,
        }
    }
}

/// Both ends of a WebSocket, the caller's handed over once its own 101 is through.
pub(crate) struct Session {
    /// The caller's.
    pub(crate) caller: OnUpgrade,
    /// The upstream's.
    pub(crate) upstream: Switched,
    /// What it takes of quotas, until it is over.
    pub(crate) taken: Reservation,
}

/// A body that flows.
pub(crate) struct Flowing {
    /// What was read ahead of the decision to let it flow.
    pub(crate) ahead: Bytes,
    /// The rest.
    pub(crate) rest: Rest,
    /// It is a stream of server-sent events.
    pub(crate) events: bool,
    /// It is a stream as one JSON array, an element a piece.
    pub(crate) array: bool,
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
    /// How long a stream of events may be silent before its caller hears a heartbeat.
    pub(crate) heartbeat: Option<Duration>,
    /// Who is asked, for messages.
    pub(crate) provider: String,
    /// The language to end in.
    pub(crate) dialect: Dialect,
    /// It is an error in place of an answer.
    pub(crate) fails: bool,
    /// The target's leave, which is told how this ends.
    pub(crate) pass: Option<Pass>,
    /// What can be done when it breaks.
    pub(crate) rescue: Option<Box<dyn Rescue>>,
    /// Reads it as it passes, for it may be kept.
    pub(crate) scribe: Option<Box<Scribe>>,
}

impl Flowing {
    /// Its first content can be told from what only opens an answer.
    pub(super) fn begins(&self) -> bool {
        self.events || self.rest.progress().is_some()
    }
}

/// What can be done when a stream breaks after its caller has had some of it.
pub(crate) trait Rescue: Send {
    /// These whole events went to the caller, now.
    fn sends(&mut self, events: &[u8], now: Instant);

    /// It is one answer, and not several at once.
    fn is_single(&self) -> bool;

    /// Whether it can be gone on with at all: what the caller has had of it is an answer, and nothing else.
    fn may(&self) -> bool;

    /// What an error means that the upstream tells within it.
    fn means(&self, status: StatusCode, event: &[u8]) -> FaultClass;

    /// Whether an event repeats a credential of ours.
    fn repeats_secrets(&self, event: &[u8]) -> bool;

    /// How long it may be silent, if somebody else could go on with it at this moment.
    fn gap(&self) -> Option<Duration>;

    /// What goes on now says something else than what the caller has had: that is nobody's failure.
    fn diverges(&mut self);

    /// Goes on elsewhere, or, where nobody else is, where it broke.
    /// `counted`: what it has counted until then.
    fn resume(self: Box<Self>, class: FaultClass, counted: Option<Usage>) -> Resuming;
}

/// A stream that goes on where another broke off.
pub(crate) struct Resumed {
    /// It.
    pub(crate) flowing: Box<Flowing>,
    /// Makes one of both.
    pub(crate) joiner: Joiner,
}

/// The way to it; `None`: there is none.
pub(crate) type Resuming = Pin<Box<dyn Future<Output = Option<Resumed>> + Send>>;

/// What is promised, and on whose behalf.
pub(crate) struct Promise {
    /// Between two heartbeats.
    pub(super) every: Duration,
    /// Who is asked.
    pub(super) provider: Arc<Provider>,
    /// What is held of who we are there.
    pub(super) purse: Option<Arc<Purse>>,
    /// The language of the stream.
    pub(super) dialect: Dialect,
    /// Its events have names.
    pub(super) named: bool,
    /// It is one JSON array, and not events.
    pub(super) array: bool,
}

/// A stream that has been promised. Dropped before it came, the attempt ends and its connection is cut.
pub(crate) struct Awaited {
    coming: JoinHandle<Arrival>,
    promise: Promise,
}

/// What came.
pub(crate) enum Arrival {
    /// The stream.
    Stream(Box<Flowing>),
    /// An error of the upstream's own.
    Theirs(StatusCode, Bytes),
    /// Nothing that may be passed on.
    Ours(ApiError),
}

impl Awaited {
    /// Awaits what the task brings.
    pub(super) fn new(coming: JoinHandle<Arrival>, promise: Promise) -> Self {
        Self { coming, promise }
    }

    /// Between two heartbeats.
    pub(crate) fn every(&self) -> Duration {
        self.promise.every
    }

    /// Who is asked.
    pub(crate) fn provider(&self) -> &str {
        &self.promise.provider.name
    }

    /// The language to tell an error in, and whether its events have names.
    pub(crate) fn dialect(&self) -> (Dialect, bool) {
        (self.promise.dialect, self.promise.named)
    }

    /// It is one JSON array, and not events.
    pub(crate) fn is_array(&self) -> bool {
        self.promise.array
    }

    /// Ready once, with what came.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        // A panic ends this call and no other; the log has it.
        Pin::new(&mut self.coming)
            .poll(cx)
            .map(|came| came.unwrap_or_else(|_panic| Arrival::Ours(ApiError::mistake())))
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.coming.abort();
    }
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
