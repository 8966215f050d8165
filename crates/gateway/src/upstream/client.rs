//! Sending one request and getting the head of its answer, within its times.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::{Origin, Provider, ProviderTimeouts};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::engine::{Asked, Line, Message, OutBody, ask};
use super::passing::is_wanted;
use super::pool::connect::Connector;
use super::pool::{Lease, Pool};
use super::rest::Rest;
use super::trouble::Trouble;

/// A kept connection that was already closed says so within this; one that breaks later was at work, and what it was
/// asked may have been done.
pub(super) const STALE: Duration = Duration::from_millis(500);

/// The upstream side of one worker: its connections and how it makes them.
#[derive(Default)]
pub(crate) struct Client {
    pool: Arc<Pool>,
    connector: Arc<Connector>,
}

/// The head of an answer, and the rest that follows it.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// What is wanted of its headers.
    pub(super) head: HeaderMap,
    /// The head as it was written.
    pub(super) written: Bytes,
    pub(super) rest: Rest,
}

impl Client {
    /// A client without any connection yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Another handle on the same connections, for work beside a call.
    pub(super) fn share(&self) -> Self {
        Self { pool: self.pool.clone(), connector: self.connector.clone() }
    }

    /// Sends a request; everything must be over by `deadline`. A kept connection that turns out to be closed is replaced
    /// once, if the body can be sent again and no byte of an answer came (F-15).
    pub(super) async fn send(
        &self,
        provider: &Provider,
        message: Message,
        deadline: Instant,
    ) -> Result<Box<Reply>, Trouble> {
        let (origin, timeouts) = (&provider.origin, &provider.timeouts);
        let began = Instant::now();
        let Some(line) = self.pool.take(origin, began) else {
            // In a place of its own, as is what follows: most calls find a connection.
            return Box::pin(self.send_fresh(provider, message, deadline)).await;
        };
        let again = message.again();
        match (self.send_on(line, origin, message, Times::of(timeouts, (began, deadline))).await, again) {
            (Err(Trouble::Cut(cause)), Some(message)) if began.elapsed() < STALE => {
                tracing::debug!(provider = %provider.name, %cause, "a kept connection was stale; asked again on a new one");
                Box::pin(self.send_fresh(provider, message, deadline)).await
            }
            (sent, _) => sent,
        }
    }

    /// A connection that goes to nobody else.
    pub(super) fn lease(&self, line: Line, provider: &Provider) -> Lease {
        Lease::of(line, &provider.origin, &self.pool)
    }

    async fn send_fresh(
        &self,
        provider: &Provider,
        message: Message,
        deadline: Instant,
    ) -> Result<Box<Reply>, Trouble> {
        let (origin, timeouts) = (&provider.origin, &provider.timeouts);
        let left = deadline.saturating_duration_since(Instant::now());
        let line = match self.connector.connect(origin, timeouts.connect.min(left)).await {
            Err(Trouble::ConnectTimeout) if left < timeouts.connect => return Err(Trouble::TotalTimeout),
            connected => connected?,
        };
        self.send_on(line, origin, message, Times::of(timeouts, (Instant::now(), deadline))).await
    }

    async fn send_on(
        &self,
        line: Line,
        origin: &Arc<Origin>,
        message: Message,
        times: Times,
    ) -> Result<Box<Reply>, Trouble> {
        let (until, late) = times.of_head(&message.body);
        // From here on, being dropped (the caller left) cuts the connection.
        let mut lease = Lease::of(line, origin, &self.pool);
        let asked = match tokio::time::timeout_at(until, ask(&mut lease.line, message, is_wanted)).await {
            Ok(asked) => asked?,
            Err(_elapsed) => return Err(late),
        };
        let Asked { status, head, written, behind } = asked;
        // In a place of its own from here on: it goes through many hands.
        Ok(Box::new(Reply { status, head, written, rest: Rest::of(behind, lease) }))
    }
}

/// The bounds of a request on a connection.
#[derive(Clone, Copy)]
pub(super) struct Times {
    first_byte: Instant,
    deadline: Instant,
}

impl Times {
    /// Of a request that is sent now, and is over by the deadline.
    pub(super) fn of(timeouts: &ProviderTimeouts, (now, deadline): (Instant, Instant)) -> Self {
        Self { first_byte: now + timeouts.first_byte, deadline }
    }

    /// Until when the head is awaited, and what is wrong when it has not come by then. It is awaited from the moment the
    /// request is sent; a body that flows has its own clock and takes its own time, so that a long upload is not mistaken
    /// for a silent upstream.
    pub(super) fn of_head(self, body: &OutBody) -> (Instant, Trouble) {
        match body {
            OutBody::Empty | OutBody::Whole(_) if self.first_byte < self.deadline => {
                (self.first_byte, Trouble::FirstByteTimeout)
            }
            _ => (self.deadline, Trouble::TotalTimeout),
        }
    }
}
