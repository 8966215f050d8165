//! Names of fields: Google writes `camelCase`, and reads `snake_case` as well; where a list is wanted it reads a single object, too.
//!
//! Source: Protocol Buffers, "ProtoJSON Format"; the second is in Google's own examples.

use serde_json::{Map, Value};

use super::super::json::{Fields, wrong};
use crate::hub::Unreadable;

/// The fields of an object under their own names, however they were spelled. Those of objects within it stay as they are.
pub(super) fn fields(value: Value, at: impl Into<String>) -> Result<Fields, Unreadable> {
    let value = match value {
        Value::Object(map) => Value::Object(map.into_iter().map(|(name, it)| (camel(name), it)).collect()),
        other => other,
    };
    Fields::of(value, at)
}

fn camel(name: String) -> String {
    if !name.contains('_') {
        return name;
    }
    let mut out = String::with_capacity(name.len());
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match letters.peek() {
            // An underscore in front is part of the name (`_responseJsonSchema`).
            Some(next) if letter == '_' && !out.is_empty() && next.is_ascii_alphanumeric() => {
                out.push(next.to_ascii_uppercase());
                letters.next();
            }
            _ => out.push(letter),
        }
    }
    out
}

/// An object as fields of its own; without it, none.
pub(super) fn within(fields: &mut Fields, name: &str) -> Result<Fields, Unreadable> {
    let at = fields.path(name);
    self::fields(Value::Object(fields.object(name)?.unwrap_or_default()), at)
}

/// A list, or the single object that stands for it.
pub(super) fn several(fields: &mut Fields, name: &str) -> Result<Vec<Value>, Unreadable> {
    match fields.any(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(one @ Value::Object(_)) => Ok(vec![one]),
        Some(other) => Err(wrong(&fields.path(name), "an array", &other)),
    }
}

/// Keeps what nobody took, under its path (`generationConfig.speechConfig`).
pub(super) fn keep(fields: Fields, rest: &mut Map<String, Value>) {
    let at = fields.path("");
    rest.extend(fields.rest().into_iter().map(|(name, value)| (format!("{at}{name}"), value)));
}
