//! Who is on the other end of a connection, and whose turn it is on it.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its address; none on a Unix socket.
    pub(crate) ip: Option<IpAddr>,
    /// Our port; none on a Unix socket.
    pub(crate) port: Option<u16>,
    /// It came through TLS.
    pub(crate) tls: bool,
    /// It came through the admin door.
    pub(crate) admin: bool,
    /// It came through the door that stands in the place of another kind of server.
    pub(crate) native: bool,
    /// Whose turn it is, on HTTP/1.1.
    pub(crate) turn: Option<Arc<Turn>>,
    /// This call among those of its connection, on HTTP/2.
    pub(crate) call: Option<Arc<Running>>,
}

/// A call that runs on a connection with others; counts itself out when the last handle on it is dropped.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is said on a connection that is no longer HTTP.
pub(crate) type Talk = Pin<Box<dyn Future<Output = ()> + Send>>;

impl fmt::Debug for Turn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Turn(ours: {})", self.is_ours())
    }
}

/// Whose turn it is on an HTTP/1.1 connection: while a call is being answered, no byte of the next one is looked at.
#[derive(Default)]
pub(crate) struct Turn {
    ours: AtomicBool,
    upgraded: AtomicBool,
    /// What is said on it once it is no longer HTTP.
    talk: Mutex<Option<Talk>>,
    /// When the answer under way must be over.
    ends: Mutex<Option<Instant>>,
    reader: AtomicWaker,
}

impl Turn {
    /// A request has been read: it is our turn.
    pub(crate) fn take(&self) {
        self.set_end(None);
        self.ours.store(true, Ordering::Release);
    }

    /// The answer is over: the caller may speak again.
    pub(crate) fn give_back(&self) {
        self.set_end(None);
        self.ours.store(false, Ordering::Release);
        self.reader.wake();
    }

    /// The answer must be over by then, whether its caller reads it or not.
    pub(crate) fn must_end(&self, at: Instant) {
        self.set_end(Some(at));
    }

    fn set_end(&self, at: Option<Instant>) {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// When the answer under way must be over, if that is known.
    pub(crate) fn ends(&self) -> Option<Instant> {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both sides speak freely from now on (101).
    pub(crate) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// This is said on the connection once it is no longer HTTP; it lasts as long as that.
    pub(crate) fn stays(&self, talk: Talk) {
        *self.talk.lock().unwrap_or_else(PoisonError::into_inner) = Some(talk);
    }

    /// What is said on it now that it is no longer HTTP.
    pub(crate) fn talk(&self) -> Option<Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether it is our turn.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours.load(Ordering::Acquire)
    }

    /// Whether the connection is no longer HTTP.
    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    /// Who is to be woken when the turn changes.
    pub(crate) fn wake_later(&self, waker: &std::task::Waker) {
        self.reader.register(waker);
    }
}
