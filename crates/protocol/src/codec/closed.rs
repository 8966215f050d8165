//! Schemas whose objects have no further properties: Claude takes no others for its answers.
//!
//! Source: Anthropic, "Structured outputs" (`additionalProperties` has to be `false`); its libraries close schemas in the same way
//! (`transform_schema`).

use serde_json::{Map, Value};

/// Where one schema, or a list of them, stands in another that an answer is held to. A condition (`not`, `if`) would be another one if
/// it were closed.
const INNER: &[&str] = &["items", "prefixItems", "anyOf", "oneOf", "allOf", "then", "else"];

/// Where schemas stand under names.
const NAMED: &[&str] = &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Closes each object of a schema that says nothing about it. Whether any was.
pub(super) fn close(schema: &mut Value) -> bool {
    match schema {
        Value::Object(schema) => close_object(schema),
        Value::Array(several) => each(several.iter_mut()),
        _ => false,
    }
}

fn close_object(schema: &mut Map<String, Value>) -> bool {
    let mut closed = false;
    for (name, inner) in schema.iter_mut() {
        closed |= match inner {
            Value::Object(named) if NAMED.contains(&name.as_str()) => each(named.values_mut()),
            // That of further properties is one, too, where it is none of the two words.
            inner if INNER.contains(&name.as_str()) || name == "additionalProperties" => close(inner),
            _ => false,
        };
    }
    if is_object(schema) && !schema.contains_key("additionalProperties") {
        schema.insert("additionalProperties".to_owned(), false.into());
        closed = true;
    }
    closed
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => schema.contains_key("properties"),
    }
}

/// Every one is closed: the first that is does not spare the others.
fn each<'s>(schemas: impl Iterator<Item = &'s mut Value>) -> bool {
    let mut closed = false;
    for schema in schemas {
        closed |= close(schema);
    }
    closed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_object_is_closed_that_says_nothing_of_it() {
        let person = |closed: Option<bool>| {
            let mut person = json!({"type": "object", "properties": {"name": {"type": "string"}}});
            if let Some(is) = closed {
                person["additionalProperties"] = (!is).into();
            }
            person
        };
        let schema = |open: Value, said: Value| {
            let mut schema = json!({
                "type": ["object", "null"],
                "properties": {"properties": open, "boss": said, "list": {"type": "array", "items": open}},
                "$defs": {"one": {"anyOf": [open, {"type": "null"}, {"$ref": "#"}]}},
                "examples": [person(None)],
                "default": person(None),
            });
            schema["allOf"] = json!([{"properties": {"at": {"const": person(None)}}}]);
            schema
        };
        let mut found = schema(person(None), person(Some(false)));
        assert!(close(&mut found));
        let mut closed = schema(person(Some(true)), person(Some(false)));
        closed["additionalProperties"] = false.into();
        closed["allOf"][0]["additionalProperties"] = false.into();
        assert_eq!(found, closed);
        assert!(!close(&mut found));
    }

    #[test]
    fn what_has_no_object_stays_as_it_is() {
        for schema in
            [json!({}), json!(true), json!({"type": "string"}), json!({"enum": [{"type": "object"}]})]
        {
            let mut same = schema.clone();
            assert!(!close(&mut same));
            assert_eq!(same, schema);
        }
    }
}
