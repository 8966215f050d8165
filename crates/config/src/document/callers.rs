//! `auth`, `keys` and `limits`: who may call, and how much each may ask for.

use std::collections::HashMap;
use std::time::SystemTime;

use http::HeaderName;
use protocol::secret::Secret;

use super::fallback::{self, FALLBACKS};
use super::later::{ANONYMOUS, BUDGET, OIDC};
use super::limit::{LIMIT, limit};
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{
    self, Choice, List, Name, Names, Or, Sealed, Section, Switch, Text, Value,
};
use crate::reader::table::{Form, Kind, Table, later, now};
use crate::reader::{At, DATE, Section as Settings, Written, moment};
use crate::snapshot::{AllowedModels, CallLimits, Digest, Fallback, Limit, Proof};

/// Who may call.
pub(crate) const AUTH: Table = Table {
    noun: "auth",
    rows: &[
        now(
            "mode",
            Choice(&["auto", "keys", "none"]),
            "`auto`: open on loopback while there is no key; `keys`: a key is asked for; `none`: open to everybody.",
        )
        .usual("auto"),
        now("accept", List(&Choice(&ACCEPT)), "Headers a key may travel in; without this line all of them."),
        now("oidc", Section(&OIDC), "Signing in elsewhere; refused while not in use."),
        later("anonymous", Section(&ANONYMOUS), "Callers without a key."),
    ],
};

/// Every header a key may travel in.
const ACCEPT: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// A caller's key.
pub(crate) const KEY: Table = Table {
    noun: "a key",
    rows: &[
        now("key", Shape::Secret, "The key itself, 32 characters at least."),
        now("hash", Sealed(&HASH), "What is kept of a key that this gateway made: hmac-sha256:..."),
        now("last_four", Text, "The end of a key that is kept as its hash, for whoever looks for it."),
        now(
            "role",
            Choice(&["user"]),
            "What it may do: call. Keys of administration stand under `admin.keys`.",
        )
        .usual("user"),
        now("models", List(&Text), "Which models it may ask for; `*` stands for anything.").usual("*"),
        now("expires", Value(&DATE), "The last day it holds (UTC), or the moment it ends."),
        now("limits", Section(&LIMIT), "How much it may ask for."),
        now("fallbacks", FALLBACKS, "What may stand in for a model when this key asks, before all others."),
        now("tags", Names(&Text), "What its calls are marked with; fallbacks may ask for it."),
        later("team", Name(Kind::Team), "Whose it is."),
        later("budget", Section(&BUDGET), "How much it may cost."),
    ],
};

/// Limits for everybody.
pub(crate) const LIMITS: Table = Table {
    noun: "limits",
    rows: &[
        now("global", Section(&LIMIT), "All calls together."),
        now("per_ip", Section(&LIMIT), "Each address."),
        now("per_key", Section(&LIMIT), "Each key, on top of its own."),
        now("per_model", Names(&Section(&LIMIT)), "Single models, by the name callers use."),
        now(
            "window",
            Choice(&["sliding", "fixed", "bucket"]),
            "How time is counted; only `sliding` is in use yet.",
        )
        .usual("sliding"),
        now(
            "shared",
            Or(&["auto"], &Switch),
            "Whether several gateways count together; they do not yet, so only `auto` and `off` are in use.",
        )
        .usual("auto"),
    ],
};

/// What is kept of a key. Nobody can try keys against it without the pepper; it is hidden all the same, for it may be the key
/// itself that somebody wrote there.
const HASH: Form = Form { read: |text| hash(text).map(drop), pattern: "^hmac-sha256:[0-9a-f]{64}$" };

/// A secret anybody could guess is none.
const SHORTEST: usize = 32;

/// Whom we answer, as far as one section can say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Open on loopback while there is no key.
    Auto,
    /// Whoever shows a key.
    Keys,
    /// Open to everybody, and somebody wrote so.
    None,
}

/// `auth`.
pub(crate) struct Auth {
    pub(crate) access: Access,
    pub(crate) accept: Vec<HeaderName>,
}

/// One of `keys`.
pub(crate) struct Key {
    pub(crate) name: Written<String>,
    pub(crate) proof: Proof,
    pub(crate) last_four: String,
    pub(crate) models: AllowedModels,
    pub(crate) expires: Option<SystemTime>,
    pub(crate) limit: Limit,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) fallbacks: Vec<Fallback>,
}

/// Reads `auth`.
pub(crate) fn auth(section: Option<Settings<'_>>) -> Auth {
    let every = || ACCEPT.map(HeaderName::from_static).to_vec();
    let Some(section) = section else { return Auth { access: Access::Auto, accept: every() } };
    let modes = [("auto", Access::Auto), ("keys", Access::Keys), ("none", Access::None)];
    let access = section.or("mode", |at| at.choice(&modes), Access::Auto);
    let accept = section.get("accept").map_or_else(every, |at| accept(&at));
    if let Some(at) = section.refused("oidc") {
        at.wrong_as(
            "is not in use yet, and passing over it would let others in than you wrote.",
            "Remove it, and give each caller a key: openai-proxy keys create NAME",
        );
    }
    section.close();
    Auth { access, accept }
}

fn accept(at: &At<'_>) -> Vec<HeaderName> {
    let words = ACCEPT.map(|word| (word, word));
    let named: Vec<HeaderName> =
        at.list().iter().filter_map(|item| item.choice(&words)).map(HeaderName::from_static).collect();
    if named.is_empty() && at.list().is_empty() {
        at.wrong_as("names no header, so nobody could show a key.", "Write [authorization], or remove it.");
    }
    named
}

/// Reads `keys`. Whoever has a mistake in it is none of them, and that is told.
pub(crate) fn keys(at: &At<'_>) -> Vec<Key> {
    at.named().into_iter().filter_map(|(name, at)| key(&name, at)).collect()
}

fn key(name: &str, at: At<'_>) -> Option<Key> {
    let written = at.written(name.to_owned());
    let proper = super::proper_name(name).map_err(|against| at.wrong(against)).is_ok();
    let section = Settings::open(at, &KEY);
    let proof = proof(&section);
    let last_four = match &proof {
        Some(Proof::Key(secret)) => end_of(secret.expose()),
        _ => String::new(),
    };
    let key = Key {
        name: written,
        last_four: section.text("last_four").unwrap_or(last_four),
        models: section.get("models").map(|at| models(&at)).unwrap_or_default(),
        expires: section.or("expires", |at| at.parse(moment).map(Some), None),
        limit: section.section("limits", &LIMIT).map(limit).unwrap_or_default(),
        tags: section.get("tags").map(|at| fallback::pairs(&at)).unwrap_or_default(),
        fallbacks: section.get("fallbacks").map(|at| fallback::by_model(&at)).unwrap_or_default(),
        proof: proof.clone().unwrap_or(Proof::Key(Secret::new(""))),
    };
    if let Some(at) = section.get("role") {
        role(&at);
    }
    section.close();
    (proper && proof.is_some()).then_some(key)
}

/// What proves a key: one of two, or it would prove nothing.
fn proof(section: &Settings<'_>) -> Option<Proof> {
    const FIX: &str = "Write `key: ${NAME}`, or have one made: openai-proxy keys create NAME";
    match (section.get("key"), section.get("hash")) {
        (Some(at), None) => secret(&at).map(Proof::Key),
        (None, Some(at)) => at.parse(hash).map(Proof::Digest),
        (Some(_), Some(at)) => {
            at.wrong_as("stands beside `key`, and one of them would count for nothing.", "Remove one.");
            None
        }
        (None, None) => {
            section.here().wrong_as("has neither `key` nor `hash`.", FIX);
            None
        }
    }
}

/// A key as somebody wrote it (T-33).
fn secret(at: &At<'_>) -> Option<Secret> {
    let text = at.text()?;
    let proper = text.len() >= SHORTEST && text.chars().all(|c| c.is_ascii_graphic() && c != ',');
    if !proper {
        let is = if text.is_empty() { "is empty" } else { "is no key" };
        at.wrong_as(
            format!("{is}: it takes {SHORTEST} characters at least, without spaces and commas."),
            "Make one: openssl rand -hex 32",
        );
    }
    proper.then(|| Secret::new(text))
}

fn hash(text: &str) -> Result<Digest, Wrong> {
    match Digest::parse(text) {
        Some(digest) => Ok(digest),
        None => wrong(
            "is not what is kept of a key: hmac-sha256: and 64 hexadecimal digits.",
            "Copy it whole, or have a key made: openai-proxy keys create NAME",
        ),
    }
}

/// The end of a key that is long enough to keep the rest to itself.
fn end_of(key: &str) -> String {
    key.chars().skip(key.chars().count().saturating_sub(4)).collect()
}

fn models(at: &At<'_>) -> AllowedModels {
    let names = at.each(|text| match text.is_empty() {
        true => wrong("is empty.", "Write names of models, or `*` for all."),
        false => Ok(text.to_owned()),
    });
    // A list that allows nothing is allowed: it is how a key is put aside.
    if names.iter().any(|name| name == "*") { AllowedModels::All } else { AllowedModels::Only(names) }
}

/// Callers call. What administers this gateway is another kind of key.
fn role(at: &At<'_>) {
    let text = at.text().unwrap_or_default();
    if ["viewer", "operator", "admin"].contains(&text.as_str()) {
        at.wrong_as(
            format!("is `{text}`, which is a role of administration."),
            "Callers are `user`; write keys of administration under `admin.keys`.",
        );
        return;
    }
    let _ = at.choice(&[("user", ())]);
}

/// Reads `limits`.
pub(crate) fn limits(section: Option<Settings<'_>>) -> CallLimits {
    let Some(section) = section else { return CallLimits::default() };
    let one = |key| section.section(key, &LIMIT).map(limit).unwrap_or_default();
    let (global, per_ip, per_key) = (one("global"), one("per_ip"), one("per_key"));
    let models = section.get("per_model").map(|at| at.named()).unwrap_or_default();
    let per_model: HashMap<String, Limit> =
        models.into_iter().map(|(name, at)| (name, limit(Settings::open(at, &LIMIT)))).collect();
    if let Some(at) = section.get("window")
        && at.choice(&[("sliding", true), ("fixed", false), ("bucket", false)]) == Some(false)
    {
        at.later();
    }
    if let Some(at) = section.get("shared")
        && at.switch_or_auto() == Some(Some(true))
    {
        at.later();
    }
    section.close();
    CallLimits { global, per_ip, per_key, per_model }
}
