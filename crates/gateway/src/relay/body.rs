//! The body handed to the caller's connection. It owns the meter: when it ends, or is dropped because the caller left,
//! the call's record is closed, and everything the call held is given back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use protocol::dialect::Dialect;
use protocol::frame::said::Joiner;
use protocol::verdict::FaultClass;
use protocol::{fault, usage};
use tokio::time::{Instant, Sleep};

use super::events::{Events, Pass};
use super::silence::{BEAT, Heard, Silence};
use crate::account::Meter;
use crate::admit::Permit;
use crate::error::{ApiError, BoxError};
use crate::intake::{Peer, Running, Turn};
use crate::standing::Lesson;
use crate::upstream::{AnswerBody, Arrival, Flowing, Resumed, Resuming, Trouble};

/// An answer's body on its way to the caller.
pub(crate) struct RelayBody {
    kind: Kind,
    /// Given back before the record is handed in: whoever reads that a call is over may count on it.
    permit: Option<Permit>,
    meter: Option<Meter>,
    turn: Option<Arc<Turn>>,
    /// Why the connection is about to end: told in the next turn, so that what was handed over before goes out.
    aborts: Option<BoxError>,
    /// Counted among the calls of its connection while it flows.
    _call: Option<Arc<Running>>,
}

enum Kind {
    Whole(Bytes),
    Awaited(Silence),
    Flowing(Box<Stream>),
    Resuming(Box<Break>),
    Over,
}

/// A stream that broke, while somebody is looked for who goes on with it.
struct Break {
    resuming: Resuming,
    /// It, for what is told when nobody does.
    stream: Box<Stream>,
    why: Why,
    /// Rings when the caller should hear of us.
    clock: Option<Pin<Box<Sleep>>>,
}

/// Why a stream does not go on.
enum Why {
    /// It broke off.
    Trouble(Trouble),
    /// The upstream said so: its own event.
    Theirs(Bytes),
}

/// A stream that has said everything but `[DONE]` is closed after this long (S11).
const CLOSES: Duration = Duration::from_secs(4);

/// The last event of OpenAI's streams of chunks.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// How much of a long answer's end is kept to find its count.
const TAIL: usize = 16 * 1024;

/// A flowing body and its clocks.
struct Stream {
    from: Flowing,
    events: Option<Events>,
    /// The end of a long answer that counts tokens, where the count is expected.
    tail: BytesMut,
    /// Rings when the upstream has been silent too long, or the call took too long.
    clock: Option<Pin<Box<Sleep>>>,
    last_piece: Instant,
    /// When the caller last heard of us.
    spoke: Instant,
    /// What has broken it, told when everything before it has gone out.
    broken: Option<Why>,
    /// It is silent, and nobody could go on with it sooner than it may yet itself.
    patient: bool,
}

impl RelayBody {
    pub(super) fn of(body: AnswerBody, meter: Meter, permit: Option<Permit>, peer: &Peer) -> Self {
        let kind = match body {
            AnswerBody::Whole(bytes) => Kind::Whole(bytes),
            // A session has no body; its sockets are joined elsewhere.
            AnswerBody::Session(_) => Kind::Over,
            AnswerBody::Flowing(mut from) => {
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

    pub(super) fn whole(bytes: Bytes, meter: Option<Meter>, peer: &Peer) -> Self {
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

/// What a poll of the upstream gave.
enum Got {
    Piece(Bytes),
    End,
    Beat,
    /// It had said everything and does not end.
    Complete,
    Broken(Trouble),
}

impl Stream {
    fn new(from: Flowing) -> Self {
        Self::joined(from, None)
    }

    /// One that goes on where another broke off.
    fn joined(from: Flowing, joiner: Option<Joiner>) -> Self {
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
            broken: None,
            patient: false,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Got> {
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

    /// How long it may be silent.
    fn gap(&self) -> Duration {
        let timeouts = &self.from.timeouts;
        match &self.from.rescue {
            Some(_) if self.said_everything() => CLOSES.min(timeouts.between_bytes),
            Some(_) if !self.patient => timeouts.gap.min(timeouts.between_bytes),
            _ => timeouts.between_bytes,
        }
    }

    /// It has said everything but that this is all.
    fn said_everything(&self) -> bool {
        let single = self.from.rescue.as_ref().is_some_and(|rescue| rescue.is_single());
        single && self.events.as_ref().is_some_and(|events| events.finished && !events.over)
    }

    /// The whole call took too long.
    fn is_overdue(&self) -> bool {
        Instant::now() >= self.from.deadline
    }

    /// The caller has heard a heartbeat.
    fn beats(&mut self) {
        if let Some(events) = &mut self.events {
            events.beats();
        }
    }

    /// These bytes go to the caller.
    fn sends(&mut self, bytes: &[u8]) {
        self.spoke = self.last_piece;
        if let Some(rescue) = &mut self.from.rescue {
            rescue.sends(bytes);
        }
    }

    /// When a heartbeat is due, if this is a place for one.
    fn next_beat(&self) -> Option<Instant> {
        let between = self.events.as_ref().is_some_and(Events::may_pause);
        self.from.heartbeat.filter(|_| between).map(|every| self.spoke + every)
    }
}

/// What goes to the caller next.
enum Next {
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
                    let bytes = match pass(stream, piece) {
                        Pass::Bytes(bytes) => bytes,
                        Pass::Nothing => continue,
                        Pass::TooLong => {
                            stream.broken =
                                Some(Why::Trouble(Trouble::Protocol("an event without end".into())));
                            continue;
                        }
                        Pass::Fails(bytes, theirs) => {
                            let diverged = || Trouble::Cut("another answer did not say the same".into());
                            stream.broken =
                                Some(theirs.map_or_else(|| Why::Trouble(diverged()), Why::Theirs));
                            bytes
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

    /// Somebody is looked for who goes on with a stream that broke. `None`: there is more to be said at once.
    fn resume(&mut self, cx: &mut Context<'_>) -> Option<Next> {
        let Kind::Resuming(broken) = &mut self.kind else { return None };
        match broken.resuming.as_mut().poll(cx) {
            Poll::Ready(Some(Resumed { flowing, joiner })) => {
                if let Some(turn) = &self.turn {
                    turn.must_end(flowing.deadline);
                }
                let mut stream = Box::new(Stream::joined(*flowing, Some(joiner)));
                stream.beats();
                self.kind = Kind::Flowing(stream);
                None
            }
            Poll::Ready(None) => {
                let Kind::Resuming(broken) = std::mem::replace(&mut self.kind, Kind::Over) else { return None };
                let Break { stream, why, .. } = *broken;
                self.kind = Kind::Flowing(stream);
                Some(self.gone(why))
            }
            Poll::Pending => {
                let Some(every) = broken.stream.from.heartbeat else { return Some(Next::Wait) };
                let due = broken.stream.spoke + every;
                let clock = broken.clock.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
                if clock.as_mut().poll(cx).is_pending() {
                    return Some(Next::Wait);
                }
                broken.stream.spoke = Instant::now();
                clock.as_mut().reset(Instant::now() + every);
                // Polled once more, so that it rings again.
                let _ = clock.as_mut().poll(cx);
                Some(Next::Beat)
            }
        }
    }

    /// The stream does not go on. `None`: somebody is looked for who does so.
    fn breaks(&mut self, why: Why) -> Option<Next> {
        let Kind::Flowing(stream) = &mut self.kind else { return Some(Next::End) };
        if let Some(events) = &stream.events {
            // An answer that had said everything is complete, however its connection ended.
            if events.over {
                self.close(false);
                return Some(Next::End);
            }
            if stream.said_everything() {
                return Some(self.completed());
            }
        }
        if let Some(pass) = &mut stream.from.pass {
            pass.ends(Lesson::Fails);
        }
        let Some(rescue) = stream.from.rescue.take() else { return Some(self.gone(why)) };
        let class = match &why {
            Why::Trouble(Trouble::GapTimeout | Trouble::TotalTimeout) => FaultClass::StreamStall,
            Why::Trouble(_) | Why::Theirs(_) => FaultClass::StreamCut,
        };
        // Its target is told now, not when the call is over; its connection is cut.
        stream.from.pass = None;
        let resuming = rescue.resume(class);
        let Kind::Flowing(stream) = std::mem::replace(&mut self.kind, Kind::Over) else { return Some(Next::End) };
        self.kind = Kind::Resuming(Box::new(Break { resuming, stream, why, clock: None }));
        None
    }

    /// A stream that had said everything but that this is all is closed as it should have been.
    fn completed(&mut self) -> Next {
        let Kind::Flowing(stream) = &mut self.kind else { return Next::End };
        let chunks = stream.from.dialect == Dialect::OpenAi
            && stream.events.as_ref().is_some_and(|events| !events.named && !events.over);
        let within = stream.events.as_mut().and_then(Events::rest);
        if let Some(meter) = &self.meter {
            let provider = &stream.from.provider;
            tracing::info!(id = meter.id(), provider, "a stream did not say that it was complete, and was closed");
        }
        self.close(false);
        match (chunks, within) {
            (true, None) => Next::Data(Bytes::from_static(DONE)),
            (_, Some(rest)) => Next::Data(rest),
            (false, None) => Next::End,
        }
    }

    /// The upstream's body is over by its framing; whether its answer is over, its last event says.
    /// `None`: it is not, and there is more to be said.
    fn upstream_ended(&mut self) -> Option<Next> {
        let Kind::Flowing(stream) = &mut self.kind else { return Some(Next::End) };
        if stream.said_everything() {
            return Some(self.completed());
        }
        let rest = stream.events.as_mut().and_then(Events::rest);
        let unfinished = stream.events.as_ref().is_some_and(|events| !events.may_end());
        if unfinished && stream.from.says_end {
            let trouble = Trouble::Cut("the stream ended without saying that it was complete".into());
            stream.broken = Some(Why::Trouble(trouble));
            return None;
        }
        self.close(true);
        Some(rest.map_or(Next::End, Next::Data))
    }

    /// The upstream broke off: an event says so in the caller's language where it reads events, else its connection ends
    /// without looking complete (D-18).
    fn gone(&mut self, why: Why) -> Next {
        let Kind::Flowing(stream) = &mut self.kind else { return Next::End };
        let trouble = match why {
            Why::Trouble(trouble) => trouble,
            // In the upstream's own words, as they came.
            Why::Theirs(event) => {
                if let Some(meter) = &mut self.meter {
                    meter.breaks(Trouble::Cut("".into()).kind());
                    let provider = &stream.from.provider;
                    tracing::warn!(id = meter.id(), provider, "the provider ended its answer with an error");
                }
                self.close(false);
                return Next::Data(event);
            }
        };
        let (kind, say) = (trouble.kind(), trouble.say(&stream.from.provider));
        let event =
            stream.events.as_ref().map(|events| fault::event(kind, &say, stream.from.dialect, events.named));
        if let Some(meter) = &mut self.meter {
            meter.breaks(kind);
            let cause = trouble.cause();
            let provider = &stream.from.provider;
            tracing::warn!(id = meter.id(), provider, code = kind.label(), cause, "answer broke off");
        }
        self.close(false);
        match event {
            // What was sent of an unfinished event is closed off first, so that ours is read as one.
            Some(event) => Next::Data(Bytes::from(format!("\n\n{event}"))),
            None => Next::Abort(say.into()),
        }
    }

    /// The upstream refused what we had promised: one event says so in its own words.
    fn refused(&mut self, status: StatusCode, body: &[u8]) -> Next {
        let Kind::Awaited(silence) = std::mem::replace(&mut self.kind, Kind::Over) else { return Next::End };
        if let Some(meter) = &mut self.meter {
            meter.passes_error(status);
        }
        Next::Data(silence.event_of_answer(status, body).into())
    }

    /// Nothing came that may be passed on: one event says why.
    fn failed(&mut self, error: &ApiError) -> Next {
        let Kind::Awaited(silence) = std::mem::replace(&mut self.kind, Kind::Over) else { return Next::End };
        if let Some(meter) = &mut self.meter {
            meter.refuses_in_stream(error.kind);
            super::log(error, meter);
        }
        Next::Data(silence.event(error).into())
    }

    /// The upstream side is over. With `clean` its connection may serve again.
    fn close(&mut self, clean: bool) {
        if let Kind::Flowing(stream) = std::mem::replace(&mut self.kind, Kind::Over) {
            let events = stream.events.as_ref().and_then(|events| events.usage);
            let usage = events.or_else(|| usage::find_at_end(&stream.tail));
            if let (Some(meter), Some(usage)) = (&mut self.meter, usage) {
                meter.counted(usage);
            }
            if clean {
                stream.from.rest.finish();
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

fn pass(stream: &mut Stream, piece: Bytes) -> Pass {
    match &mut stream.events {
        Some(events) => events.push(piece),
        None => {
            if stream.from.counts {
                keep_tail(&mut stream.tail, &piece);
            }
            Pass::Bytes(piece)
        }
    }
}

/// Keeps the last bytes of an answer.
fn keep_tail(tail: &mut BytesMut, piece: &[u8]) {
    tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL)..]);
    if tail.len() > 2 * TAIL {
        tail.advance(tail.len() - TAIL);
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
                stream.events.is_none() && stream.from.ahead.is_empty() && stream.from.rest.is_over()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Over => SizeHint::with_exact(0),
            Kind::Awaited(_) | Kind::Resuming(_) => SizeHint::default(),
            Kind::Flowing(stream) if stream.events.is_some() => SizeHint::default(),
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
