//! A fake vendor: it listens, keeps a ledger of everything it saw, and does to each request what a script says,
//! including what no decent server does.
//!
//! ```no_run
//! # async fn example() {
//! use testkit::vendor::{Act, Vendor};
//! let vendor = Vendor::start(|seen| match seen.target.as_str() {
//!     "/v1/files" => Act::json(200, &serde_json::json!({"object": "list", "data": []})),
//!     _ => Act::Hang,
//! })
//! .await;
//! # let _ = vendor.url(); }
//! ```

mod act;
mod conversation;
mod handshake;
mod ledger;
mod seen;

pub use act::{Act, Answer, Ending, Framing, Step};
pub use ledger::{Entry, Ledger, Outcome};
pub use seen::Seen;

use crate::line::{Io, Line};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a plugged-in layer's handshake returns.
pub type Accepting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;
/// Puts a layer (TLS) on a fresh connection. An error ends that connection only.
pub type Acceptor = Box<dyn Fn(TcpStream) -> Accepting + Send + Sync>;

type Script = Box<dyn Fn(&Seen) -> Act + Send + Sync>;
type Early = Box<dyn Fn(&Seen) -> Option<Act> + Send + Sync>;

/// How a vendor is to behave; `Vendor::start` is the short way for the usual case.
pub struct Setup {
    script: Script,
    early: Option<Early>,
    acceptor: Option<Acceptor>,
    keep_bodies: bool,
    port: u16,
}

impl Setup {
    /// A vendor which does what `script` says, once a request has arrived with its whole body.
    pub fn new(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), early: None, acceptor: None, keep_bodies: true, port: 0 }
    }

    /// Asked when a head is in and before any of its body is read: `Some` is acted upon at once (an early answer),
    /// the body is read and dropped afterwards if the connection goes on.
    pub fn early(mut self, script: impl Fn(&Seen) -> Option<Act> + Send + Sync + 'static) -> Self {
        self.early = Some(Box::new(script));
        self
    }

    /// Puts a layer on each connection.
    pub fn acceptor(mut self, acceptor: Acceptor) -> Self {
        self.acceptor = Some(acceptor);
        self
    }

    /// Bodies are only measured (`body_len`, `body_hash`), so that a 100 MB upload costs no memory.
    pub fn measure_bodies(mut self) -> Self {
        self.keep_bodies = false;
        self
    }

    /// Listens on this port and not on a free one: a vendor which comes back after an outage.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts listening.
    pub async fn start(self) -> Vendor {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("a port on loopback");
        let port = listener.local_addr().expect("the address just bound").port();
        let ledger = Ledger::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::new(self), ledger.clone()));
        Vendor { port, ledger, _tasks: tasks }
    }
}

/// One running vendor on 127.0.0.1, stopped on drop: its port then refuses and its connections are closed.
pub struct Vendor {
    port: u16,
    ledger: Ledger,
    _tasks: JoinSet<()>,
}

impl Vendor {
    /// Starts a plain vendor on a free port.
    pub async fn start(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Vendor {
        Setup::new(script).start().await
    }

    /// Starts a vendor with a layer on each connection.
    pub async fn start_with(
        script: impl Fn(&Seen) -> Act + Send + Sync + 'static,
        acceptor: Acceptor,
    ) -> Vendor {
        Setup::new(script).acceptor(acceptor).start().await
    }

    /// Its base address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A handle of its ledger, which outlives it.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }
}

async fn accept(listener: TcpListener, setup: Arc<Setup>, ledger: Ledger) {
    // Owned here, so that stopping this task stops every conversation.
    let mut conversations = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while conversations.try_join_next().is_some() {}
        let connection = ledger.connection_opened();
        let (setup, ledger) = (setup.clone(), ledger.clone());
        conversations.spawn(async move {
            // Counts the connection as closed even when this task is aborted.
            let _open = ledger.open_guard();
            drop(stream.set_nodelay(true));
            if let Ok(line) = layered(stream, &setup).await {
                conversation::converse(line, connection, &setup, &ledger).await;
            }
        });
    }
}

async fn layered(stream: TcpStream, setup: &Setup) -> io::Result<Line> {
    let Some(acceptor) = &setup.acceptor else { return Ok(Line::Plain(stream)) };
    let (stream, twin) = Line::twin(stream)?;
    Ok(Line::Layered(acceptor(stream).await?, Some(twin)))
}
