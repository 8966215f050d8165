//! Asking: the request goes out, and the head of its answer comes back, perhaps before all of the request was taken.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use protocol::frame::chunks::Chunks;
use protocol::frame::head::{self, AnswerHead, BadHead, Framing};

use super::Line;
use super::behind::{Behind, Left};
use super::message::Message;
use super::sending::{NotSent, Sending};
use crate::upstream::trouble::Trouble;

/// The largest head of an answer.
const MAX_HEAD: usize = 64 * 1024;
/// Room for the lines of a usual head, with our own that are put among them.
const USUAL: usize = 24;
/// Interim answers (1xx) before the real one.
const MAX_INTERIM: u8 = 8;

/// What an upstream answers, up to its body.
pub(in crate::upstream) struct Asked {
    /// Its status.
    pub(in crate::upstream) status: StatusCode,
    /// Its headers, as far as they were wanted.
    pub(in crate::upstream) head: HeaderMap,
    /// All of them as they were written.
    pub(in crate::upstream) written: Bytes,
    /// What is behind them.
    pub(in crate::upstream) behind: Behind,
}

/// Whether a header is wanted, by its name. Who leaves it out spares what it takes to put it among the others, and to take it out again.
pub(in crate::upstream) type Wanted = fn(&str) -> bool;

/// Sends a request and awaits the head of its answer. Dropped before that, the connection has to be cut.
///
/// # Errors
/// When the connection breaks, or what comes is no answer: never a guess (T-9).
pub(in crate::upstream) async fn ask(
    line: &mut Line,
    message: Message,
    wanted: Wanted,
) -> Result<Asked, Trouble> {
    let mut asking = Asking {
        wanted,
        headless: message.headless,
        may_switch: message.may_switch,
        sending: Some(Sending::new(message)),
        broken: None,
        interim: 0,
    };
    std::future::poll_fn(|cx| asking.poll(cx, line)).await
}

/// A request that waits for its answer.
struct Asking {
    wanted: Wanted,
    /// The answer has no body, whatever its head says.
    headless: bool,
    /// It may be that the connection is no longer HTTP.
    may_switch: bool,
    sending: Option<Sending>,
    /// The upstream takes no more of the request. It may say why all the same.
    broken: Option<io::Error>,
    interim: u8,
}

impl Asking {
    fn poll(&mut self, cx: &mut Context<'_>, line: &mut Line) -> Poll<Result<Asked, Trouble>> {
        if let Some(sending) = &mut self.sending {
            match sending.poll(cx, line) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.sending = None,
                Poll::Ready(Err(NotSent::Body(error))) => return Poll::Ready(Err(Trouble::Cut(error))),
                Poll::Ready(Err(NotSent::Socket(error))) => {
                    self.sending = None;
                    self.broken = Some(error);
                }
            }
        }
        loop {
            match self.answer(line) {
                Err(trouble) => return Poll::Ready(Err(trouble)),
                Ok(Some(asked)) => return Poll::Ready(Ok(asked)),
                Ok(None) => {}
            }
            let error = match line.poll_fill(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "it ended without an answer")
                }
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => error,
            };
            // Whoever has begun to answer was at work, and is not asked again (F-15).
            let begun = !line.held.is_empty() || self.interim > 0;
            return Poll::Ready(Err(match begun {
                true => bad("the connection ended within the head of an answer"),
                false => Trouble::of(self.broken.take().unwrap_or(error)),
            }));
        }
    }

    /// The answer, once its head has come whole.
    fn answer(&mut self, line: &mut Line) -> Result<Option<Asked>, Trouble> {
        loop {
            let Some(end) = head::end(&line.held) else {
                let endless = line.held.len() > MAX_HEAD;
                return if endless {
                    Err(bad("the head of an answer is larger than 64 KiB"))
                } else {
                    Ok(None)
                };
            };
            let written = line.held.split_to(end).freeze();
            let (said, head) = self.read(&written).map_err(|problem| bad(problem.what))?;
            match said.status {
                101 if !self.may_switch => return Err(bad("it switched protocols unasked")),
                101 | 200.. => return self.understood(said, head, written).map(Some),
                _ => {
                    self.interim += 1;
                    if self.interim > MAX_INTERIM {
                        return Err(bad("it sent interim answers without end"));
                    }
                }
            }
        }
    }

    /// Reads a head, once.
    fn read(&self, written: &Bytes) -> Result<(AnswerHead, HeaderMap), BadHead> {
        let unreadable = "a header of an answer cannot be read";
        let mut head = HeaderMap::with_capacity(USUAL);
        let said = head::answer(written, |name, value| {
            let name = HeaderName::from_bytes(name).map_err(|_| unreadable)?;
            // Of what has no body, how long it would be is a word like any other, and part of what was asked.
            if (self.headless && name == CONTENT_LENGTH) || (self.wanted)(name.as_str()) {
                let value = HeaderValue::from_maybe_shared(written.slice_ref(value));
                head.append(name, value.map_err(|_| unreadable)?);
            }
            Ok(())
        })?;
        Ok((said, head))
    }

    fn understood(&mut self, said: AnswerHead, head: HeaderMap, written: Bytes) -> Result<Asked, Trouble> {
        let status = StatusCode::from_u16(said.status).map_err(|_| bad("a status is below 1000"))?;
        // RFC 9112, 6.3.
        let bodiless = self.headless || matches!(said.status, 101 | 204 | 304);
        let left = match said.framing {
            _ if bodiless => Left::Nothing,
            Framing::Length(0) => Left::Nothing,
            Framing::Length(length) => Left::Length(length),
            Framing::Chunked => Left::Chunked(Chunks::default()),
            Framing::Close => Left::Close,
        };
        let mut says = head.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let closes = says.any(|list| list.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")));
        let endless = matches!(left, Left::Close) || said.status == 101;
        let keeps = said.http11 && !closes && !endless && self.broken.is_none();
        Ok(Asked { status, head, written, behind: Behind { left, sending: self.sending.take(), keeps } })
    }
}

fn bad(what: &'static str) -> Trouble {
    Trouble::Protocol(what.into())
}
