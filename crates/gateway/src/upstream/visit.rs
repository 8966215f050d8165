//! Asking one server directly, beside the line: how servers are recognised, and how commands speak to a running gateway.
//! No route, no record, no credential of ours; the caller of these functions says everything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::Origin;
use http::header::{HOST, HeaderValue};
use http::{HeaderMap, Request, StatusCode};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::client::STALE;
use super::engine::{Asked, Line, Socket, ask};
use super::pool::connect::Connector;
use super::pool::{Lease, Pool};
use super::rest::Rest;
use super::trouble::Trouble;

/// Where a visitor goes.
enum Goal {
    Origin,
    Socket(PathBuf),
}

/// Asks one server, one request after the other, on one connection for as long as it lasts.
pub struct Visitor {
    goal: Goal,
    origin: Arc<Origin>,
    connector: Connector,
    /// Where the connection is between two requests.
    pool: Arc<Pool>,
    /// To connect.
    patience: Duration,
}

/// Why a visit brought nothing.
#[derive(Debug)]
pub struct VisitProblem(Trouble);

impl From<Trouble> for VisitProblem {
    fn from(trouble: Trouble) -> Self {
        Self(trouble)
    }
}

impl VisitProblem {
    /// Its name leads to a private address, which is not connected to unless that is allowed.
    pub fn private_address(&self) -> bool {
        matches!(self.0, Trouble::Denied(_))
    }

    /// No connection came about in time.
    pub fn timed_out(&self) -> bool {
        matches!(self.0, Trouble::ConnectTimeout)
    }

    /// The proxy on the way out did not let us through.
    pub fn at_the_proxy(&self) -> bool {
        matches!(self.0, Trouble::Proxy(_))
    }

    /// What went wrong, for those who tell it otherwise.
    pub(super) fn into_trouble(self) -> Trouble {
        self.0
    }

    /// The cause in one line. It may name hosts and addresses: for the person at the terminal, never for the network.
    pub fn cause(&self) -> String {
        self.0.cause()
    }

    /// Nobody is there: no connection came about.
    pub fn nobody_there(&self) -> bool {
        matches!(self.0, Trouble::Unreachable(_) | Trouble::Denied(_) | Trouble::ConnectTimeout)
    }

    /// There is somebody, whose certificate cannot be trusted.
    pub fn not_trusted(&self) -> bool {
        matches!(self.0, Trouble::Tls(_))
    }
}

/// An answer whose body has not been read yet.
pub struct Visit {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub head: HeaderMap,
    /// Given back once it is over.
    rest: Option<Rest>,
}

impl Visit {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, VisitProblem> {
        let Some(rest) = &mut self.rest else { return Ok(None) };
        let piece = rest.piece().await.transpose().map_err(VisitProblem)?;
        if piece.is_none()
            && let Some(rest) = self.rest.take()
        {
            rest.finish();
        }
        Ok(piece)
    }

    /// The whole body, at most so many bytes.
    ///
    /// # Errors
    /// When the connection breaks, or the body is longer.
    pub async fn whole(mut self, most: usize) -> Result<Bytes, VisitProblem> {
        let mut gathered = Vec::new();
        while let Some(piece) = self.piece().await? {
            gathered.extend_from_slice(&piece);
            if gathered.len() > most {
                return Err(VisitProblem(Trouble::Protocol("the answer is too long".into())));
            }
        }
        Ok(gathered.into())
    }
}

impl Visitor {
    /// To a server on the network; connecting may take as long as `patience`.
    pub fn to(origin: Arc<Origin>, patience: Duration) -> Self {
        Self::new(Goal::Origin, origin, patience)
    }

    /// To a Unix socket.
    pub fn to_socket(path: PathBuf, patience: Duration) -> Self {
        Self::new(Goal::Socket(path), Origin::plain("localhost", 80).into(), patience)
    }

    fn new(goal: Goal, origin: Arc<Origin>, patience: Duration) -> Self {
        Self { goal, origin, connector: Connector::default(), pool: Arc::default(), patience }
    }

    /// Sends a request (its target a path) and waits for the head of the answer, without a limit of its own. A body is sent
    /// with its length. Where the answer before was read to its end, it goes on the same connection.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn ask(&mut self, request: Request<Bytes>) -> Result<Visit, VisitProblem> {
        self.ask_now(request).await.map_err(VisitProblem)
    }

    /// How it makes connections, for those who look at each step.
    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Asks on this connection next.
    pub(super) fn begin_on(&mut self, line: Line) {
        self.pool.put(&self.origin, line);
    }

    async fn ask_now(&mut self, mut request: Request<Bytes>) -> Result<Visit, Trouble> {
        let host =
            HeaderValue::from_str(&self.origin.authority).map_err(|error| Trouble::Protocol(error.into()))?;
        request.headers_mut().entry(HOST).or_insert(host);
        let began = Instant::now();
        if let Some(line) = self.pool.take(&self.origin, began) {
            match self.ask_on(line, request.clone()).await {
                // It was closed already; one that breaks later was at work, and is not asked twice.
                Err(Trouble::Cut(_)) if began.elapsed() < STALE => {}
                asked => return asked,
            }
        }
        let line = self.connect().await?;
        self.ask_on(line, request).await
    }

    async fn ask_on(&mut self, line: Line, request: Request<Bytes>) -> Result<Visit, Trouble> {
        let mut lease = Lease::of(line, &self.origin, &self.pool);
        let Asked { status, head, behind, .. } = ask(&mut lease.line, request.into(), |_| true).await?;
        Ok(Visit { status, head, rest: Some(Rest::of(behind, lease)) })
    }

    async fn connect(&self) -> Result<Line, Trouble> {
        match &self.goal {
            Goal::Origin => self.connector.connect(&self.origin, self.patience).await,
            Goal::Socket(path) => {
                let stream =
                    UnixStream::connect(path).await.map_err(|error| Trouble::Unreachable(error.into()))?;
                Ok(Line::new(Socket::Unix(stream)))
            }
        }
    }
}
