//! The JSON schema of the file, for editors: written from the very tables the file is read with.

use serde_json::{Map, Value, json};

use crate::document::FILE;
use crate::reader::table::{Form, Row, Shape, Table};

/// Filled in later, so that it may become anything.
const FILLED: &str = r"\$\{";

/// The schema.
pub fn schema() -> Value {
    let mut schema = section(&FILE);
    if let Value::Object(members) = &mut schema {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("Configuration of openai-proxy"));
    }
    schema
}

fn section(table: &Table) -> Value {
    let properties: Map<String, Value> =
        table.rows.iter().map(|row| (row.key.to_owned(), property(row))).collect();
    json!({
        "type": ["object", "null"],
        "properties": properties,
        // Keys that start with x- are free.
        "patternProperties": {"^x-": true},
        "additionalProperties": false,
    })
}

fn property(row: &Row) -> Value {
    let mut property = shape(&row.shape);
    if let Value::Object(members) = &mut property {
        let later = if row.in_use { "" } else { " Not in use yet." };
        members.insert("description".to_owned(), json!(format!("{}{later}", row.about)));
        if let Some(usual) = row.usual {
            members.insert("default".to_owned(), json!(usual));
        }
    }
    property
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Anything => json!({}),
        Shape::Text | Shape::Secret | Shape::Address | Shape::Name(_) => {
            json!({"type": ["string", "number", "boolean", "null"]})
        }
        Shape::Switch => either(vec![
            json!({"type": ["boolean", "null"]}),
            words(&["on", "off", "true", "false", "yes", "no"]),
        ]),
        Shape::Whole(least) => either(vec![
            json!({"type": "integer", "minimum": least}),
            json!({"type": ["string", "null"], "pattern": format!(r"^-?[0-9_]+$|{FILLED}")}),
        ]),
        Shape::Value(form) | Shape::Sealed(form) => value(form),
        Shape::Choice(choices) => words(choices),
        Shape::Or(choices, otherwise) => either(vec![words(choices), self::shape(otherwise)]),
        Shape::List(inner) => {
            let one = self::shape(inner);
            either(vec![json!({"type": "array", "items": one}), one])
        }
        Shape::Names(inner) => {
            json!({"type": ["object", "null"], "patternProperties": {"^x-": true}, "additionalProperties": self::shape(inner)})
        }
        Shape::Section(table) => section(table),
        Shape::OneOf(shapes) => either(shapes.iter().map(self::shape).collect()),
    }
}

/// A value with a form of its own; as a number where a bare number has that form.
fn value(form: &Form) -> Value {
    let number = (form.read)("1").is_ok();
    let kinds = if number { json!(["string", "number", "null"]) } else { json!(["string", "null"]) };
    json!({"type": kinds, "pattern": format!("{}|{FILLED}", form.pattern)})
}

/// One of a few words. Editors read `off` as a switch.
fn words(words: &[&str]) -> Value {
    let mut all: Vec<Value> = words.iter().map(|word| json!(word)).collect();
    all.push(Value::Null);
    if words.contains(&"off") {
        all.push(json!(false));
    }
    if words.contains(&"on") {
        all.push(json!(true));
    }
    all.extend(words.iter().filter_map(|word| word.parse::<f64>().ok()).map(|number| json!(number)));
    either(vec![json!({"enum": all}), json!({"type": "string", "pattern": FILLED})])
}

fn either(shapes: Vec<Value>) -> Value {
    json!({"anyOf": shapes})
}
