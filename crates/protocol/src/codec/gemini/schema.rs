//! The schemas Gemini had before it knew JSON Schema (`parameters`, `responseSchema`), as JSON Schema. They are read only: what is written
//! is JSON Schema (`parametersJsonSchema`, `responseJsonSchema`).
//!
//! Source: Gemini API reference, `Schema`; OpenAPI 3.0.3, "Schema Object".

use serde_json::{Map, Value, json};

/// Numbers that Google writes as strings, for they have 64 bits.
const LONG: &[&str] = &["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];

/// The JSON Schema that says the same.
pub(super) fn json_schema(schema: Value) -> Value {
    let Value::Object(map) = schema else { return schema };
    let mut out = Map::new();
    let (mut nullable, mut order) = (false, Vec::new());
    for (name, value) in map {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("type", Value::String(kind)) => {
                if kind != "TYPE_UNSPECIFIED" {
                    out.insert(name, Value::String(kind.to_ascii_lowercase()));
                }
            }
            ("nullable", Value::Bool(is)) => nullable = is,
            ("propertyOrdering" | "property_ordering", Value::Array(names)) => order = names,
            ("properties", Value::Object(properties)) => {
                let each = properties.into_iter().map(|(name, schema)| (name, json_schema(schema)));
                out.insert(name, each.collect::<Map<_, _>>().into());
            }
            ("anyOf" | "any_of", Value::Array(several)) => {
                out.insert("anyOf".to_owned(), several.into_iter().map(json_schema).collect());
            }
            ("items", schema) => {
                out.insert(name, json_schema(schema));
            }
            ("example", value) => {
                out.insert("examples".to_owned(), json!([value]));
            }
            (_, Value::String(digits)) if LONG.contains(&name.as_str()) => {
                out.insert(name, digits.parse::<u64>().map_or(Value::String(digits), Value::from));
            }
            (_, value) => {
                out.insert(name, value);
            }
        }
    }
    if let Some(Value::Object(properties)) = out.get_mut("properties") {
        put_in_order(properties, &order);
    }
    if nullable {
        or_null(&mut out);
    }
    Value::Object(out)
}

/// The order of the answer's properties is that of the schema's.
fn put_in_order(properties: &mut Map<String, Value>, order: &[Value]) {
    let mut ordered = Map::new();
    for name in order.iter().filter_map(Value::as_str) {
        ordered.extend(properties.shift_remove_entry(name));
    }
    ordered.append(properties);
    *properties = ordered;
}

fn or_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(several)) = schema.get_mut("anyOf") {
        several.push(json!({"type": "null"}));
    }
    if let Some(Value::String(kind)) = schema.get("type") {
        let both = json!([kind, "null"]);
        schema.insert("type".to_owned(), both);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}
