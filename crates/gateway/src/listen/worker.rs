//! One worker: a runtime, its listeners, its connections. It has one thread, or all of them.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::DoorProblem;
use super::connection::{Door, serve_connection};
use super::drain::Tasks;
use super::socket::{Bound, Purpose};
use crate::Gateway;
use crate::intake::Peer;
use crate::life::State;

/// After a stop was asked for, doors stay open this long for those who have not heard yet, if anyone is in the house.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// What a worker begins with.
pub(super) struct Share {
    pub(super) gateway: Gateway,
    pub(super) bound: Vec<Bound>,
    pub(super) tls: Option<TlsAcceptor>,
}

/// A worker's runtime: on its own thread alone, or on several.
pub(super) fn runtime(threads: usize) -> Result<Runtime, DoorProblem> {
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder
        .worker_threads(threads)
        .thread_name("shared-worker")
        .enable_all()
        .build()
        .map_err(DoorProblem::Thread)
}

/// Starts a worker's thread.
pub(super) fn start(number: usize, runtime: Runtime, share: Share) -> Result<JoinHandle<()>, DoorProblem> {
    let thread = std::thread::Builder::new().name(format!("worker-{number}"));
    thread.spawn(move || runtime.block_on(run(share))).map_err(DoorProblem::Thread)
}

async fn run(share: Share) {
    let Share { gateway, bound, tls } = share;
    let gateway = Arc::new(gateway);
    let mut tasks = Tasks::default();
    let doors: Vec<Listener> = bound.into_iter().filter_map(|bound| Listener::new(bound).ok()).collect();
    let mut life = gateway.life().watch();
    let stop = async {
        let _ = life.wait_for(|state| *state != State::Open).await;
    };
    let (asked, leave) = watch::channel(false);
    let hall = Hall { gateway: gateway.clone(), doors, tls, leave };
    hall.welcome_until(stop, &mut tasks).await;
    asked.send_replace(true);
    let drain = gateway.world().server.timeouts.drain;
    let until = tokio::time::Instant::now() + drain;
    if gateway.life().state() == State::Draining {
        let last_calls = async {
            tokio::select! {
                () = tokio::time::sleep(LAST_CALLS.min(drain)) => {}
                () = gateway.life().quiet() => {}
                () = closed(&gateway) => {}
            }
        };
        hall.welcome_until(last_calls, &mut tasks).await;
    }
    drop(hall);
    let patience = until.saturating_duration_since(tokio::time::Instant::now());
    tokio::select! { () = tasks.wait(patience) => {}, () = closed(&gateway) => {} }
}

/// The second signal: nothing is waited for any more.
async fn closed(gateway: &Gateway) {
    let _ = gateway.life().watch().wait_for(|state| *state == State::Closed).await;
}

/// Where connections come in.
struct Hall {
    gateway: Arc<Gateway>,
    doors: Vec<Listener>,
    tls: Option<TlsAcceptor>,
    /// Becomes true when those inside are to leave.
    leave: watch::Receiver<bool>,
}

impl Hall {
    /// Takes connections in until `stop`.
    async fn welcome_until(&self, stop: impl Future<Output = ()>, tasks: &mut Tasks) {
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = stop.as_mut() => return,
                accepted = accept(&self.doors) => match accepted {
                    Ok((stream, peer)) => tasks.spawn(welcome(self.door(), stream, peer, self.tls.clone())),
                    Err(error) => pause(&error).await,
                },
            }
        }
    }

    /// The house as the next connection sees it.
    fn door(&self) -> Door {
        let life = self.gateway.life();
        let _in_house = life.connection_begins();
        let full = life.connections() > self.gateway.world().server.limits.connections;
        Door { gateway: self.gateway.clone(), full, leave: self.leave.clone(), _in_house }
    }
}

/// Out of descriptors or memory: wait a moment instead of spinning.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// One listening socket of this worker.
enum Listener {
    Tcp(TcpListener, Purpose),
    Unix(UnixListener),
}

/// What came through a door.
enum Stream {
    Tcp(TcpStream),
    Unix(tokio::net::UnixStream),
}

impl Listener {
    fn new(bound: Bound) -> io::Result<Self> {
        match bound {
            Bound::Tcp(listener, purpose) => Ok(Self::Tcp(TcpListener::from_std(listener)?, purpose)),
            Bound::Unix(listener) => Ok(Self::Unix(UnixListener::from_std(listener)?)),
        }
    }

    fn poll_accept(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<(Stream, Peer)>> {
        let peer = |ip, port, purpose| Peer {
            ip,
            port,
            tls: false,
            admin: purpose == Purpose::Admin,
            native: purpose == Purpose::Native,
            turn: None,
            call: None,
        };
        match self {
            Self::Tcp(listener, purpose) => listener.poll_accept(cx).map_ok(|(stream, from)| {
                // A streamed token must not wait for the next one.
                let _ = stream.set_nodelay(true);
                let port = stream.local_addr().ok().map(|address| address.port());
                (Stream::Tcp(stream), peer(Some(from.ip()), port, *purpose))
            }),
            Self::Unix(listener) => {
                let unix = |(stream, _)| (Stream::Unix(stream), peer(None, None, Purpose::All));
                listener.poll_accept(cx).map_ok(unix)
            }
        }
    }
}

/// The next connection of any door.
fn accept(doors: &[Listener]) -> impl Future<Output = io::Result<(Stream, Peer)>> + '_ {
    std::future::poll_fn(move |cx| {
        let ready = doors.iter().map(|door| door.poll_accept(cx)).find(std::task::Poll::is_ready);
        ready.unwrap_or(std::task::Poll::Pending)
    })
}

async fn welcome(door: Door, stream: Stream, mut peer: Peer, tls: Option<TlsAcceptor>) {
    match (stream, tls) {
        // Programs that know only that kind of server's address speak plain HTTP to it.
        (Stream::Tcp(stream), Some(tls)) if !peer.admin && !peer.native => {
            peer.tls = true;
            // In a place of its own, so that connections in plain text keep no room for it.
            Box::pin(welcome_encrypted(door, stream, peer, tls)).await;
        }
        (Stream::Tcp(stream), _) => serve_connection(door, stream, peer, false).await,
        (Stream::Unix(stream), _) => serve_connection(door, stream, peer, false).await,
    }
}

async fn welcome_encrypted(door: Door, stream: TcpStream, peer: Peer, tls: TlsAcceptor) {
    let patience = door.gateway.world().server.timeouts.headers;
    match tokio::time::timeout(patience, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            serve_connection(door, stream, peer, h2).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}
