//! The environment: settings by name (`OPENAI_PROXY__A__B`), `PORT`, and providers found by their keys.

use std::collections::BTreeMap;

use protocol::vendor::{Vendor, all};

use super::kinds::INSIDE;
use crate::address::{base_url, is_loopback};
use crate::given::Given;
use crate::merge;
use crate::problem::{Place, Problem};
use crate::reader::Findings;
use crate::tree::{self, Node};

type Environment = BTreeMap<String, String>;

/// Any leaf: `OPENAI_PROXY__SERVER__LISTEN` is `server.listen`.
const PREFIX: &str = "OPENAI_PROXY__";

/// Sets every `OPENAI_PROXY__A__B` on top of the tree.
pub(crate) fn set_by_name(root: &mut Node, environment: &Environment, findings: &Findings) {
    for (name, value) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let path = path.to_lowercase();
        let words: Vec<&str> = path.split("__").collect();
        if words.iter().any(|word| word.is_empty()) {
            let place = Place::outside(name);
            findings.problem(
                &path,
                Some(&place),
                "The name has an empty part.",
                Some("Write it like OPENAI_PROXY__SERVER__LISTEN.".into()),
            );
            continue;
        }
        set(root, &words, (name, value), findings);
    }
}

/// Sets every flag, as (dotted path, value), on top of the tree.
pub(crate) fn set_by_flag(root: &mut Node, overrides: &[(String, String)], findings: &Findings) {
    for (path, value) in overrides {
        let words: Vec<&str> = path.split('.').collect();
        set(root, &words, (&format!("flag {path}"), value), findings);
    }
}

fn set(root: &mut Node, words: &[&str], (name, value): (&str, &str), findings: &Findings) {
    let place = Place::outside(name);
    match node(value, &place) {
        Ok(node) => merge::set(root, words, node, &place),
        Err(problems) => {
            for problem in problems {
                findings.problem(&words.join("."), Some(&place), problem.what, problem.fix);
            }
        }
    }
}

/// A value from outside: `[...]` and `{...}` are YAML, everything else is the text itself.
fn node(value: &str, place: &Place) -> Result<Node, Vec<Problem>> {
    if !value.starts_with(['[', '{']) {
        return Ok(Node::literal(value, place.clone()));
    }
    let mut node = tree::read(value, &place.file)?;
    node.make_literal(place);
    Ok(node)
}

/// `PORT`, as container platforms give it, when nothing else says where to listen (D-2).
pub(crate) fn set_port(root: &mut Node, environment: &Environment) {
    let said =
        root.get("server").and_then(|server| server.get("listen")).is_some_and(|listen| !listen.is_null());
    let Some(port) = environment.get("PORT").filter(|port| !port.is_empty() && !said) else { return };
    let place = Place::outside("PORT");
    let address = Node::literal(&format!("127.0.0.1:{port}"), place.clone());
    merge::set(root, &["server", "listen"], address, &place);
}

/// What was found: servers of this computer first, then a provider for every kind of service whose key stands in the
/// environment; the one inside when there is neither.
pub(crate) fn discovered(root: &Node, given: &Given, findings: &Findings) -> Node {
    let mut found = Node::empty(Place::outside("environment"));
    for server in &given.found {
        let place = Place::outside("discovered");
        let mut node = Node::empty(place.clone());
        node.put("type", Node::literal(&server.kind, place.clone()));
        node.put("base_url", Node::literal(&server.base_url, place));
        found.put(&server.name, node);
    }
    for vendor in all() {
        if let Some(provider) = provider(vendor, root, &given.environment, findings) {
            found.put(vendor.name(), provider);
        }
    }
    if found.entries().is_empty() {
        found.put(INSIDE, Node::empty(Place::outside("built in")));
    }
    found
}

fn provider(
    vendor: &dyn Vendor,
    root: &Node,
    environment: &Environment,
    findings: &Findings,
) -> Option<Node> {
    let filled = |name: &&str| environment.get(*name).is_some_and(|value| !value.trim().is_empty());
    let key = vendor.key_variables().iter().map(String::as_str).find(filled);
    let url = address_variable(vendor.name()).filter(filled).filter(|name| {
        let ours = environment.get(*name).is_some_and(|url| is_ourselves(url, root));
        if ours {
            let what = "This is the address of the gateway itself: meant for callers, and not used here.";
            findings.note("", Some(&Place::outside(name)), what, None);
        }
        !ours
    });
    // Without an address of its own a key alone is not enough.
    let enough = if vendor.home().is_some() { key.or(url) } else { key.and(url) }?;
    let mut node = Node::empty(Place::outside(enough));
    if let Some((name, value)) = url.and_then(|name| environment.get_key_value(name)) {
        node.put("base_url", Node::literal(value, Place::outside(name)));
    }
    Some(node)
}

/// The variable that names the address of a kind of service.
fn address_variable(vendor: &str) -> Option<&'static str> {
    match vendor {
        "openai" => Some("OPENAI_BASE_URL"),
        "azure" => Some("AZURE_OPENAI_ENDPOINT"),
        _ => None,
    }
}

/// Whether a URL leads back to our own door: a shell set up for callers is often the one we are started from.
fn is_ourselves(url: &str, root: &Node) -> bool {
    let Ok(url) = base_url(url.trim()) else { return false };
    let listen = root.get("server").and_then(|server| server.get("listen")).and_then(Node::scalar);
    let listen = listen.map_or("127.0.0.1:2020", |scalar| scalar.text.as_str());
    let port = listen.rsplit(':').next().unwrap_or(listen);
    is_loopback(&url.host) && url.port.to_string() == port
}

/// Whether nothing was found and only the provider inside is left.
pub(crate) fn is_built_in(found: &Node) -> bool {
    found.get(INSIDE).is_some()
}
