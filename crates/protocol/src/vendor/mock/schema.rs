//! An instance of a JSON schema: the smallest honest document that fits, for tool arguments and structured answers.

use serde_json::{Map, Number, Value};

/// Below this depth only what must be there is written, and of several ways the one that ends.
const DEEP: usize = 6;
/// Below this depth nothing is written, whatever the schema says.
const DEEPEST: usize = 32;
/// Most values in one instance.
const MOST_VALUES: usize = 2000;
const MOST_ELEMENTS: u64 = 16;
const MOST_CHARACTERS: usize = 256;

/// A value that fits the schema, as far as the mock understands it; patterns and conditions it does not.
pub(super) fn instance(schema: &Value) -> Value {
    Writer { root: schema, left: MOST_VALUES }.value(schema, 0)
}

struct Writer<'s> {
    root: &'s Value,
    left: usize,
}

impl Writer<'_> {
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        if depth > DEEPEST || self.left == 0 {
            return Value::Null;
        }
        self.left -= 1;
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            return match target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
                Some(schema) => self.value(schema, depth + 1),
                None => Value::Null,
            };
        }
        if let Some(fixed) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
            return fixed.clone();
        }
        if let Some(ways) = ["anyOf", "oneOf"].iter().find_map(|word| schema.get(*word)?.as_array()) {
            let ending = ways.iter().find(|way| depth >= DEEP && ends(way));
            return ending.or(ways.first()).map_or(Value::Null, |way| self.value(way, depth + 1));
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return self.joined(schema, all, depth);
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "integer" => number(schema, true),
            "number" => number(schema, false),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(string(schema)),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(Value::as_str);
        let members = names.map(|name| {
            let schema = schema.get("properties").and_then(|all| all.get(name)).unwrap_or(&Value::Null);
            (name.to_owned(), self.value(schema, depth + 1))
        });
        Value::Object(members.collect())
    }

    fn array(&mut self, schema: &Value, depth: usize) -> Value {
        let limit = |word| schema.get(word).and_then(Value::as_u64);
        let least = limit("minItems").unwrap_or(0);
        let wanted = if depth >= DEEP { least } else { least.max(1) };
        let count = wanted.min(limit("maxItems").unwrap_or(MOST_ELEMENTS)).min(MOST_ELEMENTS);
        let front = schema.get("prefixItems").and_then(Value::as_array);
        let mut front = front.into_iter().flatten();
        let items = schema.get("items").unwrap_or(&Value::Null);
        (0..count).map(|_| self.value(front.next().unwrap_or(items), depth + 1)).collect()
    }

    /// All of several schemas: an object with the members of each, or whatever the first says.
    fn joined(&mut self, own: &Value, all: &[Value], depth: usize) -> Value {
        let mut members = Map::new();
        let mut other = None;
        for schema in all {
            match self.value(schema, depth + 1) {
                Value::Object(some) => members.extend(some),
                value => other = other.or(Some(value)),
            }
        }
        match (own.get("properties"), self.object(own, depth)) {
            (Some(_), Value::Object(some)) => members.extend(some),
            _ if members.is_empty() => return other.unwrap_or(Value::Object(members)),
            _ => {}
        }
        Value::Object(members)
    }
}

/// The type a schema means, said or not.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() || schema.get("required").is_some() => "object",
        _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => "array",
        _ if schema.get("minimum").is_some() || schema.get("maximum").is_some() => "number",
        _ => "string",
    }
}

/// Whether the schema certainly leads no deeper.
fn ends(schema: &Value) -> bool {
    let leads_on = ["$ref", "anyOf", "oneOf", "allOf"].iter().any(|word| schema.get(*word).is_some());
    !leads_on && !matches!(kind(schema), "object" | "array")
}

fn number(schema: &Value, whole: bool) -> Value {
    let limit = |word| schema.get(word).and_then(Value::as_f64);
    let step = limit("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let mut value: f64 = 1.0;
    if let Some(most) = limit("maximum").or(limit("exclusiveMaximum").map(|most| most - step.min(1.0))) {
        value = value.min(most);
    }
    if let Some(least) = limit("minimum") {
        value = value.max(least);
    }
    if let Some(least) = limit("exclusiveMinimum").filter(|least| value <= *least) {
        // Half-way, where a whole step would overshoot: a share between 0 and 1.
        let most = limit("maximum").or(limit("exclusiveMaximum")).unwrap_or(f64::INFINITY);
        value = if least + step < most { least + step } else { least + (most - least) / 2.0 };
    }
    if limit("multipleOf").is_some() {
        value = (value / step).ceil() * step;
    }
    if whole {
        value = value.ceil();
    }
    if value.fract() == 0.0 && value.abs() < 9.0e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits, as just checked")]
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::from(1), Value::Number)
}

fn string(schema: &Value) -> String {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT1S",
        Some("email") => "mock@example.com",
        Some("hostname") => "example.com",
        Some("uri" | "url") => "https://example.com/",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => {
            let limit = |word, unset| {
                let limit = schema.get(word).and_then(Value::as_u64);
                limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(unset).min(MOST_CHARACTERS)
            };
            let length = limit("minLength", 0).max(4).min(limit("maxLength", MOST_CHARACTERS));
            return "mock ".chars().cycle().take(length).collect();
        }
    };
    known.to_owned()
}
