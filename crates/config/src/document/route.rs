//! `models`, `routes` and `routing`: what leads where, as written. Which providers exist is not asked here.

use protocol::operation;

use crate::problem::wrong;
use crate::reader::{At, Section, Written};
use crate::tree::Value;

/// A public name or pattern, and its places in order.
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) places: Vec<Written<Place>>,
    pub(crate) hidden: bool,
}

/// One place of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// `provider`, or `provider/model`: which of the two is known only when the providers are.
    Text(String),
    /// `{provider: ..., model: ...}`.
    Pair(String, Option<String>),
}

/// A path rule.
pub(crate) struct Path {
    /// With `/v1`, without a trailing slash; `/*` at its end for everything below.
    pub(crate) pattern: String,
    pub(crate) to: Vec<Written<String>>,
}

/// `routing`, as far as it is in use.
pub(crate) struct Routing {
    pub(crate) unknown_model: Option<Written<String>>,
    pub(crate) expose_headers: bool,
}

/// Reads `models`.
pub(crate) fn read_names(at: &At<'_>) -> Vec<Name> {
    at.named().into_iter().map(|(name, at)| read_name(name, at)).collect()
}

fn read_name(name: String, at: At<'_>) -> Name {
    if name.is_empty() || name.chars().any(char::is_control) {
        at.wrong_as("is not the name of a model.", "Write the name callers will use.");
    }
    if !matches!(at.node.value, Value::Map(_)) {
        let places = places(&at);
        return Name { name, places, hidden: false };
    }
    let mut section = Section::open(at.clone(), "a model");
    let used = section.get("use");
    let hidden = section.or("hidden", At::switch, false);
    section.later(&["strategy", "same_vectors"]);
    section.close();
    let places = match used {
        Some(used) => places(&used),
        None => {
            at.wrong_as("does not say where it is served.", "Write `use: [provider, provider/model]`.");
            Vec::new()
        }
    };
    Name { name, places, hidden }
}

fn places(at: &At<'_>) -> Vec<Written<Place>> {
    // A single place may be a map as well.
    let items = if matches!(at.node.value, Value::Map(_)) { vec![at.clone()] } else { at.list() };
    if items.is_empty() || at.node.is_null() {
        at.wrong_as("names no place.", "Write a provider, `provider/model`, or a list of them.");
        return Vec::new();
    }
    items.iter().filter_map(|item| place(item).map(|place| item.written(place))).collect()
}

fn place(at: &At<'_>) -> Option<Place> {
    if !matches!(at.node.value, Value::Map(_)) {
        return at.parse(|text| Ok(Place::Text(text.to_owned())));
    }
    let mut section = Section::open(at.clone(), "a place of a model");
    let (provider, model) = (section.text("provider"), section.text("model"));
    section.later(&["weight"]);
    section.close();
    match provider {
        Some(provider) => Some(Place::Pair(provider, model)),
        None => {
            at.wrong_as("names no provider.", "Write {provider: name, model: its-name-there}.");
            None
        }
    }
}

/// Reads `routes`. Exact paths stand before prefixes of the same length.
pub(crate) fn read_paths(at: &At<'_>) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for (text, at) in at.named() {
        let to = targets(&at);
        match pattern(&text) {
            Ok(pattern) if paths.iter().any(|path| path.pattern == pattern) => {
                at.wrong_as(format!("is `{pattern}` once more."), "Keep one of them.");
            }
            Ok(pattern) => paths.push(Path { pattern, to }),
            Err(against) => at.wrong(against),
        }
    }
    paths.sort_by_key(|path| path.pattern.ends_with("/*"));
    paths
}

/// Every spelling of a path in one: with `/v1`, without a trailing slash.
fn pattern(text: &str) -> Result<String, crate::problem::Wrong> {
    let stem = text.strip_suffix("/*").unwrap_or(text);
    if !text.starts_with('/') || stem.contains(['*', '?', '#', ' ']) {
        return wrong("is not a path we can match.", "Write /v1/audio/speech, or /v1/audio/* for all below.");
    }
    let mut below = stem.trim_end_matches('/');
    below = operation::foreign(below).unwrap_or(below);
    while let Some(rest) = below.strip_prefix("/v1").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        below = rest;
    }
    let end = if text.ends_with("/*") || below.is_empty() { "/*" } else { "" };
    Ok(format!("/v1{below}{end}"))
}

fn targets(at: &At<'_>) -> Vec<Written<String>> {
    if !matches!(at.node.value, Value::Map(_)) {
        return names(at);
    }
    let mut section = Section::open(at.clone(), "a route");
    let to = section.get("to");
    refuse(&mut section, "credential", "send another key than you wrote");
    refuse(&mut section, "strip", "leave the path as it came");
    refuse(&mut section, "when", "let the route hold for everybody");
    refuse(&mut section, "deny", "allow what you deny");
    section.close();
    match to {
        Some(to) => names(&to),
        None => {
            at.wrong_as("does not say where it leads.", "Write `to: provider`.");
            Vec::new()
        }
    }
}

/// A condition that is not in use yet must not be passed over.
fn refuse(section: &mut Section<'_>, key: &'static str, would: &str) {
    if let Some(at) = section.get(key) {
        at.wrong_as(format!("is not in use yet, and passing over it would {would}."), "Remove it.");
    }
}

fn names(at: &At<'_>) -> Vec<Written<String>> {
    let items = at.list();
    if items.iter().any(|item| matches!(item.node.value, Value::Map(_))) {
        let what =
            "holds conditions, which are not in use yet, and passing over them could allow what you deny.";
        at.wrong_as(what, "Write one provider, or a list of them.");
        return Vec::new();
    }
    if items.is_empty() {
        at.wrong_as("leads nowhere.", "Write `models`, a provider, or a list of providers.");
    }
    items
        .iter()
        .filter_map(|item| item.parse(|text| Ok(text.to_owned())).map(|name| item.written(name)))
        .collect()
}

/// Reads `routing`.
pub(crate) fn read_routing(section: Option<Section<'_>>) -> Routing {
    let mut routing = Routing { unknown_model: None, expose_headers: true };
    let Some(mut section) = section else { return routing };
    routing.unknown_model = section.written("unknown_model", |text| Ok(text.to_owned()));
    routing.expose_headers = section.or("expose_headers", At::switch, true);
    section.later(&[
        "strategy",
        "retries",
        "retry_on",
        "retry_budget",
        "timeout",
        "fallbacks",
        "affinity",
        "when_exhausted",
        "queue",
    ]);
    section.close();
    routing
}
