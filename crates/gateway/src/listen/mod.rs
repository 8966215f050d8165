//! The doors: sockets, TLS, connections, and how they close.
//!
//! One worker a core, each with a runtime, listeners (SO_REUSEPORT) and an upstream client of its own; or one worker of many
//! threads (`server.shared_workers`).

mod connection;
pub mod drain;
mod guard;
mod socket;
mod tls;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::JoinHandle;

use config::snapshot::Door;

use crate::Gateway;
use socket::{Bound, Purpose};

/// Why a door could not be opened.
#[derive(Debug)]
pub enum DoorProblem {
    /// The address is taken or not ours.
    Bind(String, io::Error),
    /// Certificate or key cannot be used: the file and why.
    Certificate(PathBuf, String),
    /// The system gives no thread or runtime.
    Thread(io::Error),
}

impl DoorProblem {
    /// The door, if another program listens there.
    pub fn taken(&self) -> Option<&str> {
        match self {
            Self::Bind(door, cause) if cause.kind() == io::ErrorKind::AddrInUse => Some(door),
            _ => None,
        }
    }
}

impl std::fmt::Display for DoorProblem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bind(door, cause) => write!(out, "{door} cannot be opened: {cause}."),
            Self::Certificate(file, why) => write!(out, "{}: {why}.", file.display()),
            Self::Thread(cause) => write!(out, "the system gave no thread: {cause}."),
        }
    }
}

impl std::error::Error for DoorProblem {}

/// The open doors. Workers run until the house is closed.
pub struct Doors {
    /// The TCP addresses, with their real ports.
    pub addresses: Vec<SocketAddr>,
    /// The address of the admin door, if it is apart.
    pub admin: Option<SocketAddr>,
    /// The address of the door that stands in the place of another kind of server, if there is one.
    pub native: Option<SocketAddr>,
    workers: Vec<JoinHandle<()>>,
    /// Unix sockets, which do not go by themselves.
    sockets: Vec<PathBuf>,
}

/// Opens all doors and starts the workers.
///
/// # Errors
/// [`DoorProblem`] when one of them cannot be opened; none is then left open.
pub fn open(gateway: &Gateway) -> Result<Doors, DoorProblem> {
    let world = gateway.world();
    let tls = world.server.tls.as_ref().map(tls::acceptor).transpose()?;
    let threads = world.server.workers.max(1);
    let (count, each) = if world.server.shared_workers { (1, threads) } else { (threads, 1) };
    let mut shares: Vec<Vec<Bound>> = (0..count).map(|_| Vec::new()).collect();
    let mut addresses = Vec::new();
    for door in &world.server.listen {
        match door {
            Door::Tcp(address) => addresses.push(socket::tcp(*address, Purpose::All, &mut shares)?),
            Door::Unix(path) => shares[0].push(socket::unix(path)?),
        }
    }
    let admin = match world.server.admin_listen {
        Some(address) => Some(socket::tcp(address, Purpose::Admin, &mut shares[..1])?),
        None => None,
    };
    let native = match world.server.native_listen {
        Some(address) => Some(socket::tcp(address, Purpose::Native, &mut shares)?),
        None => None,
    };
    let start = |(number, bound)| {
        let runtime = worker::runtime(each)?;
        worker::start(
            number,
            runtime,
            worker::Share { gateway: gateway.for_worker(), bound, tls: tls.clone() },
        )
    };
    let workers = shares.into_iter().enumerate().map(start).collect::<Result<_, _>>()?;
    let sockets = world.server.listen.iter().filter_map(|door| match door {
        Door::Unix(path) => Some(path.clone()),
        Door::Tcp(_) => None,
    });
    Ok(Doors { addresses, admin, native, workers, sockets: sockets.collect() })
}

impl Doors {
    /// Waits for the workers to end. Blocks.
    pub fn wait(self) {
        for worker in self.workers {
            // A worker that panicked outside of any call has said so already; the others still end properly.
            let _ = worker.join();
        }
        for socket in self.sockets {
            // Gone already, or another's by now: either way nothing of ours is left to remove.
            let _ = std::fs::remove_file(socket);
        }
    }
}
