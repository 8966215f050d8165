//! A flowing answer on this side of the relay: its pieces, its clocks, what is known of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use protocol::frame::said::Joiner;
use protocol::usage::{self, Usage};
use tokio::time::{Instant, Sleep};

use super::events::{Events, Pass};
use crate::upstream::{Flowing, Trouble};

/// A stream that has said everything but `[DONE]` is closed after this long (S11).
const CLOSES: Duration = Duration::from_secs(4);

/// How much of a long answer's end is kept to find its count.
const TAIL: usize = 16 * 1024;

/// A flowing body and its clocks.
pub(super) struct Stream {
    pub(super) from: Flowing,
    pub(super) events: Option<Events>,
    /// The end of a long answer that counts tokens, where the count is expected.
    tail: BytesMut,
    /// Rings when the upstream has been silent too long, or the call took too long.
    clock: Option<Pin<Box<Sleep>>>,
    pub(super) last_piece: Instant,
    /// When the caller last heard of us.
    pub(super) spoke: Instant,
    /// The one it goes on with: whose it was, and why that broke.
    pub(super) before: Option<(String, Why)>,
    /// What has broken it, told when everything before it has gone out.
    pub(super) broken: Option<Why>,
    /// It is silent, and nobody could go on with it sooner than it may yet itself.
    patient: bool,
}

/// Why a stream does not go on.
pub(super) enum Why {
    /// It broke off.
    Trouble(Trouble),
    /// The upstream said so: its own event.
    Theirs(Bytes),
    /// It was to go on with another, and says something else than that has said.
    Diverged,
}

/// What a poll of the upstream gave.
pub(super) enum Got {
    Piece(Bytes),
    End,
    Beat,
    /// It had said everything and does not end.
    Complete,
    Broken(Trouble),
}

impl Stream {
    pub(super) fn new(from: Flowing) -> Self {
        Self::joined(from, None)
    }

    /// One that goes on where another broke off.
    pub(super) fn joined(from: Flowing, joiner: Option<Joiner>) -> Self {
        let events = from.events.then(|| match &from.rescue {
            Some(_) => Events::mending(from.hide_usage, joiner),
            None => Events::new(from.hide_usage),
        });
        let now = Instant::now();
        Self {
            from,
            events,
            tail: BytesMut::new(),
            clock: None,
            last_piece: now,
            spoke: now,
            before: None,
            broken: None,
            patient: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Got> {
        if !self.from.ahead.is_empty() {
            return Poll::Ready(Got::Piece(std::mem::take(&mut self.from.ahead)));
        }
        match self.from.rest.poll_piece(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                self.last_piece = Instant::now();
                self.patient = false;
                Poll::Ready(Got::Piece(piece))
            }
            // A caller that reads again only now: it was we who ended this.
            Poll::Ready(Some(Err(_))) if self.is_overdue() => Poll::Ready(Got::Broken(Trouble::TotalTimeout)),
            Poll::Ready(Some(Err(trouble))) => Poll::Ready(Got::Broken(trouble)),
            Poll::Ready(None) => Poll::Ready(Got::End),
            Poll::Pending => self.poll_clock(cx),
        }
    }

    /// One clock for whatever is due first: a heartbeat, or the end of our patience.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<Got> {
        let late = (self.last_piece + self.gap()).min(self.from.deadline);
        let beats = self.next_beat();
        let rings = beats.map_or(late, |beats| beats.min(late));
        let clock = self.clock.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(rings)));
        if rings < clock.deadline() {
            clock.as_mut().reset(rings);
        }
        while clock.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now >= late {
                if self.said_everything() {
                    return Poll::Ready(Got::Complete);
                }
                if !self.patient && self.from.rescue.as_ref().is_some_and(|rescue| rescue.gap().is_none()) {
                    // Nobody could go on with it: its own patience counts.
                    self.patient = true;
                    return self.poll_clock(cx);
                }
                let total = self.from.deadline <= late;
                let trouble = if total { Trouble::TotalTimeout } else { Trouble::GapTimeout };
                return Poll::Ready(Got::Broken(trouble));
            }
            if now >= rings {
                self.spoke = now;
                return Poll::Ready(Got::Beat);
            }
            // Set for an earlier piece: set anew, which is rarer than setting it for every piece.
            clock.as_mut().reset(rings);
        }
        Poll::Pending
    }

    /// What of a piece is for the caller.
    pub(super) fn pass(&mut self, piece: Bytes) -> Pass {
        match &mut self.events {
            Some(events) => events.push(piece),
            None => {
                if self.from.counts {
                    keep_tail(&mut self.tail, &piece);
                }
                Pass::Bytes(piece)
            }
        }
    }

    /// What it has counted.
    pub(super) fn usage(&self) -> Option<Usage> {
        // What its vendor counted stands before what its caller was told of that: a stream that broke tells less.
        let events = || self.events.as_ref().and_then(|events| events.usage);
        self.from.rest.counted().or_else(events).or_else(|| usage::find_at_end(&self.tail))
    }

    /// How long it may be silent.
    fn gap(&self) -> Duration {
        let timeouts = &self.from.timeouts;
        match &self.from.rescue {
            Some(_) if self.said_everything() => CLOSES.min(timeouts.between_bytes),
            Some(_) if !self.patient => timeouts.gap.min(timeouts.between_bytes),
            _ => timeouts.between_bytes,
        }
    }

    /// Something of ours may stand in it or behind it, so that its length is not what its upstream named.
    pub(super) fn is_open(&self) -> bool {
        self.events.is_some() || self.from.array || self.from.rest.is_tapped()
    }

    /// It has said everything but that this is all.
    pub(super) fn said_everything(&self) -> bool {
        let single = self.from.rescue.as_ref().is_some_and(|rescue| rescue.is_single());
        single && self.events.as_ref().is_some_and(Events::said_everything)
    }

    /// The whole call took too long.
    pub(super) fn is_overdue(&self) -> bool {
        Instant::now() >= self.from.deadline
    }

    /// The caller has heard a heartbeat.
    pub(super) fn beats(&mut self) {
        if let Some(events) = &mut self.events {
            events.beats();
        }
    }

    /// These bytes go to the caller.
    pub(super) fn sends(&mut self, bytes: &[u8]) {
        self.spoke = self.last_piece;
        if let Some(rescue) = &mut self.from.rescue {
            rescue.sends(bytes, self.last_piece);
        }
        if let Some(scribe) = &mut self.from.scribe {
            scribe.sends(bytes);
        }
    }

    /// When a heartbeat is due, if this is a place for one.
    fn next_beat(&self) -> Option<Instant> {
        let in_array = || self.from.array && self.from.rest.is_between();
        let between = self.events.as_ref().map_or_else(in_array, Events::may_pause);
        self.from.heartbeat.filter(|_| between).map(|every| self.spoke + every)
    }
}

/// Keeps the last bytes of an answer.
fn keep_tail(tail: &mut BytesMut, piece: &[u8]) {
    tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL)..]);
    if tail.len() > 2 * TAIL {
        tail.advance(tail.len() - TAIL);
    }
}
