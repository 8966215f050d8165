//! YAML as it was written: a tree that keeps order, places and whether a scalar was quoted.
//!
//! Ours and not a library's value type, because every problem must name its line, a quoted `"null"` is not nothing,
//! and a secret must be filled in after parsing, where it can no longer change the structure.

mod build;
#[cfg(test)]
mod tests;

pub(crate) use build::read;

use crate::problem::Place;

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
    /// Takes the place of what weaker layers say instead of being laid over it.
    pub(crate) alone: bool,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text, and what we must remember of how it came about.
#[derive(Clone, Default, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written in quotes or as a block: never null.
    pub(crate) quoted: bool,
    /// From the environment or a flag: `${...}` in it means nothing.
    pub(crate) literal: bool,
    /// The variables and files its text was filled in from.
    pub(crate) filled_from: Vec<String>,
    /// How it was written before it was filled in, if it was.
    pub(crate) as_written: Option<String>,
    /// A null that takes away what a weaker layer says.
    pub(crate) removed: bool,
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Entry {
    /// An entry that stands where its value stands.
    pub(crate) fn new(key: &str, node: Node) -> Self {
        Self { key: key.to_owned(), place: node.place.clone(), node }
    }
}

impl Node {
    /// A value that stands there.
    pub(crate) fn new(value: Value, place: Place) -> Self {
        Self { value, place, alone: false }
    }

    /// An empty mapping.
    pub(crate) fn empty(place: Place) -> Self {
        Self::new(Value::Map(Vec::new()), place)
    }

    /// A text that came from outside the file.
    pub(crate) fn literal(text: &str, place: Place) -> Self {
        let scalar = Scalar { text: text.to_owned(), literal: true, ..Scalar::default() };
        Self::new(Value::Scalar(scalar), place)
    }

    /// Says of the whole subtree that it came from outside: one place, and nothing in it is filled in.
    pub(crate) fn make_literal(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::Scalar(scalar) => scalar.literal = true,
            Value::List(items) => items.iter_mut().for_each(|item| item.make_literal(place)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| {
                entry.place = place.clone();
                entry.node.make_literal(place);
            }),
        }
    }

    /// Says of the whole subtree that it stands there.
    pub(crate) fn stand_at(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.stand_at(place)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| {
                entry.place = place.clone();
                entry.node.stand_at(place);
            }),
        }
    }

    /// Nothing was written: `key:`, `key: ~`, `key: null`.
    pub(crate) fn is_null(&self) -> bool {
        let Value::Scalar(scalar) = &self.value else { return false };
        let plain = !scalar.quoted && scalar.filled_from.is_empty();
        plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// The same null, that takes away what a weaker layer says.
    pub(crate) fn removed(&self) -> Self {
        let scalar = Scalar { removed: true, ..Scalar::default() };
        Self::new(Value::Scalar(scalar), self.place.clone())
    }

    /// Whether a stronger layer took it away.
    pub(crate) fn is_removed(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.removed)
    }

    /// The scalar, if it is one.
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The value under a key, to change.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
            }
            _ => None,
        }
    }

    /// Takes a key out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Entry> {
        let Value::Map(entries) = &mut self.value else { return None };
        let index = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(index))
    }

    /// Puts a value under a key, in the place of an older one. Whatever else the node was becomes a mapping.
    pub(crate) fn put(&mut self, key: &str, node: Node) {
        if let Some(old) = self.get_mut(key) {
            *old = node;
            return;
        }
        let mut entries = match std::mem::replace(&mut self.value, Value::List(Vec::new())) {
            Value::Map(entries) => entries,
            _ => Vec::new(),
        };
        entries.push(Entry::new(key, node));
        self.value = Value::Map(entries);
    }

    /// What it is called in a message.
    pub(crate) fn noun(&self) -> &'static str {
        match self.value {
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// How many nodes it has, itself among them, and how deep they stand.
    pub(crate) fn extent(&self) -> (usize, usize) {
        let inner: Vec<(usize, usize)> = match &self.value {
            Value::Scalar(_) => Vec::new(),
            Value::List(items) => items.iter().map(Node::extent).collect(),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.extent()).collect(),
        };
        let nodes = inner.iter().map(|(nodes, _)| nodes).sum::<usize>();
        let depth = inner.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        (nodes + 1, depth + 1)
    }
}
