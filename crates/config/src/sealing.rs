//! Secrets in what is to be kept: found by the tables, and replaced by `${sealed:name}` before anything is stored.

use std::collections::BTreeMap;

use protocol::secret::Secret;
use serde_json::Value as Json;

use crate::hide;
use crate::reader::table::Shape;
use crate::tree::Scalar;

/// The secrets that stand in a value in the open, each once. `path` is where the value stands.
pub fn open_secrets(path: &[String], value: &Json) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut value = value.clone();
    each(&mut value, hide::shape_at(path), &mut |text| {
        let secret = Secret::new(text.as_str());
        if !found.contains(&secret) {
            found.push(secret);
        }
    });
    found
}

/// Puts `${sealed:name}` in the place of each secret that has a name here.
pub fn seal(path: &[String], value: &mut Json, names: &BTreeMap<String, String>) {
    each(value, hide::shape_at(path), &mut |text| {
        if let Some(name) = names.get(text.as_str()) {
            *text = format!("${{sealed:{name}}}");
        }
    });
}

/// The names of sealed secrets a text refers to.
pub fn sealed_names(text: &str) -> impl Iterator<Item = &str> {
    text.split("${sealed:").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

/// Where a value takes its text from elsewhere, a variable, a file or the vault, and is no secret: what is wrong with it would be
/// told with that text. The dotted paths; `path` is where the value stands.
pub fn misplaced_references(path: &[String], value: &Json) -> Vec<String> {
    let mut found = Vec::new();
    references(&mut path.to_vec(), value, hide::shape_at(path), &mut found);
    found
}

fn references(path: &mut Vec<String>, value: &Json, shape: Option<Shape>, found: &mut Vec<String>) {
    match value {
        Json::Object(members) => {
            for (key, value) in members {
                path.push(key.clone());
                references(path, value, shape.and_then(|shape| hide::below(shape, key)), found);
                path.pop();
            }
        }
        Json::Array(items) => {
            items.iter().for_each(|value| references(path, value, shape.and_then(hide::item), found));
        }
        Json::String(text) if text.contains("${") => {
            // Of a setting nobody knows, an older spelling perhaps, nobody knows whether it is ever shown; and what is wrong
            // with an address is told by repeating some of it.
            let any = Scalar { text: "any".to_owned(), quoted: true, ..Scalar::default() };
            let secret = shape.is_some_and(|shape| !matches!(shape, Shape::Address | Shape::Anything));
            if !secret || !hide::is_hidden(&any, shape) {
                found.push(path.join("."));
            }
        }
        _ => {}
    }
}

/// Calls `seen` with every secret in the open. What takes its text from elsewhere, a variable or a file, holds none.
fn each(value: &mut Json, shape: Option<Shape>, seen: &mut impl FnMut(&mut String)) {
    match value {
        Json::Object(members) => {
            for (key, value) in members {
                each(value, shape.and_then(|shape| hide::below(shape, key)), seen);
            }
        }
        Json::Array(items) => {
            items.iter_mut().for_each(|value| each(value, shape.and_then(hide::item), seen));
        }
        Json::Null => {}
        single => {
            let quoted = single.is_string();
            let written = single.as_str().map_or_else(|| single.to_string(), str::to_owned);
            let scalar = Scalar { text: written.clone(), quoted, ..Scalar::default() };
            if written.contains("${") || !hide::is_hidden(&scalar, shape) {
                return;
            }
            let mut text = written.clone();
            seen(&mut text);
            if text != written {
                *single = Json::String(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_from_elsewhere_stands_where_secrets_do() {
        let sheet = json!({
            "providers": {"a": {
                "api_key": "${A}", "headers": {"X-Key": "${file:/k}"}, "base_url": "${HOST}",
                "ca_file": "${A}", "models": ["${A}"], "priority": "${A}", "api_version": "v${A}",
            }},
            "logging": {"level": "${A}"},
            "models": {"x": "${sealed:value-1}"},
            "admin": {"api_key": "${A}"},
        });
        let found = misplaced_references(&[], &sheet);
        let wanted = ["base_url", "ca_file", "models", "priority", "api_version"];
        assert_eq!(found[..5], wanted.map(|key| format!("providers.a.{key}")));
        assert_eq!(found[5..], ["logging.level", "models.x"]);
        // Neither does one in an older spelling, which is read as today's.
        let path = ["providers", "a", "provider_type"].map(str::to_owned);
        assert_eq!(misplaced_references(&path, &json!("${A}")), ["providers.a.provider_type"]);
        let path = ["logging", "level"].map(str::to_owned);
        assert_eq!(misplaced_references(&path, &json!("${A}")), ["logging.level"]);
    }

    #[test]
    fn what_nobody_may_be_shown_is_sealed_and_nothing_else() {
        let mut sheet = json!({
            "providers": {
                "a": {"base_url": "http://ada:pw@a", "api_key": "sk-1", "headers": {"X-Key": "h"}, "priority": 5},
                "b": {"api_key": "${B}", "api_version": "v1"},
                "c": {"api_key": 12345, "model_deployments": {"gpt-4o": "gpt4o"}},
                "d": {"keys": {"main": {"key": "sk-many", "weight": 2}, "spare": {"key": "${SPARE}"}}},
            },
            "storage": {"database": "postgres://u:p@h/d"},
            "logging": {"level": "debug"},
        });
        let found = open_secrets(&[], &sheet);
        let found: Vec<&str> = found.iter().map(Secret::expose).collect();
        assert_eq!(found, ["http://ada:pw@a", "sk-1", "h", "12345", "sk-many", "postgres://u:p@h/d"]);
        let names: BTreeMap<String, String> =
            found.iter().map(|text| ((*text).to_owned(), format!("n{}", text.len()))).collect();
        seal(&[], &mut sheet, &names);
        let text = sheet.to_string();
        assert!(
            ["sk-1", "pw", "12345", "sk-many", "u:p"].iter().all(|secret| !text.contains(secret)),
            "{text}"
        );
        assert_eq!(sheet["providers"]["c"]["api_key"], "${sealed:n5}");
        assert_eq!(sheet["providers"]["b"], json!({"api_key": "${B}", "api_version": "v1"}));
        assert_eq!(sealed_names(&text).count(), 6);
        let main = json!({"key": "${sealed:n7}", "weight": 2});
        assert_eq!(sheet["providers"]["d"]["keys"], json!({"main": main, "spare": {"key": "${SPARE}"}}));
        assert_eq!(open_secrets(&[], &sheet), []);
        let path = ["providers", "a", "api_key"].map(str::to_owned);
        assert_eq!(open_secrets(&path, &json!("sk-2")), [Secret::new("sk-2")]);
    }
}
