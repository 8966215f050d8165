//! The resolved configuration: frozen, complete, with no value that could be invalid and no "absent means default".
//!
//! A call takes one `Arc<Snapshot>` at the door and sees nothing else until it ends.

mod alerts;
mod callers;
mod fallback;
mod index;
mod logging;
mod pattern;
mod pepper;
mod pool;
mod provider;
mod routing;
mod signers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use protocol::secret::Secret;

pub use alerts::{Alerts, ErrorRate, Hook, Occasion, Service};
pub(crate) use callers::Proof;
pub use callers::{AllowedModels, CallLimits, CallerKey, Callers, Limit, Rate};
pub use fallback::{Conditions, Fallback, FallbackFrom, FallbackOn};
pub use index::{Chosen, Models, PathRule, Routes, Served};
pub use logging::{AccessLog, Level, Levels, LogFormat, Logging, Part, Period, Rotation};
pub use pepper::{Digest, Pepper};
pub use pool::{Breaker, HealthCheck, KeyStrategy, ProviderKey, Quota};
pub use provider::{
    Context, Credential, Identity, Origin, OutboundProxy, Provider, ProviderTimeouts, Scheme,
};
pub use routing::{
    Failure, FairBy, Queue, Rescue, RetryOn, Routing, Share, Strategy, UnknownModel, WhenExhausted,
};
pub use signers::AccessKey;

/// The steps statistics count in: no window is told more finely.
pub const STATS_STEP: Duration = Duration::from_secs(10);

/// Everything one call may need to know of the configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// Doors, limits and time-outs towards callers.
    pub server: Server,
    /// Who may call.
    pub callers: Callers,
    /// How much may be asked for, on top of what a key may.
    pub limits: CallLimits,
    /// The providers, by name, in the order of preference they were written in.
    pub providers: Vec<Arc<Provider>>,
    /// Public model names and where they lead.
    pub models: Models,
    /// Path rules, longest prefix first.
    pub routes: Routes,
    /// How a place is chosen, and what happens when it fails.
    pub routing: Routing,
    /// What is logged, and how.
    pub logging: Logging,
    /// Who is told when something is wrong, and what.
    pub alerts: Alerts,
    /// Whether metrics are served, and where.
    pub metrics: Metrics,
    /// How far back statistics look, shortest first: whole steps of [`STATS_STEP`].
    pub stats_windows: Vec<Duration>,
    /// Where records are kept.
    pub storage: Storage,
    /// Who may look and change.
    pub admin: Admin,
    /// Whose word counts: files, or what is changed at run time, too.
    pub authority: Authority,
    /// Files are read again when they change.
    pub watch: bool,
    /// What is done to them now and then.
    pub upkeep: Upkeep,
    /// How answers of Responses are kept that their place does not keep; `None`: they are not.
    pub responses: Option<KeptResponses>,
    /// How this configuration came to be; shown on the first screen.
    pub source: Source,
}

impl Snapshot {
    /// A provider as a place of a model, by its place in `providers`, with its own weight.
    pub fn place(&self, provider: usize, model: Option<String>) -> Chosen {
        let weight = self.providers.get(provider).map_or(1, |provider| provider.weight);
        Chosen { provider, model, weight }
    }
}

/// Who may look and change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admin {
    /// The keys. Without any, administration is open to this computer, and to it alone (D-3).
    pub keys: Vec<AdminKey>,
    /// The header a key may travel in.
    pub header: HeaderName,
}

/// A key of administration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminKey {
    /// Its name: who did something, in revisions and in the audit trail.
    pub name: String,
    /// The key.
    pub secret: Secret,
    /// What its holder may do.
    pub role: Role,
}

/// What somebody may do; each may do what those before may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Look.
    Viewer,
    /// Pause, verify, reset statistics: nothing that lasts.
    Operator,
    /// Change.
    Admin,
}

impl Role {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Whose word counts (`config.source`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authority {
    /// Files alone; nothing is changed at run time.
    File,
    /// Files, and over them what was changed at run time.
    Layered,
    /// What was changed at run time; files say where it is kept, and what is there at first.
    Database,
}

impl Authority {
    /// The words for them.
    pub const ALL: [(&str, Self); 3] =
        [("file", Self::File), ("layered", Self::Layered), ("database", Self::Database)];
}

/// Where records are kept. Read at start; a change of it waits for the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Storage {
    /// The database.
    pub database: Database,
    /// The folder of what has not reached it yet; empty where the database is in memory.
    pub spool: PathBuf,
    /// What secrets are sealed with before they go there.
    pub key: VaultKey,
    /// Somebody wrote which database; else it is the usual place, and where that cannot be written, memory.
    pub written: bool,
}

/// What secrets are sealed with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VaultKey {
    /// The keys themselves, one a line, the first for new secrets.
    Text(Secret),
    /// A file that holds them, which is made when it is needed first.
    File(PathBuf),
    /// Nothing is written, and there is no folder for a file: a key that goes with the process.
    Nowhere,
}

/// What is done to the database now and then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upkeep {
    /// Copies; `None`: none are made.
    pub backup: Option<Backup>,
    /// How often it is looked through; `None`: never.
    pub health_every: Option<Duration>,
    /// How often the room of what was deleted is given back; `None`: never.
    pub vacuum_every: Option<Duration>,
    /// How long things are kept.
    pub kept: Kept,
}

/// Copies of the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backup {
    /// How often.
    pub every: Duration,
    /// How many of them stay.
    pub keep: usize,
    /// Their folder.
    pub to: PathBuf,
    /// Whether each is read again.
    pub verify: bool,
}

/// How answers of Responses are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptResponses {
    /// How long, from the last time a conversation went on.
    pub age: Duration,
    /// How many bytes of all callers' together.
    pub most: u64,
}

/// How long things are kept; `None`: for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Usage records.
    pub requests: Option<Duration>,
    /// Sums of usage.
    pub sums: Option<Duration>,
    /// Who changed what.
    pub audit: Option<Duration>,
    /// How many revisions of the configuration; 0: all.
    pub revisions: u64,
}

/// A database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Database {
    /// None, and somebody wrote so: the newest records, for the life of the process.
    Memory,
    /// None, because there is no folder for a file and nothing is written.
    Nowhere,
    /// SQLite.
    File(PathBuf),
    /// PostgreSQL, by its URL, which may hold a password.
    Postgres(Secret),
}

/// Where the configuration came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A file was read.
    File(PathBuf),
    /// No file; keys were found in the environment.
    Environment,
    /// No file and no key: the built-in mock answers.
    Nothing,
}

/// Doors, limits and time-outs towards callers.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where we listen.
    pub listen: Vec<Door>,
    /// Where metrics and health are served besides; `None`: on the same doors.
    pub admin_listen: Option<SocketAddr>,
    /// A door that has the paths of one kind of server of this computer only, in its place; `None`: there is none.
    pub native_listen: Option<SocketAddr>,
    /// Whether paths that change which models a server has are served at the doors, to who may administer.
    pub manage_models: bool,
    /// How many worker threads.
    pub workers: usize,
    /// Whether they share one runtime, its doors and its connections to providers, instead of each having its own.
    pub shared_workers: bool,
    /// Host names a caller may address us by; empty: any.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may call us; `*` inside a name matches anything.
    pub allow_origins: Vec<String>,
    /// Peers whose `X-Forwarded-*` headers we believe.
    pub trusted_proxies: Vec<Network>,
    /// Sizes and counts.
    pub limits: Limits,
    /// Durations.
    pub timeouts: ServerTimeouts,
    /// How long a stream's caller hears nothing before it gets an empty line (D-29); `None`: however long it takes.
    pub heartbeat: Option<Duration>,
    /// Whether Responses are served over a WebSocket, too.
    pub responses_websocket: bool,
    /// Certificate and key, when the doors speak TLS.
    pub tls: Option<TlsFiles>,
}

/// One door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Door {
    /// A TCP address; port 0 asks the system for a free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// An address range, for `trusted_proxies`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// Its first address.
    pub address: std::net::IpAddr,
    /// How many leading bits are fixed.
    pub prefix: u8,
}

/// Bounds on what one caller may send. Bytes unless said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// A request's head.
    pub headers: usize,
    /// A body we must read before routing (JSON).
    pub body: u64,
    /// A body that streams through (uploads).
    pub upload: u64,
    /// Open connections.
    pub connections: usize,
}

/// Durations towards callers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerTimeouts {
    /// From the first byte of a head to its last.
    pub headers: Duration,
    /// A kept connection without a request.
    pub idle: Duration,
    /// Between two pieces of a body.
    pub body_gap: Duration,
    /// How long running calls may finish after a stop was asked for.
    pub drain: Duration,
}

/// Certificate chain and private key, as PEM files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The chain.
    pub cert: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Whether metrics are served, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metrics {
    /// Off: the path is unknown.
    pub enabled: bool,
    /// The path.
    pub path: String,
}
