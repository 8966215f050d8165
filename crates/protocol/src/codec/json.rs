//! Taking a JSON object apart field by field, so that what nobody took is known.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
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

/// An object under construction, in the order things are put in. What stands in the request or answer it is made of is not copied.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// A value of an object under construction.
#[derive(Debug)]
pub(super) enum Json<'a> {
    Own(Value),
    Text(&'a str),
    Tree(&'a Value),
    List(Vec<Self>),
    Object(Object<'a>),
}

impl<'a> Object<'a> {
    pub(super) fn put(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Json<'a>>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => *before = value,
            None => self.0.push((name, value)),
        }
        self
    }

    /// Puts in fields of which no two have the same name: those of somebody's map. Each is looked for among what stood there before, and
    /// not among all the others, of which there may be a hundred thousand.
    pub(super) fn all<N: Into<Cow<'a, str>>, V: Into<Json<'a>>>(
        &mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> &mut Self {
        let before = self.0.len();
        for (name, value) in fields {
            let (name, value) = (name.into(), value.into());
            match self.0.iter_mut().take(before).find(|(known, _)| *known == name) {
                Some((_, before)) => *before = value,
                None => self.0.push((name, value)),
            }
        }
        self
    }

    /// Puts it in if it is there.
    pub(super) fn maybe(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        value: Option<impl Into<Json<'a>>>,
    ) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    /// Puts it in unless it is empty.
    pub(super) fn list(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        list: Vec<impl Into<Json<'a>>>,
    ) -> &mut Self {
        if !list.is_empty() {
            self.put(name, Json::List(list.into_iter().map(Into::into).collect()));
        }
        self
    }

    /// The text in a field of an object that was put in.
    pub(super) fn word(&self, object: &str, field: &str) -> Option<&str> {
        match self.find(object)? {
            Json::Object(object) => match object.find(field)? {
                Json::Text(text) => Some(text),
                Json::Own(value) => value.as_str(),
                _ => None,
            },
            Json::Own(value) => value.get(field)?.as_str(),
            Json::Tree(value) => value.get(field)?.as_str(),
            _ => None,
        }
    }

    fn find(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(super) fn done(self) -> Value {
        Json::Object(self).into()
    }

    /// Itself, unless it is empty.
    pub(super) fn unless_empty(self) -> Option<Self> {
        (!self.is_empty()).then_some(self)
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        bytes(&self)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(value) => value.serialize(to),
            Self::Text(text) => text.serialize(to),
            Self::Tree(tree) => tree.serialize(to),
            Self::List(list) => list.serialize(to),
            Self::Object(object) => object.serialize(to),
        }
    }
}

impl From<Json<'_>> for Value {
    fn from(json: Json<'_>) -> Self {
        match json {
            Json::Own(value) => value,
            Json::Text(text) => Self::from(text),
            Json::Tree(tree) => tree.clone(),
            Json::List(list) => list.into_iter().map(Self::from).collect(),
            Json::Object(Object(fields)) => {
                let own = |(name, value): (Cow<'_, str>, Json<'_>)| (name.into_owned(), value.into());
                Self::Object(fields.into_iter().map(own).collect())
            }
        }
    }
}

impl<'a> From<Object<'a>> for Json<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Cow<'a, str>> for Json<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Text(text),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl<'a> From<&'a String> for Json<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a Value> for Json<'a> {
    fn from(tree: &'a Value) -> Self {
        Self::Tree(tree)
    }
}

macro_rules! own {
    ($($kind:ty),*) => { $(impl From<$kind> for Json<'_> {
        fn from(value: $kind) -> Self {
            Self::Own(value.into())
        }
    })* };
}
own!(Value, String, bool, u64, usize, i32, i64, f64, Number, Map<String, Value>, Vec<Value>, Vec<String>, Vec<&str>);

/// JSON as bytes.
pub(super) fn bytes(json: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    append(&mut out, json);
    out
}

/// Writes JSON behind what is there: straight, as a formatter takes every piece through its hands, at twice the cost.
pub(super) fn append(out: &mut Vec<u8>, json: &impl Serialize) {
    let written = serde_json::to_writer(out, json);
    debug_assert!(written.is_ok(), "a vector takes all, and keys are texts: {written:?}");
}
