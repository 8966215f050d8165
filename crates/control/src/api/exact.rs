//! JSON of any shape, read without a guess: a name given twice is refused, for programs differ on which one counts (D-19).

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value as Json};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Any JSON value.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Exact(pub(super) Json);

/// A JSON object of any members.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Open(pub(super) Map<String, Json>);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reading).map(Self)
    }
}

impl<'de> Deserialize<'de> for Open {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Exact::deserialize(from)? {
            Exact(Json::Object(members)) => Ok(Self(members)),
            Exact(_) => Err(D::Error::custom("it takes an object")),
        }
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("it takes a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(Exact(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Json::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut all = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let Exact(value) = members.next_value()?;
            if all.contains_key(&key) {
                return Err(A::Error::custom(format!("`{}` is given twice", super::ask::shown(&key))));
            }
            all.insert(key, value);
        }
        Ok(Json::Object(all))
    }
}

impl PartialSchema for Exact {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
    }
}

impl ToSchema for Exact {
    fn name() -> std::borrow::Cow<'static, str> {
        "Anything".into()
    }
}

impl PartialSchema for Open {
    fn schema() -> RefOr<Schema> {
        let any = ObjectBuilder::new().schema_type(Type::Object);
        any.additional_properties(Some(AdditionalProperties::FreeForm(true))).into()
    }
}

impl ToSchema for Open {
    fn name() -> std::borrow::Cow<'static, str> {
        "Object".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_once_is_read_as_it_is_and_what_is_said_twice_is_refused() {
        let text = r#"{"b":[1,-2,2.5,null,true,"x"],"a":{"c":{}}}"#;
        let Ok(Exact(value)) = serde_json::from_str(text) else { panic!("it is JSON") };
        assert_eq!(value.to_string(), text);
        for twice in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"\u0061":2}]}"#] {
            let error = serde_json::from_str::<Exact>(twice).map(|_| ()).map_err(|error| error.to_string());
            assert!(error.is_err_and(|error| error.contains("`a` is given twice")), "{twice}");
        }
        assert!(serde_json::from_str::<Open>("[]").is_err());
    }
}
