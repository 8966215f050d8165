//! Asking: the request goes out, and the head of its answer comes back, perhaps before all of the request was taken.

use std::io;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::StatusCode;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use protocol::frame::head::{self, AnswerHead, Framing};

use super::Line;
use super::behind::{Behind, Left};
use super::message::Message;
use super::sending::{NotSent, Sending};
use crate::upstream::trouble::Trouble;

/// The largest head of an answer.
const MAX_HEAD: usize = 64 * 1024;
/// Interim answers (1xx) before the real one.
const MAX_INTERIM: u8 = 8;

/// What an upstream answers, up to its body.
pub(in crate::upstream) struct Asked {
    /// Its status.
    pub(in crate::upstream) status: StatusCode,
    /// Its headers.
    pub(in crate::upstream) head: HeaderMap,
    /// The same as it was written.
    pub(in crate::upstream) written: Bytes,
    /// What is behind them.
    pub(in crate::upstream) behind: Behind,
}

/// Sends a request and awaits the head of its answer. Dropped before that, the connection has to be cut.
///
/// # Errors
/// When the connection breaks, or what comes is no answer: never a guess (T-9).
pub(in crate::upstream) async fn ask(line: &mut Line, message: Message) -> Result<Asked, Trouble> {
    let mut asking = Asking {
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
            let said = head::answer(&line.held[..end]).map_err(|problem| bad(problem.what))?;
            match said.status {
                101 if !self.may_switch => return Err(bad("it switched protocols unasked")),
                101 | 200.. => return self.understood(said, line.held.split_to(end).freeze()).map(Some),
                _ => {
                    self.interim += 1;
                    if self.interim > MAX_INTERIM {
                        return Err(bad("it sent interim answers without end"));
                    }
                    line.held.advance(end);
                }
            }
        }
    }

    fn understood(&mut self, said: AnswerHead, bytes: Bytes) -> Result<Asked, Trouble> {
        let unreadable = |_| bad("a header of an answer cannot be read");
        let status = StatusCode::from_u16(said.status).map_err(|_| bad("a status is below 1000"))?;
        let mut head = HeaderMap::with_capacity(24);
        for (name, value) in head::fields(&bytes) {
            let name = HeaderName::from_bytes(&bytes[name]).map_err(|_| unreadable(()))?;
            let value = HeaderValue::from_maybe_shared(bytes.slice(value)).map_err(|_| unreadable(()))?;
            head.append(name, value);
        }
        // RFC 9112, 6.3.
        let bodiless = self.headless || matches!(said.status, 101 | 204 | 304);
        let left = match said.framing {
            _ if bodiless => Left::Nothing,
            Framing::Length(0) => Left::Nothing,
            Framing::Length(length) => Left::Length(length),
            Framing::Chunked => Left::Chunked(head::Chunks::default()),
            Framing::Close => Left::Close,
        };
        let mut says = head.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let closes = says.any(|list| list.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")));
        let endless = matches!(left, Left::Close) || said.status == 101;
        let keeps = said.http11 && !closes && !endless && self.broken.is_none();
        Ok(Asked {
            status,
            head,
            written: bytes,
            behind: Behind { left, sending: self.sending.take(), keeps },
        })
    }
}

fn bad(what: &'static str) -> Trouble {
    Trouble::Protocol(what.into())
}
