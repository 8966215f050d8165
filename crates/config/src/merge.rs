//! Layers over layers: maps merge key by key, everything else replaces, null deletes.

use crate::problem::Place;
use crate::tree::{Node, Value};

/// Lays `upper` over `lower`: what `upper` says wins, what it says with null is gone.
pub(crate) fn over(lower: &Node, upper: &Node) -> Node {
    let (Value::Map(_), Value::Map(said)) = (&lower.value, &upper.value) else { return upper.clone() };
    let mut out = upper.clone();
    for entry in lower.entries() {
        match said.iter().find(|own| own.key == entry.key) {
            None => out.put(&entry.key, entry.node.clone()),
            Some(own) => out.put(&entry.key, over(&entry.node, &own.node)),
        }
    }
    out
}

/// Sets one leaf, by the words of its path. Maps on the way are made; a word finds a key in any of its spellings.
pub(crate) fn set(root: &mut Node, words: &[&str], node: Node, place: &Place) {
    let Some((word, rest)) = words.split_first() else { return };
    let key = spelled(root, word);
    if rest.is_empty() {
        root.put(&key, node);
        return;
    }
    if !root.get(&key).is_some_and(|inner| matches!(inner.value, Value::Map(_))) {
        root.put(&key, Node::empty(place.clone()));
    }
    if let Some(inner) = root.get_mut(&key) {
        set(inner, rest, node, place);
    }
}

/// The key as the file spells it. Variables can say neither capitals apart nor dashes and dots: `MY_PLACE` is
/// `my-place` when that stands in the file.
fn spelled(node: &Node, word: &str) -> String {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    let keys = || node.entries().iter().map(|entry| entry.key.as_str());
    let found = keys().find(|key| *key == word).or_else(|| keys().find(|key| plain(key) == plain(word)));
    found.unwrap_or(word).to_owned()
}
