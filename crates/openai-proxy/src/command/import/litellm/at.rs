//! A value of theirs, and where it stands.

use config::Plain;
use serde_json::Value as Json;

use crate::report::Spot;

/// One file that was read.
pub(super) struct File {
    pub(super) name: String,
    pub(super) plain: Plain,
}

/// A cursor on a value.
#[derive(Clone)]
pub(super) struct At<'f> {
    file: &'f File,
    value: &'f Json,
    pointer: String,
    /// Its own key.
    pub(super) key: &'f str,
}

impl<'f> At<'f> {
    pub(super) fn top(file: &'f File) -> Self {
        Self { file, value: &file.plain.value, pointer: String::new(), key: "" }
    }

    fn below(&self, key: &'f str, value: &'f Json) -> Self {
        let pointer = format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1"));
        Self { file: self.file, value, pointer, key }
    }

    pub(super) fn spot(&self) -> Spot {
        Spot { file: self.file.name.clone(), line: self.file.plain.line(&self.pointer) }
    }

    /// The value under a key that says something.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let (key, value) = self.value.as_object()?.get_key_value(key)?;
        (!value.is_null()).then(|| self.below(key, value))
    }

    /// Its members that say something.
    pub(super) fn members(&self) -> Vec<Self> {
        let members = self.value.as_object().into_iter().flatten();
        members.filter(|(_, value)| !value.is_null()).map(|(key, value)| self.below(key, value)).collect()
    }

    /// Its items; a single value is a list of one.
    pub(super) fn items(&self) -> Vec<Self> {
        let Json::Array(items) = self.value else { return vec![self.clone()] };
        let item = |(index, value)| {
            let pointer = format!("{}/{index}", self.pointer);
            Self { file: self.file, value, pointer, key: self.key }
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The value itself.
    pub(super) fn json(&self) -> &'f Json {
        self.value
    }

    /// A single value as it is written.
    pub(super) fn text(&self) -> Option<String> {
        match self.value {
            Json::String(text) => Some(text.trim().to_owned()),
            Json::Number(number) => Some(number.to_string()),
            Json::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// A number, be it in quotes or in powers of ten.
    pub(super) fn number(&self) -> Option<f64> {
        self.text()?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
    }

    /// A price of one token: beyond this somebody meant something else.
    pub(super) fn price(&self) -> Option<f64> {
        self.number().filter(|price| *price <= 1000.0)
    }

    /// Seconds that say something, up to a year, in our words.
    pub(super) fn clock(&self) -> Option<String> {
        self.number().filter(|clock| *clock >= 0.001 && *clock <= 31_536_000.0).map(seconds)
    }

    /// A whole number.
    pub(super) fn whole(&self) -> Option<u64> {
        self.text()?.parse().ok()
    }

    /// A switch, as YAML and Python write it.
    pub(super) fn is_on(&self) -> bool {
        self.text()
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1"))
    }

    /// Texts of a list.
    pub(super) fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(Self::text).collect()
    }
}

/// `os.environ/NAME` as we write it; and `${NAME}`, which whoever rolls such a file out fills in.
pub(super) fn reference(text: &str) -> Option<String> {
    let rolled_out = || text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let name = text.strip_prefix("os.environ/").or_else(rolled_out)?;
    let proper = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(proper)).then(|| format!("${{{name}}}"))
}

/// A text of theirs in our file: a reference to a variable, or itself.
pub(super) fn ours(text: &str) -> String {
    reference(text).unwrap_or_else(|| text.to_owned())
}

/// Seconds in our words.
fn seconds(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number}s") } else { format!("{}ms", (number * 1000.0).round()) }
}
