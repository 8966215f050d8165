//! Sending one request and getting the head of its answer, within its times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::{Origin, Provider, ProviderTimeouts};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::compose::OutBody;
use super::pool::connect::Connector;
use super::pool::{KEPT, Line, Pool};
use super::trouble::Trouble;
use crate::spawn;

/// A kept connection that was already closed says so within this; one that breaks later was at work, and what it was
/// asked may have been done.
pub(super) const STALE: Duration = Duration::from_millis(500);

/// The upstream side of one worker: its connections and how it makes them.
#[derive(Default)]
pub(crate) struct Client {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    pool: Pool,
    connector: Connector,
    /// Somebody is going to sweep the pool.
    sweeping: AtomicBool,
}

/// Idle connections are let go of after their time, even when nobody asks any more.
fn sweep_later(shared: &Arc<Shared>) {
    if shared.sweeping.swap(true, Ordering::AcqRel) {
        return;
    }
    let weak = Arc::downgrade(shared);
    spawn::detached(async move {
        loop {
            tokio::time::sleep(KEPT / 2).await;
            let Some(shared) = weak.upgrade() else { return };
            if !shared.pool.sweep() {
                shared.sweeping.store(false, Ordering::Release);
                return;
            }
        }
    });
}

/// A connection while an answer comes through it. Dropped before the answer's end it is cut at once, which is how an
/// upstream learns that its caller has left.
pub(crate) struct Lease {
    line: Option<Line>,
    /// Cuts the connection at its time; ends with the lease.
    watchdog: Option<AbortHandle>,
    origin: Origin,
    shared: Arc<Shared>,
}

impl Lease {
    /// The answer was read to its end: the connection may serve again.
    pub(crate) fn finish(mut self) {
        if let Some(line) = self.line.take() {
            self.shared.pool.put(&self.origin, line);
            sweep_later(&self.shared);
        }
    }

    /// Cuts the connection at an instant, unless the lease has ended by then.
    pub(crate) fn cut_at(&mut self, deadline: Instant) {
        let Some(cut) = self.line.as_ref().map(|line| line.cut.clone()) else { return };
        let watchdog = spawn::detached(async move {
            tokio::time::sleep_until(deadline).await;
            cut.abort();
        });
        self.watchdog = Some(watchdog.abort_handle());
    }

    /// The connection no longer belongs to HTTP (101): it lives until both sides let go.
    pub(super) fn let_go(mut self) {
        self.line = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(watchdog) = &self.watchdog {
            watchdog.abort();
        }
        if let Some(line) = self.line.take() {
            line.cut.abort();
        }
    }
}

/// The head of an answer, its body, and the connection it comes through.
pub(super) struct Reply {
    pub(super) response: Response<Incoming>,
    pub(super) lease: Lease,
}

impl Client {
    /// A client without any connection yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Another handle on the same connections, for work beside a call.
    pub(super) fn share(&self) -> Self {
        Self { shared: self.shared.clone() }
    }

    /// Sends a request. A kept connection that turns out to be closed is replaced once, if the body can be sent again
    /// and no byte of an answer came (F-15).
    pub(super) async fn send(
        &self,
        provider: &Provider,
        request: Request<OutBody>,
    ) -> Result<Reply, Trouble> {
        let origin = &provider.origin;
        let again = replay(&request);
        let began = Instant::now();
        let (used, trouble) = match self.shared.pool.take(origin) {
            None => return self.send_fresh(provider, request).await,
            Some(line) => match self.send_on(line, origin, &provider.timeouts, request).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            },
        };
        match (used, again, trouble) {
            (true, Some(request), Trouble::Cut(cause)) if began.elapsed() < STALE => {
                tracing::debug!(provider = %provider.name, %cause, "a kept connection was stale; asked again on a new one");
                self.send_fresh(provider, request).await
            }
            (_, _, trouble) => Err(trouble),
        }
    }

    async fn send_fresh(&self, provider: &Provider, request: Request<OutBody>) -> Result<Reply, Trouble> {
        let line = self.shared.connector.connect(&provider.origin, provider.timeouts.connect).await?;
        self.send_on(line, &provider.origin, &provider.timeouts, request)
            .await
            .map_err(|(_, trouble)| trouble)
    }

    async fn send_on(
        &self,
        mut line: Line,
        origin: &Origin,
        timeouts: &ProviderTimeouts,
        request: Request<OutBody>,
    ) -> Result<Reply, (bool, Trouble)> {
        let used = line.used;
        line.expect.head(request.headers().contains_key(http::header::UPGRADE));
        let patience = first_byte_patience(&request, timeouts);
        let sending = line.sender.send_request(request);
        // From here on, being dropped (the caller left) cuts the connection.
        let lease =
            Lease { line: Some(line), watchdog: None, origin: origin.clone(), shared: self.shared.clone() };
        match tokio::time::timeout(patience, sending).await {
            Ok(Ok(response)) => Ok(Reply { response, lease }),
            Ok(Err(error)) => Err((used, Trouble::of(error))),
            Err(_) => Err((used, Trouble::FirstByteTimeout)),
        }
    }
}

/// The head is awaited from the moment the request is sent; a body that flows has its own clock and takes its own time,
/// so that a long upload is not mistaken for a silent upstream.
fn first_byte_patience(request: &Request<OutBody>, timeouts: &ProviderTimeouts) -> Duration {
    match request.body() {
        OutBody::Flowing(_) => timeouts.total,
        OutBody::Empty | OutBody::Whole(_) => timeouts.first_byte,
    }
}

/// The same request again, if its body can be sent twice.
fn replay(request: &Request<OutBody>) -> Option<Request<OutBody>> {
    let body = match request.body() {
        OutBody::Empty => OutBody::Empty,
        OutBody::Whole(Some(bytes)) => OutBody::Whole(Some(Bytes::clone(bytes))),
        OutBody::Whole(None) | OutBody::Flowing(_) => return None,
    };
    let mut again = Request::new(body);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}
