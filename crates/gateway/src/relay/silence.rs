//! What a caller hears while there is nothing to hand on: a heartbeat, one empty line (D-29).
//!
//! To a reader of events an empty line where no event has begun is nothing at all. Unlike a comment it was passed over by
//! every program that was tried, and it is bytes on the wire, which is what keeps proxies and programs from giving up.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::StatusCode;
use protocol::fault;
use tokio::time::{Instant, Sleep};

use crate::error::ApiError;
use crate::upstream::{Arrival, Awaited};

/// The heartbeat.
pub(super) const BEAT: &[u8] = b"\n";

/// A stream that was promised and has not come.
pub(super) struct Silence {
    awaited: Box<Awaited>,
    clock: Pin<Box<Sleep>>,
}

/// What there is to say.
pub(super) enum Heard {
    /// That we are still here.
    Beat,
    /// What came.
    Arrival(Arrival),
}

impl Silence {
    pub(super) fn new(awaited: Box<Awaited>) -> Self {
        // The first beat is due now: with it the head goes out.
        Self { awaited, clock: Box::pin(tokio::time::sleep_until(Instant::now())) }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        if let Poll::Ready(arrival) = self.awaited.poll(cx) {
            return Poll::Ready(Heard::Arrival(arrival));
        }
        if self.clock.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.clock.as_mut().reset(Instant::now() + self.awaited.every());
        Poll::Ready(Heard::Beat)
    }

    /// The event (or the array) that tells an error of ours, as its answer would have.
    pub(super) fn event(&self, error: &ApiError) -> String {
        let (dialect, named) = self.awaited.dialect();
        if self.awaited.is_array() {
            return format!("[{}]", fault::body(error.kind, &error.say, None, dialect));
        }
        fault::event(error.kind, &error.say, dialect, named)
    }

    /// The event that tells an upstream's own error.
    pub(super) fn event_of_answer(&self, status: StatusCode, body: &[u8]) -> String {
        let (dialect, named) = self.awaited.dialect();
        if self.awaited.is_array() {
            return fault::array_of_answer(status, body, dialect);
        }
        fault::event_of_answer((status, body), self.awaited.provider(), dialect, named)
    }
}
