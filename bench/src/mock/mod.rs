//! The upstream: answers chats as OpenAI would, at next to no cost, and misbehaves when it is told to.
//!
//! One thread, prebuilt answers. How it behaves is set over HTTP (`GET /bench/behave?...`, see [`behaviour`]), so that one upstream serves
//! a whole run; what it served it counts itself (`GET /bench/counts`), beside whatever the load believes.

mod answers;
mod behaviour;
mod caller;
mod counts;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use socket2::{Domain, Socket, Type};

use crate::clock;
use crate::dice::Dice;
use crate::engine::READ;
use crate::engine::poll::{Poll, Ready};
use crate::engine::timers::Timers;
use crate::engine::wire::Wire;

use answers::Answers;
pub(crate) use behaviour::Behaviour;
use caller::Caller;
pub(crate) use counts::Counts;

/// The token of the listener; callers' have their place in it and are smaller.
const LISTENER: u64 = u64::MAX;

/// How many connections may wait to be taken.
const QUEUE: i32 = 16_384;

/// An upstream that runs until its process is stopped.
pub(crate) struct Mock {
    poll: Poll,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    /// By place; a token is a place and how often it was taken.
    callers: Vec<Option<Caller>>,
    free: Vec<usize>,
    taken: u32,
    house: House,
}

/// What all callers share.
pub(crate) struct House {
    answers: Answers,
    behaviour: Behaviour,
    counts: Counts,
    timers: Timers<u64>,
    dice: Dice,
}

impl Mock {
    /// Listens, encrypted where a configuration is given.
    pub(crate) fn new(listen: SocketAddr, behaviour: Behaviour, tls: Option<ServerConfig>) -> Result<Self> {
        let listener = listener(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let poll = Poll::new()?;
        poll.add(&listener, LISTENER)?;
        let house = House {
            answers: Answers::new(),
            behaviour,
            counts: Counts::default(),
            timers: Timers::new(),
            dice: Dice::new(7),
        };
        Ok(Self {
            poll,
            listener,
            tls: tls.map(Arc::new),
            callers: Vec::new(),
            free: Vec::new(),
            taken: 0,
            house,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves for ever.
    pub(crate) fn run(mut self) -> Result<()> {
        let mut buffer = vec![0; READ];
        loop {
            let found = self.poll.wait(self.house.timers.next())?;
            for place in 0..found {
                match self.poll.ready(place) {
                    Some(ready) if ready.token == LISTENER => self.accept()?,
                    Some(ready) => self.serve(ready, &mut buffer),
                    None => {}
                }
            }
            let now = clock::now();
            while let Some((due, token)) = self.house.timers.due(now) {
                self.with(token, |caller, house| caller.go_on(due, house));
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // A caller that has already left is nobody's failure; a lack of descriptors is.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error).context("the upstream cannot take another connection"),
            };
            let wire = match &self.tls {
                Some(config) => Wire::encrypted(socket, Arc::clone(config)),
                None => Wire::new(socket),
            }?;
            let place = self.free.pop().unwrap_or(self.callers.len());
            if place == self.callers.len() {
                self.callers.push(None);
            }
            self.taken = self.taken.wrapping_add(1);
            // The topmost value is the listener's.
            let token = (u64::from(self.taken & 0x7FFF_FFFF) << 32) | place as u64;
            self.poll.add(&wire, token)?;
            self.callers[place] = Some(Caller::new(wire, token));
            self.house.counts.connections += 1;
        }
    }

    fn serve(&mut self, ready: Ready, buffer: &mut [u8]) {
        self.with(ready.token, |caller, house| {
            if ready.writable {
                caller.flush(house)?;
            }
            if ready.readable { caller.read(buffer, ready.ended, house) } else { Ok(()) }
        });
    }

    /// Does something with a caller that is still there, and lets it go when that fails.
    fn with(&mut self, token: u64, work: impl FnOnce(&mut Caller, &mut House) -> io::Result<()>) {
        let place = (token & 0xFFFF_FFFF) as usize;
        let Some(slot) = self.callers.get_mut(place) else { return };
        let Some(caller) = slot.as_mut().filter(|caller| caller.token() == token) else { return };
        if work(caller, &mut self.house).is_err() {
            if caller.is_owed() {
                self.house.counts.left += 1;
            }
            *slot = None;
            self.free.push(place);
        }
    }
}

/// A listener before which many may stand: thousands of connections come within a moment.
fn listener(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&listen.into())?;
    socket.listen(QUEUE)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
