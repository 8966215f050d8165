//! `providers`: one place of a vendor each.

mod headers;
mod identity;
mod pool;
mod serving;
mod timeouts;

use std::time::Duration;

use http::header::HeaderMap;

use self::pool::{BREAKER, HEALTH, KEYS};
use self::timeouts::TIMEOUTS;
use super::fallback::{self, OF_PROVIDER};
use crate::address::{self, BaseUrl};
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{
    Address, Choice, List, Names, OneOf, Or, Secret, Section, Switch, Text, Value, Whole,
};
use crate::reader::table::{Table, later, now};
use crate::reader::{At, DURATION, NUMBER, Section as Settings, Written, duration, number};
use crate::snapshot::{
    Breaker, Context, Fallback, HealthCheck, KeyStrategy, OutboundProxy, ProviderTimeouts, Quota,
};

pub(crate) use self::identity::{Aws, Entra, Google, Identities, Machine};
pub(crate) use self::pool::Key;

/// One provider, as written.
pub(crate) struct Provider {
    /// Its name and where that stands.
    pub(crate) name: Written<String>,
    pub(crate) kind: Option<Written<String>>,
    pub(crate) base_url: Option<Written<BaseUrl>>,
    pub(crate) api_key: Option<Written<String>>,
    pub(crate) credential: Option<Written<Wanted>>,
    pub(crate) identities: Identities,
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
    pub(crate) weight: u32,
    pub(crate) keys: Vec<Key>,
    pub(crate) key_strategy: KeyStrategy,
    pub(crate) quota: Quota,
    pub(crate) breaker: Breaker,
    pub(crate) health: Option<HealthCheck>,
    pub(crate) retry_after_max: Duration,
    pub(crate) price_multiplier: f64,
    pub(crate) fallbacks: Vec<Fallback>,
    /// Whether `api` names its own language, and not OpenAI's.
    pub(crate) native: Option<Written<bool>>,
    pub(crate) context: Option<Written<Context>>,
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

impl Wanted {
    /// A credential of ours.
    pub(crate) fn is_stored(self) -> bool {
        self == Self::Stored
    }
}

/// Names that are words of the older administration paths (D-14), and the one word of `routes`.
const RESERVED: &[&str] = &["config", "verify", "add", "add-many", "all", "models", "error"];

/// A hint that asks for a longer wait is no reason to wait at all.
const USUAL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// A provider.
pub(crate) const PROVIDER: Table = Table {
    noun: "a provider",
    rows: &[
        now("type", Text, "The vendor; without it the name, if it is a vendor's."),
        now("base_url", Address, "Where it is, with or without /v1."),
        now("api_key", Secret, "Our key for it."),
        now("credential", Choice(&["stored", "passthrough", "none"]), "Whose key goes there."),
        identity::GOOGLE,
        identity::ENTRA,
        identity::AWS,
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
        now(
            "keys",
            KEYS,
            "Several keys of one account, by name; `api_key` beside them is the one called `default`.",
        ),
        now("key_strategy", Choice(&["priority", "round_robin", "least_used"]), "Which of the keys.")
            .usual("priority"),
        now("weight", Whole(0), "Its share among equals; 0: only when no other can.").usual("1"),
        now("max_tpm", Whole(1), "Tokens a minute."),
        now("max_rpm", Whole(1), "Requests a minute."),
        now("max_concurrency", Whole(1), "Calls at once."),
        now("retry_after_max", Value(&DURATION), "The longest Retry-After that is waited for.").usual("5s"),
        now("price_multiplier", Value(&NUMBER), "What it costs, in parts of the usual price.").usual("1"),
        now("breaker", Section(&BREAKER), "Leaving it alone while it fails."),
        now("health", Section(&HEALTH), "Asking whether it is well."),
        now("fallbacks", OF_PROVIDER, "Providers or models that may stand in for it, in order."),
        now("api", Choice(&["native", "openai"]), "The language it is conversed with in, where it has two."),
        now(
            "context_length",
            Or(&["auto", "server"], &Whole(1)),
            "Tokens of context a model is loaded with, where the place is told.",
        ),
        later("cold_start", Value(&DURATION), "How long loading a model may take."),
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
        identities: identity::identities(&section),
        headers: headers::headers(&section),
        proxy: section.written("proxy", way),
        ca: section.written("ca_file", certificates).map(|pem| pem.value),
        accept_any_certificate: section.or("dangerous_accept_any_certificate", At::switch, false),
        allow_private: section.or("allow_private", At::switch_or_auto, None),
        forwarded: section.or("forwarded", At::switch_or_auto, None),
        models: serving::models(&section),
        api_version: section.text("api_version"),
        endpoints: section.get("endpoints").map(|at| serving::endpoints(&at)).unwrap_or_default(),
        capabilities: section.get("capabilities").map(|at| serving::capabilities(&at)).unwrap_or_default(),
        timeouts: timeouts::timeouts(section.section("timeouts", &TIMEOUTS)),
        priority: section.or("priority", |at| at.number(i64::MIN), 0),
        weight: section.or("weight", |at| at.count(0), 1),
        keys: section.get("keys").map(|at| pool::keys(&at)).unwrap_or_default(),
        key_strategy: section.or("key_strategy", |at| at.choice(&KeyStrategy::ALL), KeyStrategy::Priority),
        quota: pool::quota(&section),
        breaker: pool::breaker(section.section("breaker", &BREAKER)),
        health: pool::health(section.section("health", &HEALTH)),
        retry_after_max: section.or("retry_after_max", |at| at.parse(duration), USUAL_RETRY_AFTER),
        price_multiplier: section.or("price_multiplier", |at| at.parse(number), 1.0),
        fallbacks: section.get("fallbacks").map(|at| fallback::of_provider(&at)).unwrap_or_default(),
        native: section.get("api").and_then(|at| api(&at)),
        context: section.get("context_length").and_then(|at| context(&at)),
    };
    section.close();
    provider
}

fn api(at: &At<'_>) -> Option<Written<bool>> {
    at.choice(&[("native", true), ("openai", false)]).map(|native| at.written(native))
}

fn context(at: &At<'_>) -> Option<Written<Context>> {
    let context = at.parse(|text| match (text, text.replace('_', "").parse()) {
        ("auto", _) => Ok(Context::Auto),
        ("server", _) => Ok(Context::Server),
        (_, Ok(tokens @ 1..)) => Ok(Context::Tokens(tokens)),
        _ => wrong(format!("cannot be `{text}`."), "Write auto, server, or how many tokens."),
    });
    context.map(|context| at.written(context))
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
        let (who, whole) = match at.path.strip_suffix(".api_key") {
            Some(provider) => (provider, "provider"),
            None => (at.path.trim_end_matches(".key"), "key"),
        };
        let what = match from.as_str() {
            "" => format!("`{}` is empty.", at.path),
            names => format!("`{who}` needs {names}, which is empty."),
        };
        let fix = Some(format!("Set it, or remove the {whole}."));
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
