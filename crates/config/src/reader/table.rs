//! What settings there are: one table a section, beside the code that reads it.
//!
//! From these tables come the "did you mean", the checks of what is not in use yet, the defaults that `sources` names, what
//! is kept secret, and the JSON schema. A reader that asks for a key its table does not have stops every test.

use crate::problem::Wrong;

/// A section: what it is called in messages, and its settings.
pub(crate) struct Table {
    pub(crate) noun: &'static str,
    pub(crate) rows: &'static [Row],
}

impl Table {
    /// The row of a key.
    pub(crate) fn row(&self, key: &str) -> Option<&'static Row> {
        self.rows.iter().find(|row| row.key == key)
    }
}

/// One setting.
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) shape: Shape,
    /// What holds when nobody says anything, as one would write it.
    pub(crate) usual: Option<&'static str>,
    pub(crate) in_use: bool,
    /// What it means, for the schema.
    pub(crate) about: &'static str,
}

/// A setting in use.
pub(crate) const fn now(key: &'static str, shape: Shape, about: &'static str) -> Row {
    Row { key, shape, usual: None, in_use: true, about }
}

/// A setting that is known and checked, and from which nothing follows yet.
pub(crate) const fn later(key: &'static str, shape: Shape, about: &'static str) -> Row {
    Row { key, shape, usual: None, in_use: false, about }
}

impl Row {
    /// Its default.
    pub(crate) const fn usual(mut self, usual: &'static str) -> Self {
        self.usual = Some(usual);
        self
    }
}

/// What a setting holds.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Any single value.
    Text,
    /// A single value nobody is shown.
    Secret,
    /// A URL; logins and queries in it are not shown.
    Address,
    /// on or off.
    Switch,
    /// A whole number of at least this.
    Whole(i64),
    /// A single value with a form of its own.
    Value(&'static Form),
    /// The same, and nobody is shown it.
    Sealed(&'static Form),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words, or something else.
    Or(&'static [&'static str], &'static Shape),
    /// A list; a single value stands for a list of one.
    List(&'static Shape),
    /// A map of names.
    Names(&'static Shape),
    /// A map of settings.
    Section(&'static Table),
    /// Whichever of these fits the way it is written: a single value, a list or a map.
    OneOf(&'static [Shape]),
    /// The name of something that is configured elsewhere.
    Name(Kind),
    /// Not described yet; nobody is shown it.
    Anything,
}

/// A form single values have.
pub(crate) struct Form {
    /// What is wrong with a text, if anything.
    pub(crate) read: fn(&str) -> Result<(), Wrong>,
    /// The same for a JSON schema.
    pub(crate) pattern: &'static str,
}

/// What a name is the name of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Team,
    Model,
    /// A provider, or a model.
    Place,
}
