//! Values as they may be shown: what the tables call a secret, and whatever they do not know, becomes stars.

use serde_json::{Map, Value as Json, json};

use crate::document::FILE;
use crate::reader::table::{Shape, Table};
use crate::tree::{Node, Scalar, Value};

/// Stands for what is hidden.
const STARS: &str = "***";

/// A tree to be shown.
pub(crate) fn shown(root: &Node) -> Json {
    json(root, Some(Shape::Section(&FILE)))
}

/// The value at a path, to be shown.
pub(crate) fn at(words: &[&str], node: &Node) -> Json {
    json(node, shape_at(words))
}

/// The shape of what stands at a path, if the tables know it.
pub(crate) fn shape_at(words: &[impl AsRef<str>]) -> Option<Shape> {
    words.iter().try_fold(Shape::Section(&FILE), |shape, word| below(shape, word.as_ref()))
}

/// Whether a single value is not shown as it is.
pub(crate) fn is_hidden(scalar: &Scalar, shape: Option<Shape>) -> bool {
    !scalar.text.is_empty() && single(scalar, shape) != typed(scalar)
}

/// Whether there is such a setting, by the words of its path.
pub fn is_setting(words: &[&str]) -> bool {
    words.iter().try_fold(Shape::Section(&FILE), |shape, word| below(shape, word)).is_some()
}

/// A value on one line.
pub(crate) fn line(value: &Json) -> String {
    match value {
        Json::String(text) => text.replace('\n', " "),
        Json::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let pairs = members.iter().map(|(key, value)| format!("{key}: {}", line(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// The shape below a key.
pub(crate) fn below(shape: Shape, key: &str) -> Option<Shape> {
    match shape {
        Shape::Section(table) => table.row(key).map(|row| row.shape),
        Shape::Names(inner) => Some(*inner),
        Shape::OneOf(shapes) => shapes.iter().find_map(|shape| below(*shape, key)),
        Shape::Or(_, inner) => below(*inner, key),
        _ => None,
    }
}

/// The shape of a list's items.
pub(crate) fn item(shape: Shape) -> Option<Shape> {
    match shape {
        Shape::List(inner) => Some(*inner),
        Shape::OneOf(shapes) => shapes.iter().find_map(|shape| item(*shape)),
        Shape::Or(_, inner) => item(*inner),
        _ => None,
    }
}

/// The settings of a map that has settings.
fn table(shape: Shape) -> Option<&'static Table> {
    match shape {
        Shape::Section(table) => Some(table),
        Shape::OneOf(shapes) => shapes.iter().find_map(|shape| table(*shape)),
        Shape::Or(_, inner) => table(*inner),
        _ => None,
    }
}

fn json(node: &Node, shape: Option<Shape>) -> Json {
    match &node.value {
        Value::Scalar(scalar) if node.is_null() && scalar.as_written.is_none() => Json::Null,
        Value::Scalar(scalar) => single(scalar, shape),
        Value::List(items) => items.iter().map(|node| json(node, shape.and_then(item))).collect(),
        Value::Map(entries) => {
            let member = |key: &str, node: &Node| json(node, shape.and_then(|shape| below(shape, key)));
            // Free keys hold whatever somebody needed there.
            let mut entries: Vec<_> = entries.iter().filter(|entry| !entry.key.starts_with("x-")).collect();
            if let Some(table) = shape.and_then(table) {
                // The order of settings says nothing: theirs is that of the table, whoever wrote them.
                let place = |key: &str| table.rows.iter().position(|row| row.key == key);
                entries.sort_by_key(|entry| place(&entry.key).unwrap_or(usize::MAX));
            }
            let members =
                entries.into_iter().map(|entry| (entry.key.clone(), member(&entry.key, &entry.node)));
            Json::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// A single value of some shape.
fn single(scalar: &Scalar, shape: Option<Shape>) -> Json {
    let reference = scalar.as_written.as_deref().or((!scalar.literal).then_some(&*scalar.text));
    let hidden = || match reference.filter(|text| is_reference(text)) {
        Some(reference) => json!(reference),
        None if scalar.text.is_empty() => json!(""),
        None => json!(STARS),
    };
    // What came from a variable is shown only where it has the form of what belongs there.
    let filled = scalar.as_written.is_some();
    match shape {
        None | Some(Shape::Anything | Shape::Secret | Shape::Sealed(_)) => hidden(),
        Some(Shape::Text | Shape::Name(_)) if filled => hidden(),
        Some(Shape::Text | Shape::Name(_)) => typed(scalar),
        // As it was written: what a variable or a file holds is not shown.
        Some(Shape::Address) => {
            address(scalar.as_written.as_deref().unwrap_or(&scalar.text)).unwrap_or_else(hidden)
        }
        Some(Shape::Switch) if is_switch(&scalar.text) || !filled => typed(scalar),
        Some(Shape::Whole(_)) if scalar.text.parse::<i64>().is_ok() || !filled => typed(scalar),
        Some(Shape::Value(form)) if (form.read)(&scalar.text).is_ok() || !filled => typed(scalar),
        Some(Shape::Choice(words)) if words.contains(&scalar.text.as_str()) || !filled => typed(scalar),
        Some(Shape::Or(words, _)) if words.contains(&scalar.text.as_str()) => typed(scalar),
        Some(Shape::Or(_, inner) | Shape::List(inner)) => single(scalar, Some(*inner)),
        Some(Shape::OneOf(shapes)) => {
            let fits =
                |shape: &&Shape| !matches!(shape, Shape::Section(_) | Shape::Names(_) | Shape::List(_));
            single(scalar, shapes.iter().find(fits).copied())
        }
        Some(_) => hidden(),
    }
}

/// A number or a switch as such, everything else as text.
pub(crate) fn typed(scalar: &Scalar) -> Json {
    match scalar.text.as_str() {
        text if scalar.quoted => json!(text),
        "true" => json!(true),
        "false" => json!(false),
        text => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
    }
}

/// An address without login and query; nothing, if it is none: a key may have been written in its place.
fn address(text: &str) -> Option<Json> {
    if text.is_empty() {
        return Some(json!(""));
    }
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{STARS}@{host}"),
        None => authority.to_owned(),
    };
    let path = match path.split_once(['?', '#']) {
        Some((path, _)) => format!("{path}?{STARS}"),
        None => path.to_owned(),
    };
    Some(json!(format!("{scheme}://{host}{path}")))
}

fn is_switch(text: &str) -> bool {
    matches!(text, "on" | "off" | "true" | "false" | "yes" | "no")
}

/// Whether a text is one `${NAME}`, `${NAME:-}` or `${file:path}` and nothing else: it tells where a secret is, not what.
fn is_reference(text: &str) -> bool {
    let Some(inner) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else { return false };
    match inner.strip_prefix("file:") {
        Some(path) => !path.contains(['$', '{', '}']),
        None => {
            let name = inner.strip_suffix(":-").unwrap_or(inner);
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        }
    }
}
