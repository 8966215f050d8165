//! Writing YAML: a tree in block form, lists of single values and small maps in lists on one line.

use serde_json::Value;

/// A document.
pub fn yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => block(value, 0, &mut out),
        Value::Array(items) if items.iter().any(is_nested) => block(value, 0, &mut out),
        single => out = format!("{}\n", flow(single)),
    }
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    let margin = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                below(&format!("{margin}{}:", text(key)), value, depth + 1, out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| match item.as_object() {
            Some(members) if !members.is_empty() && !members.values().any(is_nested) => {
                let pairs = members.iter().map(|(key, value)| format!("{}: {}", text(key), flow(value)));
                out.push_str(&format!("{margin}- {{{}}}\n", pairs.collect::<Vec<_>>().join(", ")));
            }
            _ => below(&format!("{margin}-"), item, depth + 1, out),
        }),
        single => out.push_str(&format!("{margin}{}\n", flow(single))),
    }
}

/// What stands behind `key:` or `-`.
fn below(before: &str, value: &Value, depth: usize, out: &mut String) {
    if is_nested(value) {
        out.push_str(&format!("{before}\n"));
        block(value, depth, out);
    } else {
        out.push_str(&format!("{before} {}\n", flow(value)));
    }
}

/// Whether a value takes lines of its own.
fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => items.iter().any(is_nested),
        _ => false,
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(word) => text(word),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// A text as a plain word where it stays one, else in quotes.
fn text(text: &str) -> String {
    let begins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_');
    let holds = |c: char| {
        c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '@' | '%' | '+' | '*' | '=' | ' ')
    };
    let plain = text.starts_with(begins)
        && text.chars().all(holds)
        && !text.contains(": ")
        && !text.ends_with([':', ' ']);
    let other = matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no");
    let number = text.parse::<f64>().is_ok();
    if plain && !other && !number { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tree::{self, Node};

    /// The same value from a tree.
    fn read(node: &Node) -> Value {
        match &node.value {
            tree::Value::Scalar(_) if node.is_null() => Value::Null,
            tree::Value::Scalar(scalar) => json!(scalar.text),
            tree::Value::List(items) => items.iter().map(read).collect(),
            tree::Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), read(&entry.node))).collect()
            }
        }
    }

    #[test]
    fn lists_of_words_stay_on_one_line_and_odd_texts_are_quoted() {
        let value = json!({
            "a": {"b": [1, "x", "on"], "c": {}, "/v1/*": "true", "*": "a: b"},
            "l": [{"x": "***"}, "80%", "12"],
        });
        let want = "a:\n  b: [1, x, on]\n  c: {}\n  /v1/*: \"true\"\n  \"*\": \"a: b\"\nl:\n  - {x: \"***\"}\n  - 80%\n  - \"12\"\n";
        assert_eq!(yaml(&value), want);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof!["[ -~\n\t]{0,8}".prop_map(|text| json!(text)), Just(Value::Null)];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[ -~]{0,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in prop::collection::btree_map("[a-z<*:#]{1,6}", value(), 0..4)) {
            let value = Value::Object(value.into_iter().collect());
            let text = yaml(&value);
            let back = tree::read(&text, "f").map(|node| read(&node));
            prop_assert_eq!(back.ok(), Some(value), "{}", text);
        }
    }
}
