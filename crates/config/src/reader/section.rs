//! A mapping whose keys are settings: each is asked for by name, and what its table does not have is a mistake.
//!
//! What is not in use yet is checked by the table alone, so that a mistake in it is told today and not on the day it comes
//! into use.

use super::table::{Kind, Row, Shape, Table};
use super::{At, Written};
use crate::nearest::{instead, nearest};
use crate::problem::{Wrong, wrong};
use crate::tree::Value;

/// A mapping of settings while it is read.
pub(crate) struct Section<'t> {
    at: At<'t>,
    table: &'static Table,
}

impl<'t> Section<'t> {
    /// Opens a mapping. Anything else is a problem, except null, which is an empty one.
    pub(crate) fn open(at: At<'t>, table: &'static Table) -> Self {
        if !matches!(at.node.value, Value::Map(_)) && !at.node.is_null() {
            at.wrong_as(
                format!("takes a map of settings, not {}.", at.node.noun()),
                "Write `setting: value` lines.",
            );
        }
        Self { at, table }
    }

    /// The cursor on the mapping itself.
    pub(crate) fn here(&self) -> &At<'t> {
        &self.at
    }

    /// The value of a setting; none if it is not written or null.
    pub(crate) fn get(&self, key: &'static str) -> Option<At<'t>> {
        debug_assert!(
            self.table.row(key).is_some_and(|row| row.in_use),
            "{}: `{key}` is read and not in its table as in use",
            self.table.noun
        );
        let entry = self.at.node.entries().iter().find(|entry| entry.key == key)?;
        let path = if self.at.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at.path) };
        let at = At::entry(entry, path, self.at.findings);
        (!entry.node.is_null()).then_some(at)
    }

    /// The value of a setting that is a text, empty counting as not written.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.get(key)?.text().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The value of a setting, read by `meaning` and kept with its place. An empty text counts as not written.
    pub(crate) fn written<T>(
        &self,
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
    pub(crate) fn or<T>(&self, key: &'static str, read: impl Fn(&At<'t>) -> Option<T>, default: T) -> T {
        self.get(key).and_then(|at| read(&at)).unwrap_or(default)
    }

    /// A section inside this one.
    pub(crate) fn section(&self, key: &'static str, table: &'static Table) -> Option<Section<'t>> {
        self.get(key).map(|at| Section::open(at, table))
    }

    /// A setting that is known and must not be passed over: checked, and refused by the caller.
    pub(crate) fn refused(&self, key: &'static str) -> Option<At<'t>> {
        let at = self.get(key)?;
        if let Some(row) = self.table.row(key) {
            check(&at, &row.shape);
        }
        Some(at)
    }

    /// Ends the reading: what is not in use yet is checked and noted; every key the table does not have is a problem, with
    /// the nearest known one.
    pub(crate) fn close(self) {
        self.each(|at, row| {
            if !row.in_use {
                check(at, &row.shape);
                at.later();
            }
        });
    }

    /// Only checks, without a word on what is not in use.
    fn check(self) {
        self.each(|at, row| check(at, &row.shape));
    }

    fn each(&self, seen: impl Fn(&At<'t>, &'static Row)) {
        for entry in self.at.node.entries() {
            let key = entry.key.as_str();
            let path =
                if self.at.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at.path) };
            match self.table.row(key) {
                Some(row) if !entry.node.is_null() => seen(&At::entry(entry, path, self.at.findings), row),
                Some(_) => {}
                None if key.starts_with("x-") => {}
                None => self.unknown(key, &path, &entry.place),
            }
        }
    }

    fn unknown(&self, key: &str, path: &str, place: &crate::problem::Place) {
        let fix = match nearest(key, self.table.rows.iter().map(|row| row.key)) {
            Some(near) => format!("Did you mean `{near}`?"),
            None => "Remove it; keys that start with `x-` are free.".to_owned(),
        };
        let what = format!("`{key}` is not a setting of {}.", self.table.noun);
        self.at.findings.problem(path, Some(place), what, Some(fix));
    }
}

/// Collects what is wrong with a value of this shape.
fn check(at: &At<'_>, shape: &Shape) {
    if at.node.is_null() {
        return;
    }
    match shape {
        Shape::Anything => {}
        Shape::Text | Shape::Secret => _ = at.text(),
        Shape::Address => _ = at.parse(address),
        Shape::Switch => _ = at.switch(),
        Shape::Whole(least) => _ = at.number(*least),
        Shape::Value(form) | Shape::Sealed(form) => _ = at.parse(form.read),
        Shape::Choice(words) => _ = at.parse(|text| among(text, words)),
        Shape::Or(words, otherwise) => word_or(at, words, otherwise),
        Shape::List(inner) => at.list().iter().for_each(|item| check(item, inner)),
        Shape::Names(inner) => at.named().iter().for_each(|(_, at)| check(at, inner)),
        Shape::Section(table) => Section::open(at.clone(), table).check(),
        Shape::OneOf(shapes) => {
            let fitting = shapes.iter().find(|shape| fits(&at.node.value, shape)).or_else(|| shapes.first());
            if let Some(shape) = fitting {
                check(at, shape);
            }
        }
        Shape::Name(kind) => name(at, *kind),
    }
}

/// One of a few words, or something else; what is neither is told with both.
fn word_or(at: &At<'_>, words: &[&str], otherwise: &Shape) {
    let Some(text) = at.node.scalar().map(|scalar| scalar.text.trim()) else { return check(at, otherwise) };
    if among(text, words).is_ok() {
        return;
    }
    let is_word = text.chars().all(char::is_alphabetic);
    match otherwise {
        _ if nearest(text, words.iter().copied()).is_some() => _ = at.parse(|text| nearly(text, words)),
        Shape::Value(form) => {
            _ = at.parse(|text| (form.read)(text).map_err(|wrong| wrong.or_write(&words.join(", "))));
        }
        _ if is_word => _ = at.parse(|text| nearly(text, words)),
        _ => check(at, otherwise),
    }
}

/// Remembers that a name is used, to be looked for when all names are known.
fn name(at: &At<'_>, kind: Kind) {
    if let Some(text) = at.text() {
        at.findings.used(kind, at.written(text));
    }
}

/// Whether a value is written in the way of this shape.
fn fits(value: &Value, shape: &Shape) -> bool {
    match value {
        Value::Map(_) => matches!(shape, Shape::Section(_) | Shape::Names(_) | Shape::Anything),
        Value::List(_) => matches!(shape, Shape::List(_) | Shape::Anything),
        Value::Scalar(_) => !matches!(shape, Shape::Section(_) | Shape::Names(_)),
    }
}

fn among(text: &str, words: &[&str]) -> Result<(), Wrong> {
    let off = words.contains(&"off") && matches!(text.to_ascii_lowercase().as_str(), "false" | "no");
    if off || words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(());
    }
    nearly(text, words)
}

fn nearly(text: &str, words: &[&str]) -> Result<(), Wrong> {
    Err(Wrong { what: format!("cannot be `{text}`."), fix: instead(text, words) })
}

/// Anything with a scheme; an empty text is none.
fn address(text: &str) -> Result<(), Wrong> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if text.is_empty() || scheme.is_some_and(|scheme| !scheme.is_empty() && !text.contains(' ')) {
        return Ok(());
    }
    wrong("is not an address.", "Write it with its scheme, like https://host/path.")
}
