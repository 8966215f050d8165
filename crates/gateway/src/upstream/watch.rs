//! Between an upstream's socket and the HTTP engine: an answer's head is held until it is whole and well-formed.
//!
//! An upstream that lies about framing (length and coding together, line ends out of place, heads without end, a 101
//! nobody asked for) is an error, never a guess (T-9). Bodies pass without a stop.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use protocol::frame::head;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// The largest head of an answer.
const MAX_HEAD: usize = 64 * 1024;
/// Interim answers (1xx) before the real one.
const MAX_INTERIM: u8 = 8;

/// What the next bytes are expected to be; shared between the connection and whoever sends on it.
#[derive(Debug, Default)]
pub(super) struct Expect(AtomicU8);

const BODY: u8 = 0;
const HEAD: u8 = 1;
const HEAD_OR_SWITCH: u8 = 2;

impl Expect {
    /// A request is about to be sent: the next bytes are an answer's head.
    pub(super) fn head(&self, may_switch: bool) {
        self.0.store(if may_switch { HEAD_OR_SWITCH } else { HEAD }, Ordering::Release);
    }
}

/// A connection to an upstream under watch.
pub(super) struct Watch<S> {
    io: S,
    expect: Arc<Expect>,
    held: BytesMut,
    cleared: usize,
    interim: u8,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watch<S> {
    pub(super) fn new(io: S, expect: Arc<Expect>) -> Self {
        Self { io, expect, held: BytesMut::new(), cleared: 0, interim: 0 }
    }

    /// Clears whole heads; false while one is incomplete.
    fn clear_heads(&mut self) -> io::Result<bool> {
        loop {
            let expected = self.expect.0.load(Ordering::Acquire);
            if expected == BODY {
                self.cleared = self.held.len();
                return Ok(true);
            }
            let Some(end) = head::end(&self.held[self.cleared..]) else {
                if self.held.len() - self.cleared > MAX_HEAD {
                    return Err(bad("the head of an answer is larger than 64 KiB"));
                }
                return Ok(self.cleared > 0);
            };
            let answer = head::answer(&self.held[self.cleared..self.cleared + end])
                .map_err(|problem| bad(problem.what))?;
            self.cleared += end;
            match answer.status {
                101 if expected == HEAD => return Err(bad("it switched protocols unasked")),
                101 | 200.. => {
                    self.interim = 0;
                    self.expect.0.store(BODY, Ordering::Release);
                }
                _ => {
                    self.interim += 1;
                    if self.interim > MAX_INTERIM {
                        return Err(bad("it sent interim answers without end"));
                    }
                }
            }
        }
    }
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watch<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.cleared > 0 {
                let n = this.cleared.min(out.remaining());
                out.put_slice(&this.held[..n]);
                this.held.advance(n);
                this.cleared -= n;
                return Poll::Ready(Ok(()));
            }
            if this.held.is_empty() && this.expect.0.load(Ordering::Acquire) == BODY {
                return Pin::new(&mut this.io).poll_read(cx, out);
            }
            if !this.held.is_empty() && this.clear_heads()? {
                continue;
            }
            this.held.reserve(8 * 1024);
            if ready!(poll_read_buf(Pin::new(&mut this.io), cx, &mut this.held))? == 0 {
                // The end; a head that is still incomplete must not look like one.
                if !this.held.is_empty() {
                    return Poll::Ready(Err(bad("the connection ended within the head of an answer")));
                }
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watch<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
