//! Settings put into a file of another program: what else is in it stays, comments too, or the file is left alone.

mod json;
mod lines;
mod toml;
mod yaml;

use serde_json::{Map, Value};

pub(super) use toml::line as toml_line;

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// JSON, with comments and commas at ends if it has them.
    Json,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
    /// `NAME=value`, a line each.
    Lines,
}

impl Format {
    /// What a remark begins with.
    pub(super) fn remark(self) -> &'static str {
        if self == Self::Json { "//" } else { "#" }
    }
}

/// One value put into a file.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Change {
    path: Vec<Step>,
    value: Value,
    /// What is there already stays.
    keep: bool,
}

/// One step of the way to a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A member of an object.
    Key(String),
    /// The item of a list whose member of that name says this; a new one comes first.
    Item(&'static str, String),
}

impl Step {
    /// A member of an object.
    pub(crate) fn key(name: &str) -> Self {
        Self::Key(name.to_owned())
    }

    /// The name of a member.
    fn as_key(&self) -> Option<&str> {
        match self {
            Self::Key(name) => Some(name),
            Self::Item(..) => None,
        }
    }

    /// The item of a list whose member `name` says `says`.
    pub(crate) fn item(name: &'static str, says: &str) -> Self {
        Self::Item(name, says.to_owned())
    }
}

impl Change {
    /// Sets what stands below these keys.
    pub(crate) fn set(keys: &[&str], value: impl Into<Value>) -> Self {
        Self::at(keys.iter().copied().map(Step::key).collect(), value)
    }

    /// Sets it if nothing is there.
    pub(crate) fn unless_set(keys: &[&str], value: impl Into<Value>) -> Self {
        Self { keep: true, ..Self::set(keys, value) }
    }

    /// Sets what stands at the end of this way.
    pub(crate) fn at(path: Vec<Step>, value: impl Into<Value>) -> Self {
        Self { path, value: value.into(), keep: false }
    }

    /// The keys only, for formats that have no lists worth editing.
    fn keys(&self) -> Option<Vec<&str>> {
        self.path.iter().map(Step::as_key).collect()
    }

    /// Puts it into a document in memory.
    fn put(&self, document: &mut Value) -> Result<(), String> {
        let mut place = document;
        for step in &self.path {
            place = match step {
                Step::Key(name) => {
                    if place.is_null() {
                        *place = Value::Object(Map::new());
                    }
                    place
                        .as_object_mut()
                        .ok_or_else(|| no_object(name))?
                        .entry(name.clone())
                        .or_insert(Value::Null)
                }
                Step::Item(name, says) => {
                    if place.is_null() {
                        *place = Value::Array(Vec::new());
                    }
                    let list = place.as_array_mut().ok_or_else(|| no_list(name))?;
                    let at = list.iter().position(|item| item[*name] == says.as_str());
                    let at = at.unwrap_or_else(|| {
                        list.insert(0, Value::Null);
                        0
                    });
                    &mut list[at]
                }
            };
        }
        if place.is_null() || !self.keep {
            *place = self.value.clone();
        }
        Ok(())
    }
}

fn no_object(name: &str) -> String {
    format!("something else than a group of settings stands where `{name}` belongs")
}

fn no_list(name: &str) -> String {
    format!("something else than a list stands where the entry with this `{name}` belongs")
}

/// The text with the changes in it.
///
/// # Errors
/// Why it cannot be edited without losing something.
pub(super) fn apply(format: Format, old: &str, changes: &[Change]) -> Result<String, String> {
    let edit = match format {
        Format::Json => return json::apply(old, changes),
        Format::Toml => toml::apply,
        Format::Yaml => yaml::apply,
        Format::Lines => lines::apply,
    };
    if !old.contains('\r') {
        return edit(old, changes);
    }
    let plain = old.replace("\r\n", "\n");
    if plain.contains('\r') || plain.replace('\n', "\r\n") != old {
        return Err("its lines end in more than one way".to_owned());
    }
    edit(&plain, changes).map(|text| text.replace('\n', "\r\n"))
}

/// The changes as one line of JSON.
pub(super) fn json_line(changes: &[Change]) -> String {
    let mut document = Value::Null;
    for change in changes {
        // Nothing is there that could be in the way.
        let _ = change.put(&mut document);
    }
    document.to_string()
}

#[cfg(test)]
mod tests;
