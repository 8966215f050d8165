//! Layers over layers: maps merge key by key, everything else replaces, null deletes.

use crate::problem::Place;
use crate::tree::{Entry, Node, Value};

/// Lays `upper` over `lower`: what `upper` says wins, and its null marks as removed what `lower` says. What `lower` says
/// first stays first. A null that takes nothing away stays somebody's `name:` with nothing behind it. What stands alone
/// takes the place of everything below.
pub(crate) fn over(lower: &Node, upper: &Node) -> Node {
    let below = match (&lower.value, &upper.value) {
        (_, Value::Map(_)) if upper.alone => &[],
        (Value::Map(below), Value::Map(_)) => below.as_slice(),
        (_, Value::Map(_)) => &[],
        _ => return if upper.is_null() { upper.removed() } else { upper.clone() },
    };
    let mut entries = below.to_vec();
    for entry in upper.entries() {
        match entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => *known = Entry { node: over(&known.node, &entry.node), ..entry.clone() },
            None => entries.push(Entry { node: settled(&entry.node), ..entry.clone() }),
        }
    }
    Node::new(Value::Map(entries), upper.place.clone())
}

/// What has nothing below it: the same, and nothing in it stands alone any more.
fn settled(node: &Node) -> Node {
    match &node.value {
        Value::Map(_) => over(&Node::empty(node.place.clone()), node),
        _ => node.clone(),
    }
}

/// Leaves out what was removed.
pub(crate) fn prune(node: &mut Node) {
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|entry| !entry.node.is_removed());
        entries.iter_mut().for_each(|entry| prune(&mut entry.node));
    }
}

/// Sets one leaf, by the words of its path. Maps on the way are made.
pub(crate) fn set(root: &mut Node, words: &[impl AsRef<str>], node: Node, place: &Place) {
    let Some((key, rest)) = words.split_first() else { return };
    let key = key.as_ref();
    if rest.is_empty() {
        root.put(key, node);
        return;
    }
    if !root.get(key).is_some_and(|inner| matches!(inner.value, Value::Map(_))) {
        root.put(key, Node::empty(place.clone()));
    }
    if let Some(inner) = root.get_mut(key) {
        set(inner, rest, node, place);
    }
}

/// The words of a path as they are spelled in `root`. Variables can say neither capitals apart nor dashes and dots:
/// `MY_PLACE` is `my-place` when that stands there.
pub(crate) fn spelled(root: &Node, words: &[&str]) -> Vec<String> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    let mut here = Some(root);
    let mut out = Vec::new();
    for word in words {
        let keys = || here.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.as_str());
        let found = keys().find(|key| key == word).or_else(|| keys().find(|key| plain(key) == plain(word)));
        let key = found.unwrap_or(word).to_owned();
        here = here.and_then(|node| node.get(&key));
        out.push(key);
    }
    out
}

/// The words of a dotted path. A key that stands in `root` may hold dots itself: the longest that fits is one word.
pub(crate) fn dotted<'p>(root: &Node, path: &'p str) -> Vec<&'p str> {
    let mut here = Some(root);
    let mut rest = path;
    let mut words = Vec::new();
    loop {
        let fits =
            |key: &&str| rest.strip_prefix(*key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let keys = here.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.as_str());
        let longest = keys.filter(fits).map(str::len).max();
        let ends = longest.or_else(|| rest.find('.')).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(ends);
        here = here.and_then(|node| node.get(word));
        words.push(word);
        match behind.strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return words,
        }
    }
}
