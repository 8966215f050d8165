//! The environment: settings by name (`OPENAI_PROXY__A__B`), variables others set, and providers found by their keys.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use protocol::vendor::{Vendor, all, find};

use super::kinds::{self, INSIDE};
use super::older;
use crate::address::{base_url, is_loopback};
use crate::given::Given;
use crate::merge;
use crate::problem::{Place, Problem};
use crate::reader::Findings;
use crate::tree::{self, Node, Value};

type Environment = BTreeMap<String, String>;

/// Any leaf: `OPENAI_PROXY__SERVER__LISTEN` is `server.listen`.
pub(crate) const PREFIX: &str = "OPENAI_PROXY__";

/// What every `OPENAI_PROXY__A__B` says; names are spelled as the layers below spell them.
pub(crate) fn by_name(below: &Node, environment: &Environment, findings: &Findings) -> Node {
    let mut root = Node::empty(Place::outside("environment"));
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
        set(&mut root, &merge::spelled(below, &words), (name, value), findings);
        // At once: a URL alone must not be lost to a setting of the same provider.
        older::lengthen_providers(&mut root, below, findings);
    }
    older::rewrite(&mut root, below, findings);
    root
}

/// What every flag says, as (dotted path, value).
pub(crate) fn by_flag(below: &Node, overrides: &[(String, String)], findings: &Findings) -> Node {
    let mut root = Node::empty(Place::outside("flags"));
    for (path, value) in overrides {
        let words = merge::dotted(below, path);
        set(&mut root, &merge::spelled(below, &words), (&format!("flag {path}"), value), findings);
        older::lengthen_providers(&mut root, below, findings);
    }
    older::rewrite(&mut root, below, findings);
    root
}

fn set(root: &mut Node, words: &[String], (name, value): (&str, &str), findings: &Findings) {
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
    // `[::1]:2020` is an address and not a list.
    let is_address =
        |rest: &str| rest.split_once(']').is_some_and(|(host, _)| host.parse::<Ipv6Addr>().is_ok());
    if value.strip_prefix('[').is_some_and(is_address) {
        return Ok(Node::literal(value, place.clone()));
    }
    let mut node = tree::read(value, &place.file)?;
    node.make_literal(place);
    Ok(node)
}

/// Variables that container platforms and older programs set (D-2, seed 003), as the settings they mean.
const USUAL: &[(&str, &[&str], &str)] = &[
    ("PORT", &["server", "listen"], "127.0.0.1:"),
    ("INSTANCE_MANAGER_DB_PATH", &["storage", "database"], "sqlite:"),
    ("ADMIN_API_KEY", &["admin", "api_key"], ""),
    ("FEISHU_WEBHOOK_URL", &["alerts", "to", "feishu"], ""),
];
/// Names a file of an older program's state.
const STATE: &str = "INSTANCE_MANAGER_STATE_FILE";

/// Those of them that are set.
pub(crate) fn usual_variables(environment: &Environment) -> impl Iterator<Item = &'static str> {
    let names = USUAL.iter().map(|(name, ..)| *name).chain([STATE]);
    names.filter(|name| environment.get(*name).is_some_and(|value| !value.is_empty()))
}

/// What takes over an older program's state.
const TAKES_OVER: &str = "Take over what it holds: openai-proxy import azure-proxy";

/// The layer of those variables: weaker than anything somebody wrote for us. Those set apart are an older program's.
pub(crate) fn usual(environment: &Environment, set_apart: &[String], findings: &Findings) -> Node {
    let mut root = Node::empty(Place::outside("environment"));
    let filled = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    for (name, words, before) in USUAL {
        if set_apart.iter().any(|other| other == name) {
            let what = "This is a database of another program and not used as ours.";
            findings.note("", Some(&Place::outside(name)), what, Some(TAKES_OVER.to_owned()));
        } else if let Some(value) = filled(name) {
            let place = Place::outside(name);
            merge::set(&mut root, words, Node::literal(&format!("{before}{value}"), place.clone()), &place);
        }
    }
    if filled(STATE).is_some() {
        let what = "This is an older program's state; it is not read at every start.";
        findings.note("", Some(&Place::outside(STATE)), what, Some(TAKES_OVER.to_owned()));
    }
    root
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
    let filled = |name: &&str| environment.get(*name).is_some_and(|value| is_filled(value));
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

/// What a provider takes from its kind when nobody says it: the vendor's address, and the key in the vendor's variable.
pub(crate) fn of_vendors(root: &Node, environment: &Environment) -> (Node, Node) {
    let place = Place::outside("built in");
    let (mut homes, mut keys) = (Node::empty(place.clone()), Node::empty(place.clone()));
    for provider in root.get("providers").map(Node::entries).unwrap_or_default() {
        let kind = provider.node.get("type").and_then(Node::scalar).map(|scalar| scalar.text.as_str());
        let vendor = kind.map_or_else(|| kinds::by_name(&provider.key), find);
        let Some(vendor) = vendor else { continue };
        if let Some(home) = vendor.home() {
            let words = ["providers", &provider.key, "base_url"];
            merge::set(&mut homes, &words, Node::literal(home, place.clone()), &place);
        }
        let filled = |name: &&String| environment.get(*name).is_some_and(|key| is_filled(key));
        let several = provider.node.get("keys").is_some_and(|keys| !keys.entries().is_empty());
        let said = several || ["api_key", "credential"].iter().any(|key| provider.node.get(key).is_some());
        if let Some(name) = vendor.key_variables().iter().find(filled).filter(|_| !said) {
            let place = Place::outside(name);
            let mut node = Node::literal(&format!("${{{name}}}"), place.clone());
            if let Value::Scalar(scalar) = &mut node.value {
                scalar.literal = false;
            }
            merge::set(&mut keys, &["providers", &provider.key, "api_key"], node, &place);
        }
    }
    (homes, keys)
}

/// What programs are given for a key where they insist on one and the gateway needs none (`openai-proxy env`).
pub const PLACEHOLDER: &str = "openai-proxy";

/// Whether a variable holds something; our own placeholder, in a shell set up for callers, is nobody's key.
pub(crate) fn is_filled(value: &str) -> bool {
    !matches!(value.trim(), "" | PLACEHOLDER)
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
