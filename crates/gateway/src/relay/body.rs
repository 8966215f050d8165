//! The body handed to the caller's connection. It owns the meter: when it ends, or is dropped because the caller left,
//! the call's record is closed, and everything the call held is given back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::events::Pass;
use super::silence::{BEAT, Heard, Silence};
use super::stream::{Got, Stream, Why};
use crate::account::Meter;
use crate::admit::Permit;
use crate::error::BoxError;
use crate::intake::{Peer, Running, Turn};
use crate::upstream::{AnswerBody, Arrival, Resuming, Trouble};

/// An answer's body on its way to the caller.
pub(crate) struct RelayBody {
    pub(super) kind: Kind,
    /// Given back before the record is handed in: whoever reads that a call is over may count on it.
    permit: Option<Permit>,
    pub(super) meter: Option<Box<Meter>>,
    pub(super) turn: Option<Arc<Turn>>,
    /// Why the connection is about to end: told in the next turn, so that what was handed over before goes out.
    aborts: Option<BoxError>,
    /// Counted among the calls of its connection while it flows.
    _call: Option<Arc<Running>>,
}

pub(super) enum Kind {
    Whole(Bytes),
    Awaited(Silence),
    Flowing(Box<Stream>),
    Resuming(Box<Break>),
    Over,
}

/// A stream that broke, while somebody is looked for who goes on with it.
pub(super) struct Break {
    pub(super) resuming: Resuming,
    /// It, for what is told when nobody does.
    pub(super) stream: Box<Stream>,
    pub(super) why: Why,
    /// Rings when the caller should hear of us.
    pub(super) clock: Option<Pin<Box<Sleep>>>,
}

impl RelayBody {
    pub(super) fn of(body: AnswerBody, mut meter: Box<Meter>, permit: Option<Permit>, peer: &Peer) -> Self {
        let kind = match body {
            AnswerBody::Whole(bytes) => Kind::Whole(bytes),
            // A session has no body; its sockets are joined elsewhere.
            AnswerBody::Session(_) | AnswerBody::Socket(_) => Kind::Over,
            AnswerBody::Flowing(mut from) => {
                if from.fails {
                    meter.breaks(Trouble::Cut("an error in place of an answer".into()).kind());
                }
                if peer.call.is_some() {
                    // A caller that opens no window over HTTP/2 never lets us be polled: the total holds all the same.
                    from.rest.cut_at(from.deadline);
                }
                if let Some(turn) = &peer.turn {
                    turn.must_end(from.deadline);
                }
                Kind::Flowing(Box::new(Stream::new(*from)))
            }
            AnswerBody::Awaited(awaited) => Kind::Awaited(Silence::new(awaited)),
        };
        Self {
            kind,
            permit,
            meter: Some(meter),
            turn: peer.turn.clone(),
            aborts: None,
            _call: peer.call.clone(),
        }
    }

    pub(super) fn whole(bytes: Bytes, meter: Option<Box<Meter>>, peer: &Peer) -> Self {
        Self {
            kind: Kind::Whole(bytes),
            permit: None,
            meter,
            turn: peer.turn.clone(),
            aborts: None,
            _call: peer.call.clone(),
        }
    }

    /// The empty body of a 101: the turn is never given back, for the connection is no longer HTTP.
    pub(super) fn nothing() -> Self {
        Self { kind: Kind::Over, permit: None, meter: None, turn: None, aborts: None, _call: None }
    }
}

/// What goes to the caller next.
pub(super) enum Next {
    Data(Bytes),
    Beat,
    End,
    Abort(BoxError),
    Wait,
}

impl RelayBody {
    fn next(&mut self, cx: &mut Context<'_>) -> Next {
        loop {
            if let Kind::Awaited(silence) = &mut self.kind {
                match silence.poll(cx) {
                    Poll::Pending => return Next::Wait,
                    Poll::Ready(Heard::Beat) => return Next::Beat,
                    Poll::Ready(Heard::Arrival(Arrival::Stream(from))) => {
                        if let Some(turn) = &self.turn {
                            turn.must_end(from.deadline);
                        }
                        let mut stream = Box::new(Stream::new(*from));
                        stream.beats();
                        self.kind = Kind::Flowing(stream);
                    }
                    Poll::Ready(Heard::Arrival(Arrival::Theirs(status, body))) => {
                        return self.refused(status, &body);
                    }
                    Poll::Ready(Heard::Arrival(Arrival::Ours(error))) => return self.failed(&error),
                }
            }
            if let Kind::Resuming(_) = &self.kind {
                match self.resume(cx) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            let Kind::Flowing(stream) = &mut self.kind else {
                return match std::mem::replace(&mut self.kind, Kind::Over) {
                    Kind::Whole(bytes) if !bytes.is_empty() => Next::Data(bytes),
                    _ => Next::End,
                };
            };
            if let Some(why) = stream.broken.take() {
                match self.breaks(why) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            let Poll::Ready(got) = stream.poll(cx) else { return Next::Wait };
            match got {
                Got::Piece(piece) => {
                    let bytes = match stream.pass(piece) {
                        Pass::Bytes(bytes) => bytes,
                        Pass::Nothing => continue,
                        Pass::TooLong => {
                            stream.broken =
                                Some(Why::Trouble(Trouble::Protocol("an event without end".into())));
                            continue;
                        }
                        Pass::Fails { before, theirs, rest } => {
                            stream.from.ahead = rest;
                            stream.broken = Some(theirs.map_or(Why::Diverged, Why::Theirs));
                            before
                        }
                    };
                    if !bytes.is_empty() {
                        stream.sends(&bytes);
                        return Next::Data(bytes);
                    }
                }
                Got::Beat => {
                    stream.beats();
                    return Next::Beat;
                }
                Got::Complete => return self.completed(),
                Got::End => {
                    if let Some(next) = self.upstream_ended() {
                        return next;
                    }
                }
                Got::Broken(trouble) => stream.broken = Some(Why::Trouble(trouble)),
            }
        }
    }

    /// The caller has everything.
    fn finish(&mut self) {
        if let Some(meter) = &mut self.meter {
            meter.completes();
        }
        self.give_back();
    }

    /// What is left of the reservation is given back, the record handed in, and the caller may speak again, in that order.
    fn give_back(&mut self) {
        if let (Some(meter), Some(permit)) = (&self.meter, &mut self.permit) {
            meter.settle(permit);
        }
        self.permit = None;
        self.meter = None;
        if let Some(turn) = self.turn.take() {
            turn.give_back();
        }
    }
}

impl Body for RelayBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(error) = self.aborts.take() {
            self.finish();
            return Poll::Ready(Some(Err(error)));
        }
        match self.next(cx) {
            Next::Wait => Poll::Pending,
            Next::Data(bytes) => {
                if let Some(meter) = &mut self.meter {
                    meter.sent(bytes.len());
                }
                // A body of known length is not polled again: its last piece is its end.
                if self.is_end_stream() {
                    self.close(true);
                    self.finish();
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Next::Beat => {
                if let Some(meter) = &mut self.meter {
                    meter.beats(BEAT.len());
                }
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(BEAT)))))
            }
            Next::End => {
                self.finish();
                Poll::Ready(None)
            }
            Next::Abort(error) => {
                self.aborts = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            _ if self.aborts.is_some() => false,
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Over => true,
            Kind::Awaited(_) | Kind::Resuming(_) => false,
            // hyper does not poll a body of known length again once it has all of it.
            Kind::Flowing(stream) => {
                !stream.is_open() && stream.from.ahead.is_empty() && stream.from.rest.is_over()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Over => SizeHint::with_exact(0),
            Kind::Awaited(_) | Kind::Resuming(_) => SizeHint::default(),
            Kind::Flowing(stream) if stream.is_open() => SizeHint::default(),
            Kind::Flowing(stream) => {
                let rest = stream.from.rest.length();
                rest.map_or_else(SizeHint::default, |rest| {
                    SizeHint::with_exact(rest + stream.from.ahead.len() as u64)
                })
            }
        }
    }
}

impl Drop for RelayBody {
    fn drop(&mut self) {
        // A whole body may be dropped unpolled because it is empty (or the method is HEAD): that is its end.
        let ended = self.is_end_stream();
        if let (Kind::Flowing(stream), Some(meter)) = (&self.kind, &mut self.meter)
            && stream.is_overdue()
            && !ended
        {
            // Its caller did not read, and was let go.
            meter.breaks(Trouble::TotalTimeout.kind());
        }
        self.close(ended);
        if ended {
            self.finish();
        }
        self.give_back();
    }
}
