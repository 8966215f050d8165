//! Waiting for many sockets at once, until an instant that is exact to the nanosecond.
//!
//! mio would do but for its clock: it waits in whole milliseconds, and a request that is to go out every millisecond, or a
//! chunk every ten, would be late by half of one.

use std::io;
use std::num::NonZeroU64;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

use crate::clock::{self, SECOND};

/// What became possible with a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// The number the socket was added under.
    pub(crate) token: u64,
    /// Something may be read, if only the end.
    pub(crate) readable: bool,
    /// Something may be written.
    pub(crate) writable: bool,
    /// The other side will send nothing more.
    pub(crate) ended: bool,
}

/// The sockets that are watched. Each is told of once a change, so it must be read and written until nothing goes.
pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poll {
    /// Watches nothing yet. The thread's timers are exact from now on.
    pub(crate) fn new() -> io::Result<Self> {
        // By default the kernel puts timers together that lie within 50 µs.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(1024) })
    }

    /// Watches a socket until it is closed.
    pub(crate) fn add(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token), flags)?)
    }

    /// Waits until something is ready or the instant has come, and says how much is ready.
    pub(crate) fn wait(&mut self, until: Option<u64>) -> io::Result<usize> {
        let timeout = until.map(|instant| {
            let left = instant.saturating_sub(clock::now());
            Timespec { tv_sec: (left / SECOND) as i64, tv_nsec: (left % SECOND) as i64 }
        });
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(self.events.len()),
            Err(error) => Err(error.into()),
        }
    }

    /// What is ready, by its place among what the last wait found.
    pub(crate) fn ready(&self, place: usize) -> Option<Ready> {
        self.events.get(place).map(ready)
    }
}

fn ready(event: &Event) -> Ready {
    let (flags, data) = (event.flags, event.data);
    let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
    Ready {
        token: data.u64(),
        readable: ended || flags.contains(EventFlags::IN),
        writable: flags.contains(EventFlags::OUT),
        ended,
    }
}
