//! Between the socket and the HTTP engine: every byte of a request passes here first.
//!
//! The guard holds a head back until it is whole and strictly well-formed, follows the body's framing, and hands over no
//! byte of a next request while one is being answered. What it refuses never reaches the engine; the caller gets our own
//! error and the connection is closed. It also owns the clocks of a connection: head, idle, and a caller that does not
//! read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use config::snapshot::Server;
use protocol::fault::Kind;
use protocol::frame::chunks::Chunks;
use protocol::frame::head::{self, BadHead, Framing};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;

use crate::error::ApiError;
use crate::intake::Turn;

/// Bounds and clocks of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The largest head, bytes.
    pub(super) head: usize,
    /// From a head's first byte to its last.
    pub(super) head_time: Duration,
    /// Without any byte between two requests.
    pub(super) idle: Duration,
    /// How long a caller may not read what we write.
    pub(super) stall: Duration,
}

/// A caller that does not read our answer is cut after this (T-6).
const STALL: Duration = Duration::from_secs(60);
/// What of an unread body is still taken in before closing, so that the caller can read our answer.
const LINGER_BYTES: usize = 64 * 1024;
const LINGER_TIME: Duration = Duration::from_millis(500);
/// What of a next request is held while one is being answered.
const HELD: usize = 16 * 1024;
/// How much is read at once.
const READ: usize = 8 * 1024;

impl Bounds {
    /// As they are configured.
    pub(super) fn of(server: &Server) -> Self {
        let (head, timeouts) = (server.limits.headers, &server.timeouts);
        Self { head, head_time: timeouts.headers, idle: timeouts.idle, stall: STALL }
    }
}

/// Where in a request the caller is.
enum Phase {
    /// In a head.
    Head,
    /// In a body of this many more bytes.
    Length(u64),
    /// In a chunked body.
    Chunked(Chunks),
}

/// A connection under guard.
pub(super) struct Guard<S> {
    io: S,
    turn: Arc<Turn>,
    bounds: Bounds,
    phase: Phase,
    /// Read and not handed over: an incomplete head, or what came behind the current request.
    held: BytesMut,
    /// How much of `held` may be handed over.
    cleared: usize,
    refused: Option<BadHead>,
    /// A body's coding broke: the call under way is told, and nothing more is read.
    broken: Option<BadHead>,
    clock: Pin<Box<Sleep>>,
    /// When the current wait for the caller ends.
    head_deadline: Instant,
    /// A call was under way when last looked: the wait for the next head begins when it is over.
    answering: bool,
    /// Since when the caller has not read.
    stalled: Option<Pin<Box<Sleep>>>,
    closing: Closing,
}

/// The steps of closing.
enum Closing {
    No,
    /// Our own refusal is still to be written.
    Refusal(Bytes),
    /// Our side is to be shut.
    Shut,
    /// Unread bytes are taken in for a moment.
    Linger(usize, Pin<Box<Sleep>>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    pub(super) fn new(io: S, turn: Arc<Turn>, bounds: Bounds) -> Self {
        let head_deadline = Instant::now() + bounds.head_time;
        Self {
            io,
            turn,
            bounds,
            phase: Phase::Head,
            held: BytesMut::new(),
            cleared: 0,
            refused: None,
            broken: None,
            clock: Box::pin(tokio::time::sleep_until(head_deadline)),
            head_deadline,
            answering: false,
            stalled: None,
            closing: Closing::No,
        }
    }

    /// Looks at held bytes and clears what may go on.
    fn clear_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.cleared += self.clear(&held[self.cleared..]);
        self.held = held;
    }

    /// How many of these bytes may be handed over now.
    fn clear(&mut self, bytes: &[u8]) -> usize {
        let mut cleared = 0;
        while cleared < bytes.len() && self.refused.is_none() && self.broken.is_none() {
            match self.follow(&bytes[cleared..]) {
                0 => break,
                n => cleared += n,
            }
        }
        cleared
    }

    /// The same, as far as the next border.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        match &mut self.phase {
            Phase::Head => self.head(bytes),
            Phase::Length(left) => {
                let step = (*left).min(bytes.len() as u64);
                *left -= step;
                if *left == 0 {
                    self.phase = Phase::Head;
                }
                step as usize
            }
            Phase::Chunked(chunks) => match chunks.follow(bytes) {
                Ok(n) => {
                    if *chunks == Chunks::Done {
                        self.phase = Phase::Head;
                    }
                    n
                }
                Err(bad) => {
                    self.broken = Some(bad);
                    0
                }
            },
        }
    }

    /// In a head: zero while it is incomplete, refused, or another call is being answered.
    fn head(&mut self, bytes: &[u8]) -> usize {
        if self.turn.is_ours() {
            return 0;
        }
        // RFC 9112, 2.2: one empty line before a request line is passed over.
        let blank = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
        let end = head::end(&bytes[blank..]);
        if end.unwrap_or(bytes.len()) > self.bounds.head {
            let what = "its head is larger than server.limits.headers allows (32 KiB unless set)";
            self.refused = Some(BadHead { kind: Kind::HeadTooLarge, what });
            return 0;
        }
        let Some(end) = end else { return 0 };
        match head::request(&bytes[blank..blank + end]) {
            Ok(head) => {
                self.phase = match head.framing {
                    Framing::Chunked => Phase::Chunked(Chunks::default()),
                    Framing::Length(n) if n > 0 => Phase::Length(n),
                    _ => Phase::Head,
                };
                self.turn.take();
                self.answering = true;
                blank + end
            }
            Err(bad) => {
                self.refused = Some(bad);
                0
            }
        }
    }

    /// Hands cleared bytes over.
    fn hand_over(&mut self, out: &mut ReadBuf<'_>) {
        let n = self.cleared.min(out.remaining());
        out.put_slice(&self.held[..n]);
        self.held.advance(n);
        self.cleared -= n;
    }

    /// While waiting for the caller: true when it took too long.
    fn too_late(&mut self, cx: &mut Context<'_>) -> bool {
        // While a call is being answered the caller owes us nothing; bodies have their own clock in the intake.
        if self.turn.is_ours() || !matches!(self.phase, Phase::Head) {
            return false;
        }
        if std::mem::take(&mut self.answering) {
            let wait = if self.held.is_empty() { self.bounds.idle } else { self.bounds.head_time };
            self.head_deadline = Instant::now() + wait;
            if self.head_deadline < self.clock.deadline() {
                self.clock.as_mut().reset(self.head_deadline);
            }
        }
        if self.clock.as_mut().poll(cx).is_pending() {
            return false;
        }
        if Instant::now() < self.head_deadline {
            // The alarm was set for an earlier wait: set it anew. Rarer than setting it for every request.
            self.clock.as_mut().reset(self.head_deadline);
            return self.clock.as_mut().poll(cx).is_ready();
        }
        true
    }

    /// Reads more into `held`. Ready(0) is the caller's end.
    fn read_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.held.reserve(READ);
        poll_read_buf(Pin::new(&mut self.io), cx, &mut self.held)
    }

    /// Reads to where the engine wants it, and looks at it there; only what may not be handed over yet is held. Most
    /// requests come whole and are never copied. Ready(false): nothing may be handed over yet.
    fn read_through(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, out))?;
        let fresh = &out.filled()[before..];
        if fresh.is_empty() {
            return Poll::Ready(Ok(true));
        }
        let cleared = self.clear(fresh);
        if cleared < fresh.len() {
            self.held.extend_from_slice(&fresh[cleared..]);
            if matches!(self.phase, Phase::Head) && !self.turn.is_ours() {
                // The first byte of a head starts its clock.
                self.head_deadline = Instant::now() + self.bounds.head_time;
                self.clock.as_mut().reset(self.head_deadline);
            }
        }
        out.set_filled(before + cleared);
        Poll::Ready(Ok(cleared > 0))
    }

    /// The answer to what was refused, written when the engine has let go of the connection.
    fn refusal(&self) -> Option<Bytes> {
        let bad = self.refused?;
        let say = format!(
            "This request breaks a rule of HTTP: {}. Nothing was sent on; the connection is closed.",
            bad.what
        );
        let error = ApiError::new(bad.kind, say);
        let body = error.body(protocol::dialect::Dialect::OpenAi);
        let status = bad.kind.meaning().status;
        let head = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\nx-should-retry: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            bad.kind.meaning().retry,
            body.len(),
        );
        tracing::debug!(code = bad.kind.label(), what = bad.what, "refused a request's framing");
        Some(Bytes::from(head))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.turn.wake_later(cx.waker());
        if this.turn.is_upgraded() {
            if this.held.is_empty() {
                return Pin::new(&mut this.io).poll_read(cx, out);
            }
            this.cleared = this.held.len();
        }
        loop {
            this.clear_held();
            if this.cleared > 0 {
                this.hand_over(out);
                return Poll::Ready(Ok(()));
            }
            if let Some(bad) = this.broken {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, bad.what)));
            }
            if this.refused.is_some() {
                // The engine sees the end of the connection, but only after a call before this has been answered.
                return if this.turn.is_ours() { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            if this.turn.is_ours() && this.held.len() >= HELD {
                return Poll::Pending;
            }
            let read = match this.held.is_empty() {
                true => this.read_through(cx, out),
                false => this.read_more(cx).map_ok(|read| read == 0),
            };
            match read {
                Poll::Ready(Ok(true)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(false)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if this.too_late(cx) => {
                    if this.held.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    let what = "its head did not arrive in time";
                    this.refused = Some(BadHead { kind: Kind::CallerTooSlow, what });
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// A caller that does not read is cut after a while, and at the latest when its call must be over: while nothing can
    /// be written, the engine does not ask the answer's body, which owns that clock, for more.
    fn watch_stall<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = Instant::now() + self.bounds.stall;
        let ends = self.turn.ends().map_or(stalled, |ends| ends.min(stalled));
        let clock = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(ends)));
        ready!(clock.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller does not read")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.watch_stall(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.watch_stall(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.watch_stall(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.closing {
                Closing::No => {
                    this.closing = this.refusal().map_or(Closing::Shut, Closing::Refusal);
                }
                Closing::Refusal(rest) => {
                    let n = ready!(Pin::new(&mut this.io).poll_write(cx, rest))?;
                    rest.advance(n);
                    if rest.is_empty() || n == 0 {
                        this.closing = Closing::Shut;
                    }
                }
                Closing::Shut => {
                    ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
                    let unread = this.refused.is_some()
                        || this.broken.is_some()
                        || !matches!(this.phase, Phase::Head)
                        || !this.held.is_empty();
                    if !unread || this.turn.is_upgraded() {
                        return Poll::Ready(Ok(()));
                    }
                    this.closing = Closing::Linger(LINGER_BYTES, Box::pin(tokio::time::sleep(LINGER_TIME)));
                }
                Closing::Linger(left, clock) => {
                    if clock.as_mut().poll(cx).is_ready() || *left == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    let mut space = [0u8; 4096];
                    let mut buf = ReadBuf::new(&mut space);
                    ready!(Pin::new(&mut this.io).poll_read(cx, &mut buf))?;
                    if buf.filled().is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    *left = left.saturating_sub(buf.filled().len());
                }
            }
        }
    }
}
