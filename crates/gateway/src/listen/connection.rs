//! One connection: the HTTP engine over the guard, from its first byte to its close.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::snapshot::ServerTimeouts;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use protocol::fault::Kind;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::guard::{Bounds, Guard};
use crate::Gateway;
use crate::error::ApiError;
use crate::intake::{Peer, Running, Turn};
use crate::life::{InHouse, State};
use crate::relay::RelayBody;
use crate::serve;

/// How long one who came late, over HTTP/2, may ask.
const LATE: Duration = Duration::from_secs(1);
/// HTTP/2: streams at once, and how much of them may be on the way. Sized after edge proxies' published advice.
const H2_STREAMS: u32 = 100;
const H2_STREAM_WINDOW: u32 = 256 * 1024;
const H2_WINDOW: u32 = 1024 * 1024;

/// The calls of one HTTP/2 connection, for its idle clock.
#[derive(Default)]
struct Calls {
    running: Arc<AtomicUsize>,
    begun: AtomicUsize,
}

impl Calls {
    fn begin(&self) -> Arc<Running> {
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.running.fetch_add(1, Ordering::AcqRel);
        Arc::new(Running(self.running.clone()))
    }

    /// Returns when nothing was asked for as long as a connection may be idle; the first request has as long as a head.
    async fn idle(&self, timeouts: &ServerTimeouts) {
        let mut seen = 0;
        tokio::time::sleep(timeouts.headers).await;
        loop {
            let begun = self.begun.load(Ordering::Acquire);
            if begun == seen && self.running.load(Ordering::Acquire) == 0 {
                return;
            }
            seen = begun;
            tokio::time::sleep(timeouts.idle).await;
        }
    }
}

/// The house as one connection sees it.
pub(super) struct Door {
    pub(super) gateway: Arc<Gateway>,
    /// More connections than allowed: this one gets one answer that says so.
    pub(super) full: bool,
    /// Becomes true when the house drains or closes. The worker's own, for every turn of a connection looks at it.
    pub(super) leave: watch::Receiver<bool>,
    /// Counts the connection while it lives.
    pub(super) _in_house: InHouse,
}

/// Serves a connection until either side ends it, or the house drains.
pub(super) async fn serve_connection<S>(door: Door, stream: S, peer: Peer, h2: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // In a place of its own: connections of HTTP/1.1 keep no room for it.
    if h2 { Box::pin(over_http2(&door, stream, peer)).await } else { over_http1(&door, stream, peer).await }
}

async fn over_http1<S>(door: &Door, stream: S, mut peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let turn = Arc::new(Turn::default());
    peer.turn = Some(turn.clone());
    let said_on = turn.clone();
    let bounds = Bounds::of(&door.gateway.world().server);
    let guard = Guard::new(stream, turn, bounds);
    let service = service_fn(|request| answer(door, &peer, request));
    let mut engine = http1::Builder::new();
    // The guard owns the clocks and the head's bounds; the engine's own are set a little wider and never met.
    engine.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(bounds.head.max(8192) * 4);
    // Whoever comes while the house drains gets one answer.
    let late = door.gateway.life().state() != State::Open;
    engine.keep_alive(!late);
    let mut connection = pin!(engine.serve_connection(TokioIo::new(guard), service).with_upgrades());
    let mut leave = door.leave.clone();
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = asked_to_leave(&mut leave), if !late => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "connection ended");
    }
    // Waited for by a drain, as every connection is.
    if let Some(talk) = said_on.talk() {
        talk.await;
    }
}

async fn over_http2<S>(door: &Door, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if door.full {
        // A connection that could hold a hundred calls is not taken at all.
        return;
    }
    let calls = Arc::new(Calls::default());
    let counted = calls.clone();
    let world = door.gateway.world();
    let (gateway, full) = (door.gateway.clone(), door.full);
    let service = service_fn(move |request| {
        let (gateway, mut peer) = (gateway.clone(), peer.clone());
        peer.call = Some(counted.begin());
        async move { Ok::<_, Infallible>(respond(&gateway, full, &peer, request).await) }
    });
    let mut engine = http2::Builder::new(TokioExecutor::new());
    engine
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS)
        .initial_stream_window_size(H2_STREAM_WINDOW)
        .initial_connection_window_size(H2_WINDOW)
        .max_header_list_size(u32::try_from(world.server.limits.headers).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .keep_alive_interval(world.server.timeouts.idle)
        .keep_alive_timeout(Duration::from_secs(20));
    let mut connection = pin!(engine.serve_connection(TokioIo::new(stream), service));
    let late = door.gateway.life().state() != State::Open;
    let mut leave = door.leave.clone();
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = asked_to_leave_after_a_moment(&mut leave, late) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = calls.idle(&world.server.timeouts) => return,
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "connection ended");
    }
}

/// Whoever comes while the house drains has a moment to ask before it is told to leave.
async fn asked_to_leave_after_a_moment(leave: &mut watch::Receiver<bool>, late: bool) {
    asked_to_leave(leave).await;
    if late {
        tokio::time::sleep(LATE).await;
    }
}

/// The house is draining or closed.
async fn asked_to_leave(leave: &mut watch::Receiver<bool>) {
    // An error means the worker itself is gone, which is as good a reason.
    let _ = leave.wait_for(|asked| *asked).await;
}

async fn answer(
    door: &Door,
    peer: &Peer,
    request: Request<Incoming>,
) -> Result<Response<RelayBody>, Infallible> {
    Ok(respond(&door.gateway, door.full, peer, request).await)
}

async fn respond(
    gateway: &Arc<Gateway>,
    full: bool,
    peer: &Peer,
    request: Request<Incoming>,
) -> Response<RelayBody> {
    if full {
        let say = "This gateway has as many connections as it may have. Try again in a moment.";
        let error = ApiError::new(Kind::TooManyConnections, say).wait(Duration::from_secs(1));
        let mut answer = crate::relay::refuse_unmetered(&error, peer);
        answer.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        return answer;
    }
    serve::serve(gateway, peer, request).await
}
