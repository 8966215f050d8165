//! A message that has begun and not ended: the library holds what has come of it, and tells of it when it is whole.
//!
//! Source: RFC 6455, 5.2 (frames) and 5.4 (fragments, between which control frames may stand).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// The longest head of a frame.
const HEAD: usize = 14;
const FIN: u8 = 0x80;
/// Frames from this kind on are control frames.
const CONTROL: u8 = 0x8;

/// When the last came of a message that has not ended.
#[derive(Clone, Default)]
pub(super) struct Pending(Arc<Mutex<Option<Instant>>>);

impl Pending {
    /// For how long nothing has come of it; none: nothing is expected.
    pub(super) fn gap(&self, now: Instant) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::ZERO, |last| now - last)
    }

    /// It could not come, for nothing was read.
    pub(super) fn excuse(&self, now: Instant) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last.map(|_| now);
    }

    fn set(&self, last: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }
}

/// A connection whose frames are followed as they come.
pub(super) struct Followed<T> {
    inner: T,
    frames: Frames,
    pending: Pending,
}

impl<T> Followed<T> {
    pub(super) fn new(inner: T, pending: Pending) -> Self {
        Self { inner, frames: Frames::default(), pending }
    }
}

/// Where in its frames a connection is.
#[derive(Default)]
struct Frames {
    head: Vec<u8>,
    /// What is still to come of a frame whose head is complete.
    left: u64,
    /// A message has begun.
    open: bool,
}

impl Frames {
    /// Passes over these bytes; whether anything of a message was among them.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        let mut some = false;
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.head.push(byte);
                bytes = rest;
            } else {
                let here = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= here as u64;
                bytes = &bytes[here..];
            }
            let message = self.head[0] & 0xf < CONTROL;
            some |= message;
            self.open |= message;
            if self.ends() {
                self.open &= !(message && self.head[0] & FIN != 0);
                self.head.clear();
            }
        }
        some
    }

    /// Whether the frame is complete.
    fn ends(&mut self) -> bool {
        let Some(&second) = self.head.get(1) else { return false };
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 != 0 { 4 } else { 0 };
        let whole = 2 + extended + mask;
        if self.head.len() < whole {
            return false;
        }
        if self.head.len() == whole {
            let long = self.head[2..2 + extended].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
            self.left = if extended == 0 { u64::from(second & 0x7f) } else { long };
            // From now on it is longer than it can be, for its length has been read.
            self.head.resize(HEAD + 1, 0);
        }
        self.left == 0
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Followed<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, out))?;
        if this.frames.pass(&out.filled()[before..]) {
            this.pending.set(this.frames.open.then(Instant::now));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Followed<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0; 4];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let length = match payload.len() {
            length @ ..126 => vec![0x80 | length as u8],
            length => [&[0x80 | 126][..], &(length as u16).to_be_bytes()].concat(),
        };
        [&[first][..], &length, &MASK, payload].concat()
    }

    #[test]
    fn a_message_is_open_until_its_last_fragment_whatever_stands_between() {
        let (begins, goes_on, ends) = (frame(0x01, &[7; 300]), frame(0x00, b""), frame(0x80, b"x"));
        let (ping, whole) = (frame(0x89, b"hello"), frame(0x81, b"{}"));
        // (frame, open behind it, it is of a message)
        let course = [
            (&whole, false, true),
            (&ping, false, false),
            (&begins, true, true),
            (&ping, true, false),
            (&goes_on, true, true),
            (&ends, false, true),
        ];
        let mut whole = Frames::default();
        let mut bytes = Frames::default();
        for (frame, open, message) in course {
            assert_eq!((whole.pass(frame), whole.open), (message, open));
            let (last, before) = frame.split_last().unwrap();
            for byte in before {
                assert_eq!(bytes.pass(&[*byte]), message);
                assert!(bytes.open || !message);
            }
            bytes.pass(&[*last]);
            assert_eq!(bytes.open, open);
        }
        let all: Vec<u8> = course.iter().flat_map(|(frame, ..)| frame.iter().copied()).collect();
        let mut once = Frames::default();
        assert!(once.pass(&all) && !once.open && once.head.is_empty());
    }
}
