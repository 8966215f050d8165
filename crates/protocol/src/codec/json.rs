//! Taking a JSON object apart field by field, so that what nobody took is known.

use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::hub::Unreadable;

/// The fields of an object that nobody has taken yet, and where the object stands in the body.
#[derive(Debug, Default)]
pub(super) struct Fields {
    at: String,
    map: Map<String, Value>,
}

/// Reads a body as one object.
pub(super) fn body(bytes: &[u8]) -> Result<Fields, Unreadable> {
    let value = serde_json::from_slice(bytes)
        .map_err(|error| Unreadable::new(format!("The body is not valid JSON: {error}.")))?;
    Fields::of(value, "")
}

impl Fields {
    /// The fields of a value that must be an object.
    pub(super) fn of(value: Value, at: impl Into<String>) -> Result<Self, Unreadable> {
        let at = at.into();
        match value {
            Value::Object(map) => Ok(Self { at, map }),
            other => Err(wrong(&at, "an object", &other)),
        }
    }

    /// The path of a field.
    pub(super) fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// Takes a field, whatever it is; `null` is as good as none.
    pub(super) fn any(&mut self, name: &str) -> Option<Value> {
        // `null` stays in its place: moving up all that follow costs more.
        self.map.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }

    /// Whether a field is there, and not `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether everything was taken; a field that is `null` is as good as none.
    pub(super) fn is_empty(&self) -> bool {
        self.map.values().all(Value::is_null)
    }

    /// Looks at a text without taking it.
    pub(super) fn peek(&self, name: &str) -> Option<&str> {
        self.map.get(name)?.as_str()
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        self.kind(
            name,
            "a string",
            |value| if let Value::String(text) = value { Ok(text) } else { Err(value) },
        )
    }

    pub(super) fn need(&mut self, name: &str) -> Result<String, Unreadable> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Unreadable> {
        self.kind(name, "true or false", |value| value.as_bool().ok_or(value))
    }

    pub(super) fn whole(&mut self, name: &str) -> Result<Option<u64>, Unreadable> {
        self.kind(name, "a whole number", |value| count(&value).ok_or(value))
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<Number>, Unreadable> {
        self.kind(
            name,
            "a number",
            |value| if let Value::Number(number) = value { Ok(number) } else { Err(value) },
        )
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Unreadable> {
        self.kind(
            name,
            "an array",
            |value| if let Value::Array(list) = value { Ok(list) } else { Err(value) },
        )
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Unreadable> {
        self.kind(
            name,
            "an object",
            |value| if let Value::Object(map) = value { Ok(map) } else { Err(value) },
        )
    }

    /// An object as fields of its own; without it, none.
    pub(super) fn within(&mut self, name: &str) -> Result<Self, Unreadable> {
        let at = self.path(name);
        Ok(Self { map: self.object(name)?.unwrap_or_default(), at })
    }

    /// The error for a field that must be there.
    pub(super) fn missing(&self, name: &str) -> Unreadable {
        Unreadable::at(self.path(name), "This field is required.")
    }

    /// What nobody took; a field that is `null` says nothing.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.map.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    fn kind<T>(
        &mut self,
        name: &str,
        what: &str,
        as_kind: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Result<Option<T>, Unreadable> {
        match self.any(name).map(as_kind) {
            None => Ok(None),
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(other)) => Err(wrong(&self.path(name), what, &other)),
        }
    }
}

/// A whole number, not below zero; `7.0` is one.
pub(super) fn count(value: &Value) -> Option<u64> {
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..9e15).contains(number);
    value.as_u64().or_else(|| value.as_f64().filter(whole).map(rounded))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number within the bounds that were asked for"
)]
fn rounded(number: f64) -> u64 {
    number as u64
}

/// The error for a value of the wrong kind.
pub(super) fn wrong(at: &str, what: &str, found: &Value) -> Unreadable {
    let kind = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let say = format!("This must be {what}, and is {kind}.");
    if at.is_empty() { Unreadable::new(say) } else { Unreadable::at(at, say) }
}

/// An object under construction, in the order things are put in.
#[derive(Debug, Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Puts it in if it is there.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    /// Puts it in unless it is empty.
    pub(super) fn list(&mut self, name: &str, list: Vec<impl Into<Value>>) -> &mut Self {
        if !list.is_empty() {
            self.put(name, list.into_iter().map(Into::into).collect::<Vec<Value>>());
        }
        self
    }

    /// What was put in by that name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn done(self) -> Value {
        Value::Object(self.0)
    }

    /// Itself, unless it is empty.
    pub(super) fn unless_empty(self) -> Option<Value> {
        (!self.is_empty()).then(|| self.done())
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        bytes(&self.done())
    }
}

/// JSON as bytes.
pub(super) fn bytes(json: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, json);
    out
}

/// Writes JSON behind what is there: straight, as a formatter takes every piece through its hands, at twice the cost.
pub(super) fn append(out: &mut Vec<u8>, json: &impl Serialize) {
    let written = serde_json::to_writer(out, json);
    debug_assert!(written.is_ok(), "a vector takes all, and keys are texts: {written:?}");
}
