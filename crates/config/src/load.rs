//! Reading a configuration: layers into one tree, the tree into a document, the document into a snapshot.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::given::Given;
use crate::layer::{environment, file, older};
use crate::problem::{Place, Problem, Problems};
use crate::reader::Findings;
use crate::resolve::{Around, resolve};
use crate::snapshot::{Snapshot, Source};
use crate::tree::{self, Node};
use crate::{document, interpolate, merge};

/// How long this computer is searched for servers when nothing else is written.
const PATIENCE: Duration = Duration::from_millis(300);

/// A configuration without a problem.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub snapshot: Snapshot,
    /// What is worth knowing: settings that are not in use yet, older spellings, a key others may read.
    pub notes: Vec<Problem>,
    /// How long this computer may be searched for servers; `None`: it is not to be searched.
    pub search: Option<Duration>,
}

/// Reads the configuration: the one file that is found, the environment and the flags.
///
/// # Errors
/// All problems at once, in the order they were written.
pub fn load(given: &Given) -> Result<Loaded, Problems> {
    match file::read(given)? {
        None => build(None, given),
        Some((path, text)) => build(Some((&path, &text)), given),
    }
}

/// Reads a configuration from a text, as if it stood in `openai-proxy.yaml`.
///
/// # Errors
/// All problems at once, in the order they were written.
pub fn parse(text: &str, environment: &BTreeMap<String, String>) -> Result<Loaded, Problems> {
    let given = Given { environment: environment.clone(), ..Given::default() };
    build(Some((Path::new("openai-proxy.yaml"), text)), &given)
}

fn build(file: Option<(&Path, &str)>, given: &Given) -> Result<Loaded, Problems> {
    let (environment, overrides) = (&given.environment, &given.overrides);
    let findings = Findings::default();
    let mut root = match file {
        Some((path, text)) => tree::read(text, &file::shown(path)).map_err(Problems)?,
        None => Node::empty(Place::outside("built in")),
    };
    if root.is_null() {
        root = Node::empty(root.place);
    }
    if !matches!(root.value, tree::Value::Map(_)) {
        let what = format!("The file holds {}, not a map of settings.", root.noun());
        let fix = Some("Begin with a line like `providers:`.".to_owned());
        return Err(Problems(vec![Problem { path: String::new(), place: Some(root.place), what, fix }]));
    }
    older::rewrite(&mut root, &findings);
    older::lengthen_providers(&mut root, &findings);
    environment::set_by_name(&mut root, environment, &findings);
    environment::set_by_flag(&mut root, overrides, &findings);
    environment::set_port(&mut root, environment);
    older::lengthen_providers(&mut root, &findings);
    let folder = file.and_then(|(path, _)| path.parent()).unwrap_or(Path::new(""));
    interpolate::fill(&mut root, "", &interpolate::Sources { environment, folder }, &findings);
    if let Some((path, _)) = file {
        file::note_open_keys(path, &root, &findings);
    }
    let search = search(&root);
    let discovered = discover(&mut root, search.is_some(), given, &findings);
    spread_defaults(&mut root);

    let source = match (file, discovered) {
        (Some((path, _)), _) => Source::File(path.to_owned()),
        (None, Discovered::Nothing) => Source::Nothing,
        (None, _) => Source::Environment,
    };
    let document = document::read(&root, &findings);
    let around = Around { environment, source, discovered: discovered != Discovered::No };
    let document_patience = document.search;
    let snapshot = resolve(document, &around, &findings);
    let (problems, notes) = findings.into_parts();
    match snapshot {
        Some(snapshot) if problems.is_empty() => {
            let patience = document_patience.unwrap_or(PATIENCE);
            Ok(Loaded { snapshot, notes, search: search.map(|()| patience) })
        }
        _ => Err(Problems(problems)),
    }
}

/// Whether the providers were found instead of written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Discovered {
    No,
    Some,
    /// Not even a key: only the provider inside.
    Nothing,
}

/// Adds the servers that were recognised and the providers the environment lets us find, when none is written or `discovery.enabled` is `always`.
fn discover(root: &mut Node, search: bool, given: &Given, findings: &Findings) -> Discovered {
    if !search {
        return Discovered::No;
    }
    let written = providers_written(root);
    let found = environment::discovered(root, given, findings);
    let real = !environment::is_built_in(&found);
    if !written {
        root.put("providers", found);
        return if real { Discovered::Some } else { Discovered::Nothing };
    }
    if let (true, Some(providers)) = (real, root.get("providers").cloned()) {
        root.put("providers", merge::over(&found, &providers));
    }
    Discovered::No
}

/// Whether what is not written is to be found: unless forbidden, when no provider is written.
fn search(root: &Node) -> Option<()> {
    let enabled = root.get("discovery").and_then(|section| section.get("enabled")).and_then(Node::scalar);
    match enabled.map_or("auto", |scalar| scalar.text.as_str()) {
        "never" => None,
        "always" => Some(()),
        _ => (!providers_written(root)).then_some(()),
    }
}

fn providers_written(root: &Node) -> bool {
    root.get("providers").is_some_and(|providers| !providers.is_null() && !is_empty_map(providers))
}

fn is_empty_map(node: &Node) -> bool {
    matches!(&node.value, tree::Value::Map(entries) if entries.iter().all(|entry| entry.key.starts_with("x-")))
}

/// Lays every provider over `provider_defaults`.
fn spread_defaults(root: &mut Node) {
    let Some(defaults) = root.get("provider_defaults").filter(|node| !node.entries().is_empty()).cloned()
    else {
        return;
    };
    let Some(Node { value: tree::Value::Map(providers), .. }) = root.get_mut("providers") else { return };
    for provider in providers.iter_mut().filter(|provider| !provider.key.starts_with("x-")) {
        provider.node = merge::over(&defaults, &provider.node);
    }
}
