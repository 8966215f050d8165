//! `providers`: one place of a vendor each.

mod serving;

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::address::{self, BaseUrl};
use crate::document::listener::not_zero;
use crate::layer::kinds::ACCOUNT_HEADERS;
use crate::problem::{Wrong, wrong};
use crate::reader::{At, Section, Written};
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

/// Settings that are known and not in use yet.
const LATER: &[&str] = &[
    "keys",
    "key_strategy",
    "price_multiplier",
    "retry_after_max",
    "max_concurrency",
    "health",
    "breaker",
    "weight",
    "max_tpm",
    "max_rpm",
    "api",
    "context_length",
    "cold_start",
    "entra_id",
];

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
    let mut section = Section::open(at, "a provider");
    let provider = Provider {
        name,
        kind: section.written("type", |text| Ok(text.to_owned())),
        base_url: section.written("base_url", address::base_url),
        api_key: section.get("api_key").and_then(|at| api_key(&at)),
        credential: credential(&mut section),
        headers: headers(&mut section),
        proxy: section.written("proxy", way),
        ca: section.written("ca_file", certificates).map(|pem| pem.value),
        accept_any_certificate: section.or("dangerous_accept_any_certificate", At::switch, false),
        allow_private: section.or("allow_private", At::switch_or_auto, None),
        forwarded: section.or("forwarded", At::switch_or_auto, None),
        models: serving::models(&mut section),
        api_version: section.text("api_version"),
        endpoints: section.get("endpoints").map(|at| serving::endpoints(&at)).unwrap_or_default(),
        capabilities: section.get("capabilities").map(|at| serving::capabilities(&at)).unwrap_or_default(),
        timeouts: timeouts(section.section("timeouts", "a provider's time-outs")),
        priority: section.or("priority", |at| at.number(i64::MIN), 0),
    };
    section.later(LATER);
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

fn credential(section: &mut Section<'_>) -> Option<Written<Wanted>> {
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
fn headers(section: &mut Section<'_>) -> HeaderMap {
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

fn timeouts(section: Option<Section<'_>>) -> ProviderTimeouts {
    let seconds = Duration::from_secs;
    let mut timeouts = ProviderTimeouts {
        connect: seconds(5),
        first_byte: seconds(120),
        between_bytes: seconds(60),
        total: seconds(900),
    };
    let Some(mut section) = section else { return timeouts };
    let some = |at: &At<'_>| at.parse(not_zero);
    timeouts.connect = section.or("connect", some, timeouts.connect);
    timeouts.first_byte = section.or("first_byte", some, timeouts.first_byte);
    timeouts.between_bytes = section.or("between_bytes", some, timeouts.between_bytes);
    timeouts.total = section.or("total", some, timeouts.total);
    section.close();
    timeouts
}
