//! One caller: a connection, and the call that is made on it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use super::reader::{Progress, Reader};
use super::{Figures, Plan};
use crate::clock;
use crate::engine::poll::Poll;

/// What became of a call.
pub(crate) enum Outcome {
    /// It is not over.
    More,
    /// It was answered, whole and right.
    Done,
    /// It was not, and why.
    Wrong(String),
}

/// One caller.
#[derive(Default)]
pub(crate) struct Slot {
    socket: Option<TcpStream>,
    token: u64,
    connections: u32,
    /// How many calls were made, of which the last may be under way.
    calls: u64,
    asking: Option<Reader>,
    written: usize,
}

impl Slot {
    /// Is there a connection to ask on?
    pub(crate) fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Is this the token of the present connection?
    pub(crate) fn is_watched_as(&self, token: u64) -> bool {
        self.socket.is_some() && self.token == token
    }

    /// Is an answer under way of which something has come?
    pub(crate) fn is_answered(&self) -> bool {
        self.asking.as_ref().is_some_and(Reader::has_begun)
    }

    /// The number of the call that is made next.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls + 1
    }

    /// Begins a new connection, and has it watched under this place. Whoever is asked may be slow to take it.
    pub(crate) fn connect(&mut self, to: SocketAddr, place: usize, poll: &Poll) -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => {
                return Err(error);
            }
            _ => {}
        }
        let socket = TcpStream::from(socket);
        self.connections += 1;
        self.token = (u64::from(self.connections) << 32) | place as u64;
        poll.add(&socket, self.token)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Lets the connection go.
    pub(crate) fn close(&mut self) {
        self.socket = None;
        self.asking = None;
    }

    /// Leaves in the middle of this call, if it is still the one.
    pub(crate) fn leave(&mut self, call: u64) -> bool {
        let leaves = self.calls == call && self.asking.is_some();
        if leaves {
            self.close();
        }
        leaves
    }

    /// Asks.
    pub(crate) fn ask(&mut self, plan: &Plan, intended: u64) -> io::Result<()> {
        self.calls += 1;
        self.asking = Some(Reader::new(intended));
        self.written = 0;
        self.write_on(plan)
    }

    /// Sends what has not been sent of the request.
    pub(crate) fn write_on(&mut self, plan: &Plan) -> io::Result<()> {
        let (Some(socket), Some(_)) = (&mut self.socket, &self.asking) else { return Ok(()) };
        while self.written < plan.request.len() {
            match socket.write(&plan.request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.socket {
            Some(socket) => socket.read(buffer),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Takes what was read.
    pub(crate) fn take(&mut self, bytes: &[u8], plan: &Plan, figures: &mut Figures) -> Outcome {
        let Some(reader) = &mut self.asking else {
            return Outcome::Wrong("an answer nobody asked for".to_owned());
        };
        let progress = match reader.take(bytes, &plan.expect, figures) {
            Ok(Progress::More) => return Outcome::More,
            Ok(progress) => progress,
            Err(why) => return Outcome::Wrong(format!("{why:#}")),
        };
        let intended = reader.intended();
        figures.answers += 1;
        figures.latency.saturating_record(clock::now() - intended);
        self.asking = None;
        if progress == Progress::Last {
            self.socket = None;
        }
        Outcome::Done
    }

    /// The connection is over.
    pub(crate) fn over(&mut self, plan: &Plan, figures: &mut Figures) -> Outcome {
        self.socket = None;
        let Some(mut reader) = self.asking.take() else { return Outcome::More };
        match reader.over(&plan.expect) {
            Ok(()) => {
                figures.answers += 1;
                figures.latency.saturating_record(clock::now() - reader.intended());
                Outcome::Done
            }
            Err(why) => Outcome::Wrong(format!("{why:#}")),
        }
    }
}
