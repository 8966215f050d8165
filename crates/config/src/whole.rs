//! The layers as one tree: merged, filled in, and with the providers that were found.

use std::path::Path;

use crate::given::Given;
use crate::layer::environment;
use crate::layer::stack::{Spoken, Stack, merged};
use crate::origin::Layer;
use crate::tree::{Entry, Node, Value};
use crate::{interpolate, merge};

/// All that was said, in one tree, each provider laid over `provider_defaults`.
pub(crate) struct Whole {
    pub(crate) root: Node,
    pub(crate) discovered: Discovered,
    /// This computer may be searched for servers.
    pub(crate) search: bool,
}

/// Whether the providers were found instead of written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Discovered {
    No,
    Some,
    /// Not even a key: only the provider inside.
    Nothing,
}

/// Merges the layers. What was found joins them as a layer.
pub(crate) fn whole(stack: &mut Stack, given: &Given) -> Whole {
    let mut root = merged(&stack.layers);
    let folder = stack.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let sources = interpolate::Sources { environment: &stack.environment, folder, sealed: &given.sealed };
    interpolate::fill(&mut root, "", &sources, &stack.findings);
    let search = search(&root);
    let discovered = if search { discover(&mut root, stack, given) } else { Discovered::No };
    spread_defaults(&mut root);
    merge::prune(&mut root);
    Whole { root, discovered, search }
}

/// Adds what was found, as a layer of its own and to the tree.
fn discover(root: &mut Node, stack: &mut Stack, given: &Given) -> Discovered {
    let written = providers_written(root);
    let found = environment::discovered(root, given, &stack.findings);
    let real = !environment::is_built_in(&found);
    let discovered = match (written, real) {
        (true, _) => Discovered::No,
        (false, true) => Discovered::Some,
        (false, false) => Discovered::Nothing,
    };
    if real || !written {
        lay_under(root, &found);
        let layer = if real { Layer::Discovered } else { Layer::BuiltIn };
        let mut below = Node::empty(found.place.clone());
        below.put("providers", found);
        let above = stack.layers.iter().position(|spoken| spoken.layer > layer).unwrap_or(0);
        stack.layers.insert(above, Spoken { layer, root: below });
    }
    discovered
}

/// Adds the providers that were found: below and behind those that are written.
fn lay_under(root: &mut Node, found: &Node) {
    let written = root.get("providers").filter(|node| matches!(node.value, Value::Map(_)));
    let mut providers = written.cloned().unwrap_or_else(|| Node::empty(found.place.clone()));
    for entry in found.entries() {
        let node = match providers.get(&entry.key) {
            Some(own) => merge::over(&entry.node, own),
            None => entry.node.clone(),
        };
        providers.put(&entry.key, node);
    }
    root.put("providers", providers);
}

/// Whether what is not written is to be found: unless forbidden, when no provider is written.
fn search(root: &Node) -> bool {
    let enabled = root.get("discovery").and_then(|section| section.get("enabled")).and_then(Node::scalar);
    match enabled.map_or("auto", |scalar| scalar.text.as_str()) {
        "never" => false,
        "always" => true,
        _ => !providers_written(root),
    }
}

fn providers_written(root: &Node) -> bool {
    root.get("providers").is_some_and(|providers| !providers.is_null() && !is_empty_map(providers))
}

fn is_empty_map(node: &Node) -> bool {
    let empty = |entry: &Entry| entry.key.starts_with("x-") || entry.node.is_removed();
    matches!(&node.value, Value::Map(entries) if entries.iter().all(empty))
}

/// Lays every provider over `provider_defaults`.
fn spread_defaults(root: &mut Node) {
    let Some(defaults) = root.get("provider_defaults").filter(|node| !node.entries().is_empty()).cloned()
    else {
        return;
    };
    let Some(Node { value: Value::Map(providers), .. }) = root.get_mut("providers") else { return };
    for provider in providers.iter_mut().filter(|provider| !provider.key.starts_with("x-")) {
        provider.node = merge::over(&defaults, &provider.node);
    }
}
