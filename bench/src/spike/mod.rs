//! A spike, and no part of the product: what a lean HTTP/1.1 path for the plain case costs (docs/adr/0026).
//!
//! One thread, one read buffer, sockets that never block: bytes in, head rewritten, bytes out. What is not plain is answered with
//! 501; a product would hand it to hyper. What it leaves out is told in the record of the decision.

mod duties;
mod ends;
mod follow;
mod head;
mod line;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::clock::{self, MILLISECOND};
use crate::engine::READ;
use crate::engine::poll::Poll;
use crate::engine::wire::Wire;
use duties::Duties;
use ends::{Caller, Ends, Upstream};
use line::Line;

/// Where the spike listens, and who is asked.
#[derive(Args)]
pub(crate) struct SpikeOptions {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:2020")]
    listen: SocketAddr,
    /// Who is asked
    #[arg(long, default_value = "127.0.0.1:2100")]
    upstream: SocketAddr,
    /// Do all that the product does besides passing bytes on
    #[arg(long)]
    duties: bool,
    /// Take callers without a key, too
    #[arg(long)]
    anyone: bool,
    /// Where the records of calls go
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

/// Why a call does not go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The caller is told so, and its connection closed.
    Refused(u16, &'static str),
    /// The upstream broke the rules.
    Upstream(&'static str),
    /// Somebody has left.
    Gone,
}

impl From<std::io::Error> for Trouble {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

/// The token of the listener.
const LISTENER: u64 = u64::MAX;
/// How often clocks are looked at, and records handed over.
const TICK: u64 = 50 * MILLISECOND;

impl SpikeOptions {
    /// Serves until the process is stopped.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let listener =
            TcpListener::bind(self.listen).with_context(|| format!("cannot listen on {}", self.listen))?;
        listener.set_nonblocking(true)?;
        let mut poll = Poll::new()?;
        poll.add(&listener, LISTENER)?;
        let duties = if self.duties { Some(Duties::new(&self.folder, self.anyone)?) } else { None };
        let mut line = Line {
            callers: Ends::new(0),
            upstreams: Ends::new(1),
            idle: Vec::new(),
            address: self.upstream,
            authority: self.upstream.to_string(),
            duties,
            out: Vec::with_capacity(4 * 1024),
            now: clock::now(),
        };
        let mut buffer = vec![0; READ];
        let mut tick = line.now + TICK;
        loop {
            let found = poll.wait(Some(tick))?;
            line.now = clock::now();
            for place in 0..found {
                match poll.ready(place) {
                    Some(ready) if ready.token == LISTENER => accept(&listener, &mut line, &poll)?,
                    Some(ready) => line.serve(ready, &poll, &mut buffer),
                    None => {}
                }
            }
            if line.now >= tick {
                line.sweep();
                tick = line.now + TICK;
            }
        }
    }
}

fn accept(listener: &TcpListener, line: &mut Line, poll: &Poll) -> Result<()> {
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                let caller = Caller::new(Wire::new(socket)?, line.now);
                let token = line.callers.put(caller);
                if let Some(caller) = line.callers.get(token) {
                    poll.add(&caller.wire, token)?;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error).context("the spike cannot take another connection"),
        }
    }
}

/// Takes a connection to the upstream: one that is idle, or a new one.
fn connect(line: &mut Line, poll: &Poll) -> Result<u64, Trouble> {
    while let Some(token) = line.idle.pop() {
        if line.upstreams.get(token).is_some() {
            return Ok(token);
        }
    }
    // On loopback this does not wait; a product would not block here.
    let socket =
        std::net::TcpStream::connect(line.address).map_err(|_| Trouble::Upstream("no connection"))?;
    let token = line.upstreams.put(Upstream::new(Wire::new(socket)?));
    if let Some(upstream) = line.upstreams.get(token) {
        poll.add(&upstream.wire, token)?;
    }
    Ok(token)
}
