//! JSON, edited in place: comments, order and indentation stay.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value;

use super::{Change, Step, no_list, no_object};

pub(super) fn apply(old: &str, changes: &[Change]) -> Result<String, String> {
    let before = if old.trim().is_empty() { start(changes) } else { old };
    let root = CstRootNode::parse(before, &ParseOptions::default())
        .map_err(|error| format!("it is not JSON: {error}"))?;
    for change in changes {
        put(&root, change)?;
    }
    let text = root.to_string();
    Ok(if old.trim().is_empty() && !text.ends_with('\n') { text + "\n" } else { text })
}

/// An empty document of the kind the changes want.
fn start(changes: &[Change]) -> &'static str {
    match changes.first().and_then(|change| change.path.first()) {
        Some(Step::Item(..)) => "[]\n",
        _ => "{}\n",
    }
}

/// The place a step leads into.
enum Place {
    Object(CstObject),
    Array(CstArray),
}

fn put(root: &CstRootNode, change: &Change) -> Result<(), String> {
    let Some((last, way)) = change.path.split_last() else { return Ok(()) };
    let mut steps = change.path.iter();
    let mut place = match steps.next() {
        Some(Step::Key(name)) => Place::Object(root.object_value_or_create().ok_or_else(|| no_object(name))?),
        Some(Step::Item(name, _)) => Place::Array(root.array_value_or_create().ok_or_else(|| no_list(name))?),
        None => return Ok(()),
    };
    for (step, next) in way.iter().zip(steps) {
        place = match (&place, step, next) {
            (Place::Object(object), Step::Key(name), Step::Key(_)) => {
                Place::Object(object.object_value_or_create(name).ok_or_else(|| no_object(name))?)
            }
            (Place::Object(object), Step::Key(name), Step::Item(..)) => {
                Place::Array(object.array_value_or_create(name).ok_or_else(|| no_list(name))?)
            }
            _ => return Err("it is built otherwise than we know it".to_owned()),
        };
    }
    match (place, last) {
        (Place::Object(object), Step::Key(name)) => set_member(&object, name, change),
        (Place::Array(array), Step::Item(name, says)) => set_item(&array, name, says, change),
        _ => return Err("it is built otherwise than we know it".to_owned()),
    }
    Ok(())
}

fn set_member(object: &CstObject, name: &str, change: &Change) {
    match object.get(name) {
        // What says the same already is left as it is written.
        Some(member) if change.keep || member.to_serde_value().as_ref() == Some(&change.value) => {}
        Some(member) => member.set_value(written(&change.value)),
        None => drop(object.append(name, written(&change.value))),
    }
}

fn set_item(array: &CstArray, name: &str, says: &str, change: &Change) {
    let value = |node: &CstNode| node.to_serde_value().unwrap_or_default();
    let found = array.elements().into_iter().find(|node| value(node)[name] == says);
    match found {
        Some(node) if change.keep || value(&node) == change.value => {}
        Some(node) => {
            if let Some(object) = node.as_object() {
                drop(object.replace_with(written(&change.value)));
            }
        }
        None => drop(array.insert(0, written(&change.value))),
    }
}

fn written(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(list) => CstInputValue::Array(list.iter().map(written).collect()),
        Value::Object(members) => CstInputValue::Object(
            members.iter().map(|(name, value)| (name.clone(), written(value))).collect(),
        ),
    }
}
