//! How an answer ends, or goes on when it was about to: complete, closed for an upstream that forgot to, broken off and gone on with
//! elsewhere, or told as broken in the caller's language.

use std::future::Future;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use protocol::dialect::Dialect;
use protocol::fault::{self, Kind as Fault};
use protocol::verdict::{Blames, Elsewhere, FaultClass};
use tokio::time::Instant;

use super::body::{Break, Kind, Next, RelayBody};
use super::events::Events;
use super::stream::{Stream, Why};
use crate::error::ApiError;
use crate::standing::Lesson;
use crate::upstream::{Resumed, Trouble};

/// The last event of OpenAI's streams of chunks.
const DONE: &[u8] = b"data: [DONE]\n\n";

impl RelayBody {
    /// Somebody is looked for who goes on with a stream that broke. `None`: there is more to be said at once.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>) -> Option<Next> {
        let Kind::Resuming(broken) = &mut self.kind else { return None };
        match broken.resuming.as_mut().poll(cx) {
            Poll::Ready(Some(Resumed { mut flowing, joiner })) => {
                if let Some(turn) = &self.turn {
                    turn.must_end(flowing.deadline);
                }
                let Kind::Resuming(broken) = std::mem::replace(&mut self.kind, Kind::Over) else {
                    return None;
                };
                let Break { stream: mut before, why, .. } = *broken;
                // It is one answer to its caller, and called what it was called at first.
                flowing.scribe = before.from.scribe.take().or(flowing.scribe);
                let mut stream = Box::new(Stream::joined(*flowing, Some(joiner)));
                stream.before = Some((before.from.provider, why));
                stream.beats();
                self.kind = Kind::Flowing(stream);
                None
            }
            Poll::Ready(None) => {
                let Kind::Resuming(broken) = std::mem::replace(&mut self.kind, Kind::Over) else {
                    return None;
                };
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
    pub(super) fn breaks(&mut self, why: Why) -> Option<Next> {
        let Kind::Flowing(stream) = &mut self.kind else { return Some(Next::End) };
        if let (Some(events), Why::Trouble(_)) = (&stream.events, &why) {
            // An answer that had said everything is complete, however its connection ended.
            if events.over {
                self.close(false);
                return Some(Next::End);
            }
            if stream.said_everything() {
                return Some(self.completed());
            }
        }
        if matches!(why, Why::Trouble(_)) && stream.from.rest.has_failed() {
            // Its caller has read why in the upstream's own words.
            if let Some(meter) = &mut self.meter {
                meter.breaks(Fault::UpstreamInterrupted);
            }
            self.close(false);
            return Some(Next::End);
        }
        if matches!(why, Why::Trouble(_))
            && let Some(rest) = stream.from.rest.completes()
        {
            stream.sends(&rest);
            self.close(false);
            return Some(if rest.is_empty() { Next::End } else { Next::Data(rest) });
        }
        if matches!(why, Why::Diverged) {
            return Some(self.diverged());
        }
        let class = class_of(&why, stream);
        let consequence = class.consequence();
        if let Some(pass) = &mut stream.from.pass
            && consequence.blames != Blames::Nothing
        {
            pass.ends(Lesson::Fails);
        }
        // What is the request's own fault is that everywhere; and who has all of an answer needs no other end of it.
        let elsewhere = consequence.elsewhere == Elsewhere::Yes && !stream.from.rest.is_spent();
        let mut rescue = stream.from.rescue.take();
        let secret = |event: &[u8]| rescue.as_ref().is_some_and(|rescue| rescue.repeats_secrets(event));
        let why = match why {
            Why::Theirs(event) if secret(&event) => {
                Why::Trouble(Trouble::Cut("its error had our key in it".into()))
            }
            why => why,
        };
        rescue = rescue.filter(|rescue| elsewhere && rescue.may());
        let Some(rescue) = rescue else { return Some(self.gone(why)) };
        let counted = stream.usage();
        // Its target is told now, not when the call is over; its connection is cut.
        stream.from.pass = None;
        let resuming = rescue.resume(class, counted);
        let Kind::Flowing(stream) = std::mem::replace(&mut self.kind, Kind::Over) else {
            return Some(Next::End);
        };
        self.kind = Kind::Resuming(Box::new(Break { resuming, stream, why, clock: None }));
        None
    }

    /// A stream that was to go on with another does not: what broke that one is told, for this one did nothing wrong.
    fn diverged(&mut self) -> Next {
        let Kind::Flowing(stream) = &mut self.kind else { return Next::End };
        if let Some(rescue) = &mut stream.from.rescue {
            rescue.diverges();
        }
        let Some((provider, why)) = stream.before.take() else { return self.gone(Why::Diverged) };
        stream.from.provider = provider;
        match why {
            Why::Theirs(event) => {
                if let Some(meter) = &mut self.meter {
                    meter.breaks(Fault::UpstreamInterrupted);
                }
                self.close(false);
                Next::Data(event)
            }
            why => self.gone(why),
        }
    }

    /// A stream that had said everything but that this is all is closed as it should have been.
    pub(super) fn completed(&mut self) -> Next {
        let Kind::Flowing(stream) = &mut self.kind else { return Next::End };
        let chunks = stream.from.dialect == Dialect::OpenAi
            && stream.events.as_ref().is_some_and(|events| !events.named && !events.over);
        let within = stream.events.as_mut().and_then(Events::rest);
        if let Some(meter) = &self.meter {
            let provider = &stream.from.provider;
            tracing::info!(
                id = meter.id(),
                provider,
                "a stream did not say that it was complete, and was closed"
            );
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
    pub(super) fn upstream_ended(&mut self) -> Option<Next> {
        let Kind::Flowing(stream) = &mut self.kind else { return Some(Next::End) };
        if stream.said_everything() {
            return Some(self.completed());
        }
        let rest = stream.events.as_mut().and_then(Events::rest);
        let unfinished = stream.events.as_ref().is_some_and(|events| !events.may_end());
        if (unfinished && stream.from.says_end) || stream.from.rest.is_cut() {
            let trouble = Trouble::Cut("the stream ended without saying that it was complete".into());
            stream.broken = Some(Why::Trouble(trouble));
            return None;
        }
        if stream.from.rest.has_failed()
            && let Some(meter) = &mut self.meter
        {
            // Its caller has read so in the upstream's own words.
            meter.breaks(Fault::UpstreamInterrupted);
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
            Why::Diverged => Trouble::Cut("another answer did not say the same".into()),
            // In the upstream's own words, as they came; so does what may follow.
            Why::Theirs(event) => {
                if let Some(events) = &mut stream.events {
                    events.tells(&event);
                }
                if let Some(meter) = &mut self.meter {
                    meter.breaks(Fault::UpstreamInterrupted);
                }
                return Next::Data(event);
            }
        };
        let (kind, say) = (trouble.kind(), trouble.say(&stream.from.provider));
        let told = stream.from.rest.broken_off(kind, &say);
        let (events, dialect) = (&stream.events, stream.from.dialect);
        let event = told.or_else(|| Some(fault::event(kind, &say, dialect, events.as_ref()?.named).into()));
        let is_event = events.is_some();
        if let Some(meter) = &mut self.meter {
            meter.breaks(kind);
            let cause = trouble.cause();
            let provider = &stream.from.provider;
            tracing::warn!(id = meter.id(), provider, code = kind.label(), cause, "answer broke off");
        }
        self.close(false);
        match event {
            // What was sent of an unfinished event is closed off first, so that ours is read as one.
            Some(event) if is_event => Next::Data([b"\n\n", &event[..]].concat().into()),
            // What is put into other words is written whole.
            Some(line) => Next::Data(line),
            None => Next::Abort(say.into()),
        }
    }

    /// The upstream refused what we had promised: one event says so in its own words.
    pub(super) fn refused(&mut self, status: StatusCode, body: &[u8]) -> Next {
        let Kind::Awaited(silence) = std::mem::replace(&mut self.kind, Kind::Over) else { return Next::End };
        if let Some(meter) = &mut self.meter {
            meter.passes_error(status);
        }
        Next::Data(silence.event_of_answer(status, body).into())
    }

    /// Nothing came that may be passed on: one event says why.
    pub(super) fn failed(&mut self, error: &ApiError) -> Next {
        let Kind::Awaited(silence) = std::mem::replace(&mut self.kind, Kind::Over) else { return Next::End };
        if let Some(meter) = &mut self.meter {
            meter.refuses_in_stream(error.kind);
            super::log(error, meter);
        }
        Next::Data(silence.event(error).into())
    }

    /// The upstream side is over. With `clean` its connection may serve again.
    pub(super) fn close(&mut self, clean: bool) {
        if let Kind::Flowing(mut stream) = std::mem::replace(&mut self.kind, Kind::Over) {
            let usage = stream.usage();
            if let (Some(meter), Some(usage)) = (&mut self.meter, usage) {
                meter.counted(usage);
            }
            if let (Some(pass), Some(usage)) = (&mut stream.from.pass, usage) {
                pass.taken.settle(usage.input.saturating_add(usage.output));
            }
            if let Some(read) = stream.from.rest.cut() {
                // Its head has gone: it stands in the record, and the operator reads it.
                if let Some(meter) = &mut self.meter {
                    meter.trail().cut(None);
                }
                if let Some(pass) = &stream.from.pass {
                    pass.lane().cut(read);
                }
            }
            if clean {
                stream.from.rest.finish();
            }
        }
    }
}

/// What kind of failure it is.
fn class_of(why: &Why, stream: &Stream) -> FaultClass {
    match (why, &stream.from.rescue) {
        (Why::Trouble(Trouble::GapTimeout | Trouble::TotalTimeout), _) => FaultClass::StreamStall,
        (Why::Trouble(Trouble::Unfit(_)), _) => FaultClass::AnswerUnfit,
        (Why::Theirs(event), Some(rescue)) => match rescue.means(StatusCode::OK, event) {
            FaultClass::Server => FaultClass::StreamCut,
            class => class,
        },
        (Why::Trouble(_) | Why::Theirs(_) | Why::Diverged, _) => FaultClass::StreamCut,
    }
}
