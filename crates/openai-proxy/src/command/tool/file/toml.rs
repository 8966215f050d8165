//! TOML, edited in place: comments, order and blank lines stay.

use serde_json::Value as Json;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{Change, no_object};

pub(super) fn apply(old: &str, changes: &[Change]) -> Result<String, String> {
    let mut document: DocumentMut = old.parse().map_err(|error| format!("it is not TOML: {error}"))?;
    for change in changes {
        let keys = change.keys().ok_or("lists are not edited in TOML")?;
        put(document.as_table_mut(), &keys, change)?;
    }
    Ok(document.to_string())
}

fn put(table: &mut dyn TableLike, keys: &[&str], change: &Change) -> Result<(), String> {
    let Some((first, rest)) = keys.split_first() else { return Ok(()) };
    if rest.is_empty() {
        set(table, first, change);
        return Ok(());
    }
    if !table.contains_key(first) {
        let mut group = Table::new();
        // Its name is said with that of what is in it.
        group.set_implicit(true);
        table.insert(first, Item::Table(group));
    }
    let inner = table.get_mut(first).and_then(Item::as_table_like_mut).ok_or_else(|| no_object(first))?;
    put(inner, rest, change)
}

fn set(table: &mut dyn TableLike, key: &str, change: &Change) {
    match (table.get_mut(key), &change.value) {
        (Some(_), _) if change.keep => {}
        // Member for member, so that comments beside them stay; what only the other had goes.
        (Some(item), Json::Object(members)) if item.is_table_like() => {
            if let Some(inner) = item.as_table_like_mut() {
                let gone: Vec<String> = inner
                    .iter()
                    .map(|(name, _)| name.to_owned())
                    .filter(|name| !members.contains_key(name))
                    .collect();
                for name in gone {
                    inner.remove(&name);
                }
                for (name, value) in members {
                    set(inner, name, &Change::at(Vec::new(), value.clone()));
                }
            }
        }
        (Some(Item::Value(old)), _) => {
            let mut new = value(&change.value);
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        (_, Json::Object(members)) => {
            let mut group = Table::new();
            group.extend(members.iter().map(|(name, inner)| (name.as_str(), Item::Value(value(inner)))));
            table.insert(key, Item::Table(group));
        }
        (_, plain) => drop(table.insert(key, Item::Value(value(plain)))),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(""),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(list) => Value::Array(list.iter().map(value).collect::<Array>()),
        Json::Object(members) => Value::InlineTable(
            members.iter().map(|(name, inner)| (name.as_str(), value(inner))).collect::<InlineTable>(),
        ),
    }
}

/// A value as it is written on one line.
pub(crate) fn line(json: &Json) -> String {
    value(json).to_string().trim().to_owned()
}
