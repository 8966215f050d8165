//! The document as written: every value read and checked by itself, nothing decided between values yet.

pub(crate) mod admin;
pub(crate) mod alerts;
pub(crate) mod callers;
mod fallback;
mod later;
mod limit;
pub(crate) mod listener;
mod named;
pub(crate) mod observe;
mod path;
pub(crate) mod provider;
pub(crate) mod route;
pub(crate) mod routing;
pub(crate) mod storage;
mod upkeep;

use std::time::Duration;

use crate::problem::wrong;
use crate::reader::table::Shape::{Address, Choice, List, Names, OneOf, Section, Switch, Text, Value};
use crate::reader::table::{Table, later, now};
use crate::reader::{At, DURATION, Findings, PORT, Section as Settings};
use crate::tree::Node;

/// One whole configuration, as far as it can be understood value by value.
pub(crate) struct Document {
    pub(crate) listener: listener::Listener,
    pub(crate) auth: callers::Auth,
    pub(crate) keys: Vec<callers::Key>,
    pub(crate) limits: crate::snapshot::CallLimits,
    pub(crate) providers: Vec<provider::Provider>,
    pub(crate) names: Vec<route::Name>,
    pub(crate) paths: Vec<route::Path>,
    pub(crate) routing: routing::Routing,
    pub(crate) logging: crate::snapshot::Logging,
    pub(crate) telemetry: observe::Telemetry,
    pub(crate) alerts: crate::snapshot::Alerts,
    /// Who is told, as written.
    pub(crate) hooks: Vec<alerts::Hook>,
    pub(crate) storage: storage::Storage,
    pub(crate) admin: crate::snapshot::Admin,
    /// Whose word counts, and whether files are watched.
    pub(crate) authority: crate::snapshot::Authority,
    pub(crate) watch: bool,
    /// How long this computer may be searched for servers.
    pub(crate) search: Option<Duration>,
}

/// The whole file.
pub(crate) const FILE: Table = Table {
    noun: "the file",
    rows: &[
        now("version", Text, "The version of this schema.").usual("1"),
        now("include", List(&Text), "Files that belong to this one.").usual("conf.d/*.yaml"),
        now("config", Section(&admin::CONFIG), "How configuration is read."),
        now("server", Section(&listener::SERVER), "Doors, limits and time-outs towards callers."),
        now("discovery", Section(&DISCOVERY), "Finding what is not written."),
        now("provider_defaults", Section(&provider::PROVIDER), "Laid under every provider."),
        now(
            "providers",
            Names(&OneOf(&[Address, Section(&provider::PROVIDER)])),
            "Places that answer, by name.",
        ),
        now("models", Names(&route::NAME), "Public names and where they lead."),
        now("routes", Names(&route::PATH), "Paths and where they lead."),
        now("routing", Section(&routing::ROUTING), "How a place is chosen."),
        now("auth", Section(&callers::AUTH), "Who may call."),
        now("keys", Names(&Section(&callers::KEY)), "Callers' keys, by name."),
        now("limits", Section(&callers::LIMITS), "How much may be asked for."),
        now("logging", Section(&observe::LOGGING), "What is told, and how."),
        now("telemetry", Section(&observe::TELEMETRY), "What is measured."),
        now("alerts", Section(&alerts::ALERTS), "Telling people when something is wrong."),
        now("admin", Section(&admin::ADMIN), "Administration."),
        now("storage", Section(&storage::STORAGE), "What is kept, and where."),
        later("name", Text, "What this gateway is called."),
        later("teams", Names(&Section(&later::TEAM)), "Callers together."),
        later("cache", Section(&later::CACHE), "Answers that are given again."),
        later("pricing", Section(&later::PRICING), "What models cost."),
        later("guardrails", later::GUARDRAILS, "Checks of what passes."),
        later("plugins", Names(&Section(&later::PLUGIN)), "Programs that look at calls."),
    ],
};

const DISCOVERY: Table = Table {
    noun: "discovery",
    rows: &[
        now("enabled", Choice(&["auto", "always", "never"]), "When; `auto`: when no provider is written.")
            .usual("auto"),
        now("timeout", Value(&DURATION), "How long this computer is searched.").usual("300ms"),
        later("probe", Names(&List(&Value(&PORT))), "The ports that are asked."),
        later("hosts", List(&Text), "The hosts that are asked."),
        later("env_keys", Switch, "Whether keys in the environment count."),
        later("cross_to_cloud", Choice(&["never"]), "Whether what is meant for this computer may leave it."),
    ],
};

/// Reads the whole tree.
pub(crate) fn read(root: &Node, findings: &Findings) -> Document {
    let top = Settings::open(At::new(root, String::new(), findings), &FILE);
    if let Some(at) = top.get("version") {
        at.parse(version);
    }
    // Which files are read was decided before this was.
    let _ = top.get("include");
    let (authority, watch, history) = admin::configuration(top.section("config", &admin::CONFIG));
    let search = top.get("discovery").and_then(discovery);
    // Merged under every provider before anything is read.
    top.get("provider_defaults").map(|at| at.named());
    let (alerts, hooks) = alerts::read(top.section("alerts", &alerts::ALERTS));
    let server = top.section("server", &listener::SERVER);
    let mut document = Document {
        listener: listener::read(server.as_ref(), findings),
        auth: callers::auth(top.section("auth", &callers::AUTH)),
        keys: top.get("keys").map(|at| callers::keys(&at)).unwrap_or_default(),
        limits: callers::limits(top.section("limits", &callers::LIMITS)),
        providers: top.get("providers").map(|at| provider::read_all(&at)).unwrap_or_default(),
        names: top.get("models").map(|at| route::read_names(&at)).unwrap_or_default(),
        paths: top.get("routes").map(|at| route::read_paths(&at)).unwrap_or_default(),
        search,
        alerts,
        hooks,
        routing: routing::read(top.section("routing", &routing::ROUTING)),
        logging: observe::logging(top.section("logging", &observe::LOGGING)),
        telemetry: observe::telemetry(top.section("telemetry", &observe::TELEMETRY)),
        storage: storage::read(top.section("storage", &storage::STORAGE)),
        admin: admin::admin(top.section("admin", &admin::ADMIN)),
        authority,
        watch,
    };
    if let Some(history) = history {
        document.storage.upkeep.kept.revisions = history;
    }
    if let Some(server) = server {
        server.close();
    }
    top.close();
    named::check(root, findings);
    document
}

/// The version of this schema. Older files number themselves there, with points.
fn version(text: &str) -> Result<(), crate::problem::Wrong> {
    let label = text.contains('.') && text.split('.').all(|part| part.parse::<u32>().is_ok());
    if text == "1" || label {
        return Ok(());
    }
    wrong(format!("is `{text}`, which this program does not know."), "Write 1, or leave it out.")
}

/// How long a search may take, if that is written.
fn discovery(at: At<'_>) -> Option<Duration> {
    let section = Settings::open(at, &DISCOVERY);
    section.get("enabled").map(|at| at.choice(&[("auto", ()), ("always", ()), ("never", ())]));
    let patience = section.or("timeout", |at| at.parse(listener::not_zero).map(Some), None);
    section.close();
    patience
}

/// A name for something of ours: it stands in paths, headers and records.
pub(crate) fn proper_name(name: &str) -> Result<(), crate::problem::Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
        return Ok(());
    }
    wrong("is not a name we can use.", "Use letters, digits, `-`, `_` and `.`, 64 at most.")
}
