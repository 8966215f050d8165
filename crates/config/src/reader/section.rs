//! A mapping whose keys are settings: each is asked for by name, and what nobody asked for is a mistake.

use super::{At, Written};
use crate::nearest::nearest;
use crate::problem::Wrong;
use crate::tree::Value;

/// A mapping of settings while it is read.
pub(crate) struct Section<'t> {
    at: At<'t>,
    noun: &'static str,
    known: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// Opens a mapping. Anything else is a problem, except null, which is an empty one.
    pub(crate) fn open(at: At<'t>, noun: &'static str) -> Self {
        if !matches!(at.node.value, Value::Map(_)) && !at.node.is_null() {
            at.wrong_as(
                format!("takes a map of settings, not {}.", at.node.noun()),
                "Write `setting: value` lines.",
            );
        }
        Self { at, noun, known: Vec::new() }
    }

    /// The cursor on the mapping itself.
    pub(crate) fn here(&self) -> &At<'t> {
        &self.at
    }

    /// The value of a setting; none if it is not written or null.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<At<'t>> {
        self.known.push(key);
        let entry = self.at.node.entries().iter().find(|entry| entry.key == key)?;
        let path = if self.at.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at.path) };
        let at = At::entry(entry, path, self.at.findings);
        (!entry.node.is_null()).then_some(at)
    }

    /// The value of a setting that is a text, empty counting as not written.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.get(key)?.text().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The value of a setting, read by `meaning` and kept with its place. An empty text counts as not written.
    pub(crate) fn written<T>(
        &mut self,
        key: &'static str,
        meaning: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Written<T>> {
        let at = self.get(key)?;
        if at.node.scalar().is_some_and(|scalar| scalar.text.trim().is_empty()) {
            return None;
        }
        at.parse(meaning).map(|value| at.written(value))
    }

    /// A setting read by a method of the cursor, with its default.
    pub(crate) fn or<T>(&mut self, key: &'static str, read: impl Fn(&At<'t>) -> Option<T>, default: T) -> T {
        self.get(key).and_then(|at| read(&at)).unwrap_or(default)
    }

    /// A section inside this one.
    pub(crate) fn section(&mut self, key: &'static str, noun: &'static str) -> Option<Section<'t>> {
        self.get(key).map(|at| Section::open(at, noun))
    }

    /// Settings that are known and not in use yet: noted where they are written, whatever they hold.
    pub(crate) fn later(&mut self, keys: &[&'static str]) {
        for key in keys {
            if let Some(at) = self.get(key) {
                at.later();
            }
        }
    }

    /// Ends the reading: every key nobody asked for is a problem, with the nearest known one.
    pub(crate) fn close(self) {
        for entry in self.at.node.entries() {
            let key = entry.key.as_str();
            if self.known.contains(&key) || key.starts_with("x-") {
                continue;
            }
            let fix = match nearest(key, self.known.iter().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => "Remove it; keys that start with `x-` are free.".to_owned(),
            };
            let path =
                if self.at.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at.path) };
            let what = format!("`{key}` is not a setting of {}.", self.noun);
            self.at.findings.problem(&path, Some(&entry.place), what, Some(fix));
        }
    }
}
