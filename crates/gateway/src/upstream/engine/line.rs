//! One connection to an upstream.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::Socket;

/// A connection, and what was read of it and not handed on.
pub(in crate::upstream) struct Line {
    /// Where a watchdog finds it. Never contended: while one side is at it, the other waits for its hour.
    socket: Arc<Mutex<Option<Socket>>>,
    pub(in crate::upstream) held: BytesMut,
    /// It has carried a request before.
    pub(in crate::upstream) used: bool,
}

/// Ends a connection whose answer nobody asks for.
pub(in crate::upstream) struct Cutter(Weak<Mutex<Option<Socket>>>);

impl Line {
    /// A connection that has just been made.
    pub(in crate::upstream) fn new(socket: Socket) -> Self {
        Self { socket: Arc::new(Mutex::new(Some(socket))), held: BytesMut::new(), used: false }
    }

    /// Does something with the socket.
    pub(in crate::upstream) fn with<T>(
        &self,
        work: impl FnOnce(&mut Socket) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        at(&self.socket, work)
    }

    /// Reads what has come behind what is held. Ready(0): the other side has ended.
    pub(in crate::upstream) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { socket, held, .. } = self;
        at(socket, |socket| socket.poll_fill(cx, held))
    }

    /// Whether it can carry a request: the other side has said nothing unasked, and has not ended it.
    pub(in crate::upstream) fn is_quiet(&mut self) -> bool {
        self.held.is_empty() && self.poll_fill(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// A way to end it from elsewhere.
    pub(in crate::upstream) fn cutter(&self) -> Cutter {
        Cutter(Arc::downgrade(&self.socket))
    }

    /// The socket, and what was read of it.
    pub(in crate::upstream) fn into_parts(self) -> Option<(Socket, Bytes)> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((socket, self.held.freeze()))
    }
}

/// Does something at a socket, unless it was cut.
fn at<T>(
    socket: &Mutex<Option<Socket>>,
    work: impl FnOnce(&mut Socket) -> Poll<io::Result<T>>,
) -> Poll<io::Result<T>> {
    match &mut *socket.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(socket) => work(socket),
        None => Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, "it was cut at its time"))),
    }
}

impl Cutter {
    /// Ends the connection.
    pub(in crate::upstream) fn cut(&self) {
        if let Some(socket) = self.0.upgrade() {
            socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
