//! `providers`: one place of a vendor each.

mod serving;

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::address::{self, BaseUrl};
use crate::document::listener::not_zero;
use crate::layer::kinds::ACCOUNT_HEADERS;
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{
    Address, Choice, List, Names, OneOf, Or, Secret, Section, Switch, Text, Value, Whole,
};
use crate::reader::table::{Table, later, now};
use crate::reader::{At, DATE, DURATION, NUMBER, SHARE, Section as Settings, Written};
use crate::snapshot::{OutboundProxy, ProviderTimeouts};

/// One provider, as written.
pub(crate) struct Provider {
    /// Its name and where that stands.
    pub(crate) name: Written<String>,
    pub(crate) kind: Option<Written<String>>,
    pub(crate) base_url: Option<Written<BaseUrl>>,
    pub(crate) api_key: Option<Written<String>>,
    pub(crate) credential: Option<Written<Wanted>>,
    pub(crate) headers: HeaderMap,
    pub(crate) proxy: Option<Written<Way>>,
    pub(crate) ca: Option<String>,
    pub(crate) accept_any_certificate: bool,
    /// `None`: auto.
    pub(crate) allow_private: Option<bool>,
    /// `None`: auto.
    pub(crate) forwarded: Option<bool>,
    /// Public name to own name.
    pub(crate) models: Vec<(String, String)>,
    pub(crate) api_version: Option<String>,
    pub(crate) endpoints: Vec<(String, String)>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) timeouts: ProviderTimeouts,
    pub(crate) priority: i64,
}

/// `credential`, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    Stored,
    Passthrough,
    None,
}

/// `proxy`, as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// `off`: not even the environment's.
    Direct,
    Through(OutboundProxy),
}

/// Names that are words of the older administration paths (D-14), and the one word of `routes`.
const RESERVED: &[&str] = &["config", "verify", "add", "add-many", "all", "models", "error"];

/// A provider.
pub(crate) const PROVIDER: Table = Table {
    noun: "a provider",
    rows: &[
        now("type", Text, "The vendor; without it the name, if it is a vendor's."),
        now("base_url", Address, "Where it is, with or without /v1."),
        now("api_key", Secret, "Our key for it."),
        now("credential", Choice(&["stored", "passthrough", "none"]), "Whose key goes there."),
        now("organization", Text, "An account header."),
        now("project", Text, "An account header."),
        now("headers", Names(&Secret), "Set on every request. Not for credentials."),
        now(
            "models",
            OneOf(&[Choice(&["discover"]), List(&Text), Names(&Text)]),
            "`discover`, a list, or public: own name.",
        )
        .usual("discover"),
        now("model_deployments", Names(&Text), "Public name: own name."),
        now("supported_models", List(&Text), "From older files; must agree with model_deployments."),
        now("capabilities", List(&Text), "Operations it may be asked for; without it all the vendor has."),
        now("endpoints", Names(&Text), "Paths it spells its own way."),
        now("api_version", Text, "The version of the vendor's API."),
        now("priority", Whole(i64::MIN), "Higher stands before others where several fit.").usual("0"),
        now("proxy", Or(&["off", "none", "direct"], &Address), "The way out; without it the environment's."),
        now("ca_file", Text, "A private authority, PEM."),
        now("dangerous_accept_any_certificate", Switch, "No verification at all.").usual("off"),
        now("allow_private", Or(&["auto"], &Switch), "Whether its name may lead to private addresses.")
            .usual("auto"),
        now("forwarded", Or(&["auto"], &Switch), "Whether X-Forwarded-* are set.").usual("auto"),
        now("timeouts", Section(&TIMEOUTS), "How long to wait for it."),
        later("keys", Names(&Section(&KEY)), "Several keys of one account."),
        later("key_strategy", Choice(&["priority", "round_robin", "least_used"]), "Which of the keys."),
        later("price_multiplier", Value(&NUMBER), "What it costs, in parts of the usual price."),
        later("retry_after_max", Value(&DURATION), "The longest Retry-After that is waited for."),
        later("max_concurrency", Whole(1), "Calls at once."),
        later("health", Section(&HEALTH), "Asking whether it is well."),
        later("breaker", Section(&BREAKER), "Leaving it alone while it fails."),
        later("weight", Whole(0), "Its share among equals."),
        later("max_tpm", Whole(1), "Tokens a minute."),
        later("max_rpm", Whole(1), "Requests a minute."),
        later("api", Choice(&["native", "openai"]), "The language it is spoken to in."),
        later(
            "context_length",
            Or(&["auto", "server"], &Whole(1)),
            "Tokens of context a model is loaded with.",
        ),
        later("cold_start", Value(&DURATION), "How long loading a model may take."),
        later("entra_id", Section(&ENTRA), "A directory's identity instead of a key."),
    ],
};

const TIMEOUTS: Table = Table {
    noun: "a provider's time-outs",
    rows: &[
        now("connect", Value(&DURATION), "Look-up, connect, TLS.").usual("5s"),
        now("first_byte", Value(&DURATION), "From the request sent to the answer's head.").usual("2m"),
        now("between_bytes", Value(&DURATION), "Silence within an answer.").usual("1m"),
        now("total", Value(&DURATION), "An answer as a whole.").usual("15m"),
    ],
};

const KEY: Table = Table {
    noun: "a provider's key",
    rows: &[
        later("key", Secret, "The key."),
        later("weight", Whole(0), "Its share among equals."),
        later("priority", Whole(i64::MIN), "Higher comes first."),
        later("max_tpm", Whole(1), "Tokens a minute."),
        later("max_rpm", Whole(1), "Requests a minute."),
        later("expires", Value(&DATE), "The day it ends."),
    ],
};

const HEALTH: Table = Table {
    noun: "health checks",
    rows: &[
        later("active", Or(&["off"], &Value(&DURATION)), "How often it is asked."),
        later("path", Text, "What it is asked; `auto` is the vendor's own."),
        later("fail_after", Whole(1), "Failures until it counts as ill."),
        later("pass_after", Whole(1), "Successes until it counts as well."),
    ],
};

const BREAKER: Table = Table {
    noun: "a breaker",
    rows: &[
        later("window", Value(&DURATION), "The time that is looked at."),
        later("failure_rate", Value(&SHARE), "The share of failures that opens it."),
        later("min_requests", Whole(1), "Fewer say nothing."),
        later("open_for", Value(&DURATION), "How long it stays open."),
        later("half_open", Whole(1), "How many may try then."),
    ],
};

const ENTRA: Table = Table {
    noun: "a directory's identity",
    rows: &[
        later("tenant", Text, "The directory."),
        later("client_id", Text, "Who we are there."),
        later("client_secret", Secret, "Our secret there."),
        later("federated", Switch, "Whether the platform vouches for us."),
    ],
};

/// Whether a provider may be called so.
pub fn is_provider_name(name: &str) -> bool {
    !RESERVED.contains(&name) && super::proper_name(name).is_ok()
}

/// Reads the map of providers.
pub(crate) fn read_all(at: &At<'_>) -> Vec<Provider> {
    at.named().into_iter().map(|(name, at)| read(name, at)).collect()
}

fn read(name: String, at: At<'_>) -> Provider {
    if RESERVED.contains(&name.as_str()) {
        at.wrong_as("has a name that is reserved.", "Choose another one.");
    } else if let Err(against) = super::proper_name(&name) {
        at.wrong(against);
    }
    let name = at.written(name);
    let section = Settings::open(at, &PROVIDER);
    let provider = Provider {
        name,
        kind: section.written("type", |text| Ok(text.to_owned())),
        base_url: section.written("base_url", address::base_url),
        api_key: section.get("api_key").and_then(|at| api_key(&at)),
        credential: credential(&section),
        headers: headers(&section),
        proxy: section.written("proxy", way),
        ca: section.written("ca_file", certificates).map(|pem| pem.value),
        accept_any_certificate: section.or("dangerous_accept_any_certificate", At::switch, false),
        allow_private: section.or("allow_private", At::switch_or_auto, None),
        forwarded: section.or("forwarded", At::switch_or_auto, None),
        models: serving::models(&section),
        api_version: section.text("api_version"),
        endpoints: section.get("endpoints").map(|at| serving::endpoints(&at)).unwrap_or_default(),
        capabilities: section.get("capabilities").map(|at| serving::capabilities(&at)).unwrap_or_default(),
        timeouts: timeouts(section.section("timeouts", &TIMEOUTS)),
        priority: section.or("priority", |at| at.number(i64::MIN), 0),
    };
    section.close();
    provider
}

/// The content of a file of certificates.
fn certificates(path: &str) -> Result<String, Wrong> {
    match crate::text_file::read_text(path.as_ref()) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => Ok(pem),
        Ok(_) => wrong(format!("names {path}, which has no certificate in it."), "Give a file in PEM form."),
        Err(why) => wrong(
            format!("names {path}, which cannot be read: {why}."),
            "Check the path and who may read it.",
        ),
    }
}

/// A key that can travel in a header. The text itself is never repeated.
fn api_key(at: &At<'_>) -> Option<Written<String>> {
    let text = at.text()?;
    let key = text.trim();
    if key.is_empty() {
        let from = at.node.scalar().map(|scalar| scalar.filled_from.join(" and ")).unwrap_or_default();
        let who = at.path.trim_end_matches(".api_key");
        let what = match from.as_str() {
            "" => format!("`{}` is empty.", at.path),
            names => format!("`{who}` needs {names}, which is empty."),
        };
        let fix = Some("Set it, or remove the provider.".to_owned());
        at.findings.problem(&at.path, Some(&at.node.place), what, fix);
        return None;
    }
    if let Err(against) = sendable(key) {
        at.wrong(against);
        return None;
    }
    Some(at.written(key.to_owned()))
}

/// Whether a key can be a header's value.
pub(crate) fn sendable(key: &str) -> Result<(), Wrong> {
    if key.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Ok(());
    }
    wrong("holds a line break or a letter no header can carry.", "Copy the key again, as one line.")
}

fn credential(section: &Settings<'_>) -> Option<Written<Wanted>> {
    let at = section.get("credential")?;
    let words = [("stored", Wanted::Stored), ("passthrough", Wanted::Passthrough), ("none", Wanted::None)];
    at.choice(&words).map(|wanted| at.written(wanted))
}

fn way(text: &str) -> Result<Way, Wrong> {
    match text {
        "off" | "none" | "direct" => Ok(Way::Direct),
        _ => address::proxy(text).map(Way::Through),
    }
}

/// `headers`, and the settings that are nothing but a header.
fn headers(section: &Settings<'_>) -> HeaderMap {
    let mut out = HeaderMap::new();
    for (setting, name) in ACCOUNT_HEADERS {
        if let Some(at) = section.get(setting)
            && let Some(value) = at.parse(header_value)
            && !value.is_empty()
        {
            out.insert(HeaderName::from_static(name), value);
        }
    }
    let Some(at) = section.get("headers") else { return out };
    for (name, at) in at.named().into_iter().filter(|(_, at)| !at.node.is_null()) {
        match (header_name(&name), at.parse(header_value)) {
            (Ok(name), Some(value)) => drop(out.insert(name, value)),
            (Err(against), _) => at.wrong(against),
            (Ok(_), None) => {}
        }
    }
    out
}

/// Headers that are ours, or the connection's, to set.
const OURS: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
    "proxy-connection",
];
/// Headers a credential travels in.
const CREDENTIALS: &[&str] = &["authorization", "api-key", "x-api-key", "x-goog-api-key"];

fn header_name(name: &str) -> Result<HeaderName, Wrong> {
    let lower = name.to_ascii_lowercase();
    if CREDENTIALS.contains(&lower.as_str()) {
        return wrong("carries the credential.", "Write the key as `api_key`.");
    }
    if OURS.contains(&lower.as_str()) {
        return wrong("is set by the gateway itself.", "Remove it.");
    }
    HeaderName::from_bytes(lower.as_bytes())
        .or_else(|_| wrong("is not a header's name.", "Use letters, digits and `-`."))
}

/// Kept out of debug output and of header compression: it may be a secret.
fn header_value(text: &str) -> Result<HeaderValue, Wrong> {
    let Ok(mut value) = HeaderValue::from_str(text) else {
        return wrong("holds a line break or another control character.", "Write it in one line.");
    };
    value.set_sensitive(true);
    Ok(value)
}

fn timeouts(section: Option<Settings<'_>>) -> ProviderTimeouts {
    let seconds = Duration::from_secs;
    let mut timeouts = ProviderTimeouts {
        connect: seconds(5),
        first_byte: seconds(120),
        between_bytes: seconds(60),
        total: seconds(900),
    };
    let Some(section) = section else { return timeouts };
    let some = |at: &At<'_>| at.parse(not_zero);
    timeouts.connect = section.or("connect", some, timeouts.connect);
    timeouts.first_byte = section.or("first_byte", some, timeouts.first_byte);
    timeouts.between_bytes = section.or("between_bytes", some, timeouts.between_bytes);
    timeouts.total = section.or("total", some, timeouts.total);
    section.close();
    timeouts
}
