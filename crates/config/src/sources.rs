//! Who said what: every setting with all layers that spoke about it.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value as Json;

use crate::given::{Given, Stored};
use crate::layer::environment;
use crate::layer::stack::{self, Spoken, Stack};
use crate::origin::{Layer, Leaf, Origin, Said, Sources};
use crate::problem::{Place, Problems};
use crate::reader::Findings;
use crate::tree::{Node, Value};
use crate::whole::whole;
use crate::{hide, interpolate, merge, usual};

/// Every setting and who spoke about it. What is wrong with a value is not asked here.
///
/// # Errors
/// When a file cannot be read, or is no YAML.
pub fn sources(given: &Given) -> Result<Sources, Problems> {
    let mut stack = stack::read(given)?;
    let root = whole(&mut stack, given).root;
    Ok(of(&stack, &root, given))
}

/// The configuration as it counts, in its long form: defaults filled in, secrets hidden.
///
/// # Errors
/// When a file cannot be read, or is no YAML.
pub fn effective(given: &Given) -> Result<Json, Problems> {
    let mut stack = stack::read(given)?;
    let root = whole(&mut stack, given).root;
    let (homes, keys) = environment::of_vendors(&root, &stack.environment);
    let below = merge::over(&merge::over(&defaults(&root), &homes), &keys);
    Ok(hide::shown(&merge::over(&below, &root)))
}

fn defaults(root: &Node) -> Node {
    let providers = root.get("providers").map(Node::entries).unwrap_or_default();
    usual::defaults(providers.iter().map(|entry| entry.key.as_str()).filter(|key| !key.starts_with("x-")))
}

/// A layer as it bears on one tree.
struct Voice {
    layer: Layer,
    root: Node,
    /// It speaks of all providers at once.
    through: bool,
}

/// The settings of what was read; `root` is what the layers come to.
pub(crate) fn of(stack: &Stack, root: &Node, given: &Given) -> Sources {
    let (homes, keys) = environment::of_vendors(root, &stack.environment);
    let weakest = [(Layer::BuiltIn, defaults(root)), (Layer::BuiltIn, homes), (Layer::Usual, keys)];
    let mut voices: Vec<Voice> =
        weakest.into_iter().map(|(layer, root)| Voice { layer, root, through: false }).collect();
    voices.extend(stack.layers.iter().filter_map(|spoken| for_all_providers(spoken, root)));
    voices.extend(stack.layers.iter().map(|spoken| Voice {
        layer: spoken.layer,
        root: spoken.root.clone(),
        through: false,
    }));
    let folder = stack.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let filling = interpolate::Sources { environment: &stack.environment, folder, sealed: &given.sealed };
    let leaf = |words: &[&str]| {
        let said = said(&voices, words).into_iter().map(|(voice, node)| {
            let mut node = node.clone();
            // Told when the configuration is loaded; here it only counts who spoke.
            interpolate::fill(&mut node, "", &filling, &Findings::default());
            say(voice, words, &node, &given.stored)
        });
        Leaf { path: words.join("."), said: said.collect() }
    };
    let all = voices
        .iter()
        .fold(Node::empty(Place::outside("built in")), |below, voice| merge::over(&below, &voice.root));
    let mut leaves = Vec::new();
    each_leaf(&all, &mut Vec::new(), &mut |words| leaves.push(leaf(words)));
    Sources { leaves }
}

/// What a layer's `provider_defaults` say, as if it said so of every provider.
fn for_all_providers(spoken: &Spoken, root: &Node) -> Option<Voice> {
    let defaults = spoken.root.get("provider_defaults").filter(|node| !node.entries().is_empty())?;
    let mut providers = Node::empty(defaults.place.clone());
    for entry in root.get("providers").map(Node::entries).unwrap_or_default() {
        if !entry.key.starts_with("x-") {
            providers.put(&entry.key, defaults.clone());
        }
    }
    let mut root = Node::empty(defaults.place.clone());
    root.put("providers", providers);
    Some(Voice { layer: spoken.layer, root, through: true })
}

/// Calls `seen` with the path of every value that is no map, and of every empty map.
fn each_leaf<'t>(node: &'t Node, words: &mut Vec<&'t str>, seen: &mut impl FnMut(&[&'t str])) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
                words.push(&entry.key);
                each_leaf(&entry.node, words, seen);
                words.pop();
            }
        }
        _ => seen(words),
    }
}

/// Everybody who spoke about a path, weakest first: who says something there, and who says something above it that
/// leaves no room for it.
fn said<'v>(voices: &'v [Voice], words: &[&str]) -> Vec<(&'v Voice, &'v Node)> {
    voices.iter().filter_map(|voice| Some((voice, spoken_at(&voice.root, words)?))).collect()
}

fn spoken_at<'t>(root: &'t Node, words: &[&str]) -> Option<&'t Node> {
    let mut node = root;
    for word in words {
        match &node.value {
            Value::Map(_) => node = node.get(word)?,
            _ => return Some(node),
        }
    }
    Some(node)
}

fn say(voice: &Voice, words: &[&str], node: &Node, stored: &[Stored]) -> Said {
    let place = node.place.clone();
    let row = stored.iter().rev().find(|one| one.layer == voice.layer && *one.place == *place.file);
    let (author, time) = (row.and_then(|row| row.author.clone()), row.and_then(|row| row.time));
    let origin = Origin { layer: voice.layer, place, author, time };
    let value = match hide::at(words, node) {
        Json::Null => None,
        value => Some(hide::line(&value)),
    };
    let rest = words.get(2..).unwrap_or_default().join(".");
    let through = voice.through.then(|| format!("provider_defaults.{rest}"));
    Said { origin, value, through }
}
