//! The document as written: every value read and checked by itself, nothing decided between values yet.

pub(crate) mod listener;
pub(crate) mod observe;
pub(crate) mod provider;
pub(crate) mod route;
pub(crate) mod storage;

use std::time::Duration;

use crate::problem::wrong;
use crate::reader::{At, Findings, Section};
use crate::tree::{Node, Value};

/// One whole configuration, as far as it can be understood value by value.
pub(crate) struct Document {
    pub(crate) listener: listener::Listener,
    pub(crate) access: Access,
    pub(crate) providers: Vec<provider::Provider>,
    pub(crate) names: Vec<route::Name>,
    pub(crate) paths: Vec<route::Path>,
    pub(crate) routing: route::Routing,
    pub(crate) logging: crate::snapshot::Logging,
    pub(crate) metrics: crate::snapshot::Metrics,
    pub(crate) storage: storage::Storage,
    /// How long this computer may be searched for servers.
    pub(crate) search: Option<Duration>,
}

/// Who may call, as far as that can be said yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Open on loopback.
    Auto,
    /// Open to everybody, and somebody wrote so.
    None,
}

/// Top-level sections that are known and not in use yet.
const LATER: &[&str] = &[
    "name",
    "include",
    "config",
    "teams",
    "limits",
    "admin",
    "cache",
    "alerts",
    "pricing",
    "guardrails",
    "plugins",
    "monitoring",
];

/// Reads the whole tree.
pub(crate) fn read(root: &Node, findings: &Findings) -> Document {
    let mut top = Section::open(At::new(root, String::new(), findings), "the file");
    if let Some(at) = top.get("version") {
        at.choice(&[("1", ())]);
    }
    let search = top.get("discovery").and_then(discovery);
    // Merged under every provider before anything is read.
    top.get("provider_defaults").map(|at| at.named());
    let mut server = top.section("server", "the server");
    let document = Document {
        listener: listener::read(server.as_mut(), findings),
        access: access(&mut top),
        providers: top.get("providers").map(|at| provider::read_all(&at)).unwrap_or_default(),
        names: top.get("models").map(|at| route::read_names(&at)).unwrap_or_default(),
        paths: top.get("routes").map(|at| route::read_paths(&at)).unwrap_or_default(),
        search,
        routing: route::read_routing(top.section("routing", "routing")),
        logging: observe::logging(top.section("logging", "logging")),
        metrics: observe::metrics(top.section("telemetry", "telemetry")),
        storage: storage::read(top.section("storage", "storage")),
    };
    if let Some(server) = server {
        server.close();
    }
    top.later(LATER);
    top.close();
    document
}

/// How long a search may take, if that is written.
fn discovery(at: At<'_>) -> Option<Duration> {
    let mut section = Section::open(at, "discovery");
    section.get("enabled").map(|at| at.choice(&[("auto", ()), ("always", ()), ("never", ())]));
    let patience = section.or("timeout", |at| at.parse(listener::not_zero).map(Some), None);
    section.later(&["probe", "hosts", "env_keys", "cross_to_cloud"]);
    section.close();
    patience
}

/// Keys are not in use yet. A gateway whose owner wrote keys must not stand open meanwhile, so that is refused.
fn access(top: &mut Section<'_>) -> Access {
    const FIX: &str =
        "Remove it, and keep the gateway on loopback or behind something that checks who calls.";
    let refuse = |at: &At<'_>, is: &str| {
        at.wrong_as(format!("{is} not in use yet, and passing over it would leave the gateway open."), FIX);
    };
    let empty = |at: &At<'_>| matches!(&at.node.value, Value::Map(entries) if entries.is_empty());
    if let Some(at) = top.get("keys").filter(|at| !empty(at)) {
        refuse(&at, "is");
    }
    let Some(mut section) = top.section("auth", "auth") else { return Access::Auto };
    let mode = section.get("mode").and_then(|at| {
        let mode = at.choice(&[("auto", Some(Access::Auto)), ("none", Some(Access::None)), ("keys", None)]);
        if mode == Some(None) {
            refuse(&at, "is `keys`, which is");
        }
        mode.flatten()
    });
    if let Some(at) = section.get("oidc") {
        refuse(&at, "is");
    }
    section.later(&["accept", "anonymous"]);
    section.close();
    mode.unwrap_or(Access::Auto)
}

/// A name for something of ours: it stands in paths, headers and records.
pub(crate) fn proper_name(name: &str) -> Result<(), crate::problem::Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
        return Ok(());
    }
    wrong("is not a name we can use.", "Use letters, digits, `-`, `_` and `.`, 64 at most.")
}
