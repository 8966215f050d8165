//! One place that answers: how it is reached, what it is shown, and how long it is waited for.

use std::sync::Arc;
use std::time::Duration;

use protocol::dialect::Dialect;
use protocol::operation::Operation;
use protocol::secret::Secret;
use protocol::vendor::{Site, Vendor};

use super::fallback::Fallback;
use super::pool::{Breaker, HealthCheck, KeyStrategy, ProviderKey, Quota};

/// One configured place of a vendor.
pub struct Provider {
    /// Its name in the configuration: identity across reloads.
    pub name: String,
    /// The kind of service.
    pub vendor: &'static dyn Vendor,
    /// It runs beside us: what is meant for it never goes to a cloud by itself (D-15).
    pub local: bool,
    /// How to reach it. Shared, so that its connections are found by where it lies in memory.
    pub origin: Arc<Origin>,
    /// What its addresses are built from.
    pub site: Site,
    /// What goes into the credential's place.
    pub credential: Credential,
    /// Account headers and the like, set on every request; they win over the caller's.
    pub headers: http::HeaderMap,
    /// Whether the caller's address is told upstream (`X-Forwarded-*`).
    pub forwarded: bool,
    /// The models it is known to have by configuration: public name to its own name. Empty: ask it.
    pub models: Vec<(String, String)>,
    /// Operations it was limited to (`capabilities`); empty: all its vendor knows.
    pub capabilities: Vec<String>,
    /// Durations towards it.
    pub timeouts: ProviderTimeouts,
    /// Tried before others with a lower number.
    pub priority: i64,
    /// Its share among equals; 0: only when no other can.
    pub weight: u32,
    /// Its keys, the one with the highest priority first; empty where it has one at most, which is in `credential`. The first of
    /// them stands there, too.
    pub keys: Vec<ProviderKey>,
    /// Which of them is used.
    pub key_strategy: KeyStrategy,
    /// How much may be asked for.
    pub quota: Quota,
    /// When it is left alone.
    pub breaker: Breaker,
    /// Asking whether it is well; `None`: nobody asks.
    pub health: Option<HealthCheck>,
    /// The longest `Retry-After` that is waited for.
    pub retry_after_max: Duration,
    /// What it costs, in parts of the usual price.
    pub price_multiplier: f64,
    /// What may stand in for it, before those of `Snapshot::routing`.
    pub fallbacks: Vec<Fallback>,
    /// Where it has a language of its own besides OpenAI's, it is conversed with in that one (`api`).
    pub native: bool,
    /// How much a model of it can read, where the place is told (`context_length`).
    pub context: Context,
}

/// Tokens of context a model is loaded with.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Context {
    /// As many as a conversation needs.
    #[default]
    Auto,
    /// As its server is set.
    Server,
    /// So many.
    Tokens(u64),
}

/// How a provider is reached.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    /// How.
    pub scheme: Scheme,
    /// Host name or address, without brackets; lower case.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The value of `Host`: with the port only where it is not the scheme's own.
    pub authority: String,
    /// Loopback and private addresses are acceptable answers of its name (T-51).
    pub allow_private: bool,
    /// It is a service of the machine we run on, which somebody wants to be asked: its link-local address is one to connect to.
    pub of_the_machine: bool,
    /// Proxy for the way out.
    pub proxy: Option<OutboundProxy>,
    /// A private certificate authority: the content of `ca_file`, PEM. Read with the configuration, so that a renewed file
    /// counts after a reload, and connections made under another one are not used again.
    pub ca: Option<String>,
    /// `dangerous_accept_any_certificate`: no verification at all; shown in health and metrics.
    pub accept_any_certificate: bool,
}

/// The scheme of a base URL.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
    /// The vendor inside this process.
    Inside,
}

/// An HTTP proxy between us and a provider (CONNECT for every scheme).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OutboundProxy {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `user:password`, if the URL carried one.
    pub login: Option<Secret>,
}

/// What is put into a provider's credential place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credential {
    /// A key of ours; the caller's own never goes upstream.
    Stored(Secret),
    /// The caller's own credential goes upstream.
    Passthrough,
    /// Who we are there, for which a token or a signature is shown.
    Identity(Arc<Identity>),
    /// None: a local server without keys.
    None,
}

/// Who we are at a provider, and where that is turned into what is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Who.
    pub who: protocol::vendor::identity::Identity,
    /// How to reach each of its endpoints.
    pub endpoints: Vec<Arc<Origin>>,
}

/// Durations towards a provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProviderTimeouts {
    /// Name look-up, connect and TLS together.
    pub connect: Duration,
    /// From the request sent to the answer's head.
    pub first_byte: Duration,
    /// From the request sent to the first content of a stream, while another place could answer instead.
    pub first_token: Duration,
    /// Between two pieces of an answer.
    pub between_bytes: Duration,
    /// The same for a stream that could be gone on with elsewhere.
    pub gap: Duration,
    /// The whole call.
    pub total: Duration,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Provider")
            .field("name", &self.name)
            .field("vendor", &self.vendor.name())
            .field("origin", &self.origin.authority)
            .field("credential", &self.credential)
            .field("keys", &self.keys)
            .field("timeouts", &self.timeouts)
            .field("priority", &self.priority)
            .field("weight", &self.weight)
            .field("key_strategy", &self.key_strategy)
            .field("quota", &self.quota)
            .field("breaker", &self.breaker)
            .field("health", &self.health)
            .field("retry_after_max", &self.retry_after_max)
            .field("price_multiplier", &self.price_multiplier)
            .field("fallbacks", &self.fallbacks)
            .finish_non_exhaustive()
    }
}

impl Origin {
    /// A server at a host and port, spoken to in plain HTTP, wherever it is.
    pub fn plain(host: &str, port: u16) -> Self {
        let authority =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Self {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port,
            authority,
            allow_private: true,
            of_the_machine: false,
            proxy: None,
            ca: None,
            accept_any_certificate: false,
        }
    }
}

impl Provider {
    /// Whether it can serve an operation, by its vendor and by its configuration.
    pub fn serves(&self, operation: Operation) -> bool {
        self.serves_by(self.vendor, operation)
    }

    /// The same where one of its models is served by somebody else there ([`Vendor::of_model`]).
    pub fn serves_by(&self, vendor: &dyn Vendor, operation: Operation) -> bool {
        let allowed =
            self.capabilities.is_empty() || self.capabilities.iter().any(|name| name == operation.name());
        allowed && vendor.speaks(operation).is_some()
    }

    /// Whether what is asked goes there in its caller's own words. A place that has a language of its own besides OpenAI's is conversed
    /// with in that one: it says what OpenAI's cannot, as how much a model is to read.
    pub fn takes_as_is(&self, vendor: &dyn Vendor, operation: Operation) -> bool {
        let own = self.native && vendor.wire().is_some_and(|wire| wire.dialect() != Dialect::OpenAi);
        let reworded = own && matches!(operation, Operation::Chat | Operation::Responses);
        self.serves_by(vendor, operation) && !reworded
    }

    /// Whether it can answer at all: itself, or put into its own words; `same` is what the operation is in every language, if that
    /// can be done with it.
    pub fn answers(&self, operation: Operation, same: impl FnOnce() -> Option<Operation>) -> bool {
        let allows = |same: &Operation| {
            let named = |name: &String| name == operation.name() || name == same.name();
            self.capabilities.is_empty() || self.capabilities.iter().any(named)
        };
        self.serves(operation) || same().filter(allows).is_some_and(|same| self.vendor.can_be_asked(same))
    }

    /// Its own name for a public model name it is known to have by configuration.
    pub fn own_name(&self, public: &str) -> Option<&str> {
        self.models.iter().find(|(name, _)| name == public).map(|(_, own)| own.as_str())
    }
}
