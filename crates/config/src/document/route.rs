//! `models` and `routes`: what leads where, as written. Which providers exist is not asked here.

use super::path;
use super::routing::STRATEGIES;
use crate::reader::table::Shape::{self, Choice, List, Names, OneOf, Section, Switch, Text, Whole};
use crate::reader::table::{Table, now};
use crate::reader::{At, Section as Settings, Written};
use crate::snapshot::Strategy;
use crate::tree;

/// What stands under a model's name.
pub(crate) const NAME: Shape = OneOf(&[Text, List(&PLACE), Section(&MODEL)]);

const MODEL: Table = Table {
    noun: "a model",
    rows: &[
        now("use", PLACES, "Where it is served, the preferred place first."),
        now("hidden", Switch, "Works, and is not listed.").usual("off"),
        now("strategy", STRATEGIES, "How a place is chosen; without it as `routing.strategy` says."),
        now("same_vectors", Switch, "Whether embeddings of all places are the same.").usual("off"),
    ],
};

const PLACES: Shape = OneOf(&[Text, List(&PLACE), Section(&WHERE)]);
const PLACE: Shape = OneOf(&[Text, Section(&WHERE)]);

const WHERE: Table = Table {
    noun: "a place of a model",
    rows: &[
        now("provider", Text, "The provider."),
        now("model", Text, "Its own name for the model."),
        now("weight", Whole(0), "Its share among the places; without it the provider's."),
    ],
};

/// What stands behind a path.
pub(crate) const PATH: Shape = OneOf(&[Text, List(&OneOf(&[Text, Section(&ROUTE)])), Section(&ROUTE)]);

const ROUTE: Table = Table {
    noun: "a route",
    rows: &[
        now("to", List(&Text), "`models`, a provider, or a list of providers."),
        now("strip", Text, "What is taken off the path; refused while not in use."),
        now("credential", Choice(&["stored", "passthrough", "none"]), "Whose key; refused while not in use."),
        now("when", Names(&Text), "For whom it holds; refused while not in use."),
        now("deny", Text, "Why it leads nowhere; refused while not in use."),
    ],
};

/// A public name or pattern, and its places in order.
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) places: Vec<Written<Place>>,
    pub(crate) hidden: bool,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) same_vectors: bool,
}

/// One place of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// `provider`, or `provider/model`: which of the two is known only when the providers are.
    Text(String),
    /// `{provider: ..., model: ..., weight: ...}`.
    Long { provider: String, model: Option<String>, weight: Option<u32> },
}

/// A path rule.
pub(crate) struct Path {
    /// With `/v1`, without a trailing slash; `/*` at its end for everything below.
    pub(crate) pattern: String,
    pub(crate) to: Vec<Written<String>>,
}

/// Reads `models`.
pub(crate) fn read_names(at: &At<'_>) -> Vec<Name> {
    at.named().into_iter().map(|(name, at)| read_name(name, at)).collect()
}

fn read_name(name: String, at: At<'_>) -> Name {
    if name.is_empty() || name.chars().any(char::is_control) {
        at.wrong_as("is not the name of a model.", "Write the name callers will use.");
    }
    if !matches!(at.node.value, tree::Value::Map(_)) {
        let places = places(&at);
        return Name { name, places, hidden: false, strategy: None, same_vectors: false };
    }
    let section = Settings::open(at.clone(), &MODEL);
    let used = section.get("use");
    let hidden = section.or("hidden", At::switch, false);
    let strategy = section.get("strategy").and_then(|at| at.choice(&Strategy::ALL));
    let same_vectors = section.or("same_vectors", At::switch, false);
    section.close();
    let places = match used {
        Some(used) => places(&used),
        None => {
            at.wrong_as("does not say where it is served.", "Write `use: [provider, provider/model]`.");
            Vec::new()
        }
    };
    Name { name, places, hidden, strategy, same_vectors }
}

fn places(at: &At<'_>) -> Vec<Written<Place>> {
    // A single place may be a map as well.
    let items = if matches!(at.node.value, tree::Value::Map(_)) { vec![at.clone()] } else { at.list() };
    if items.is_empty() || at.node.is_null() {
        at.wrong_as("names no place.", "Write a provider, `provider/model`, or a list of them.");
        return Vec::new();
    }
    items.iter().filter_map(|item| place(item).map(|place| item.written(place))).collect()
}

fn place(at: &At<'_>) -> Option<Place> {
    if !matches!(at.node.value, tree::Value::Map(_)) {
        return at.parse(|text| Ok(Place::Text(text.to_owned())));
    }
    let section = Settings::open(at.clone(), &WHERE);
    let (provider, model) = (section.text("provider"), section.text("model"));
    let weight = section.get("weight").and_then(|at| at.count(0));
    section.close();
    match provider {
        Some(provider) => Some(Place::Long { provider, model, weight }),
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
        match path::pattern(&text) {
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

fn targets(at: &At<'_>) -> Vec<Written<String>> {
    if !matches!(at.node.value, tree::Value::Map(_)) {
        return names(at);
    }
    let section = Settings::open(at.clone(), &ROUTE);
    let to = section.get("to");
    refuse(&section, "credential", "send another key than you wrote");
    refuse(&section, "strip", "leave the path as it came");
    refuse(&section, "when", "let the route hold for everybody");
    refuse(&section, "deny", "allow what you deny");
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
fn refuse(section: &Settings<'_>, key: &'static str, would: &str) {
    if let Some(at) = section.refused(key) {
        at.wrong_as(format!("is not in use yet, and passing over it would {would}."), "Remove it.");
    }
}

fn names(at: &At<'_>) -> Vec<Written<String>> {
    let items = at.list();
    if items.iter().any(|item| matches!(item.node.value, tree::Value::Map(_))) {
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
