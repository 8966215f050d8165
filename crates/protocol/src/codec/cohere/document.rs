//! Documents: those the model may cite, and those a tool gave.
//!
//! Each is an object of `data` (fields of any names, `text` among them by custom) and an `id` that citations name. A request may also
//! give bare strings.

use std::borrow::Cow;

use base64::Engine;
use serde_json::{Value, json};

use super::super::json::{Object, wrong};
use crate::hub::{File, Part, Request, Role, Source, Turn, Unreadable};

/// One document. What is no bare text stays JSON.
pub(super) fn read(document: Value, at: &str) -> Result<File, Unreadable> {
    let mut map = match document {
        Value::String(text) => return Ok(File { source: Source::Text(text), name: None }),
        Value::Object(map) => map,
        other => return Err(wrong(at, "a string or an object", &other)),
    };
    let name = match map.shift_remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id),
        Some(other) => Some(other.to_string()),
    };
    let data = match map.shift_remove("data") {
        Some(data) if map.is_empty() => data,
        // Fields that stand beside `data`, or without any, are as good as in it.
        Some(data) => {
            map.insert("data".to_owned(), data);
            Value::Object(map)
        }
        None => Value::Object(map),
    };
    Ok(File { source: Source::Text(plain(data)), name })
}

fn plain(data: Value) -> String {
    match data {
        Value::String(text) => text,
        Value::Object(map) if map.len() == 1 && map.get("text").is_some_and(Value::is_string) => {
            map.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    }
}

/// The same, written; `None`: it is no text.
pub(super) fn write(file: &File) -> Option<Value> {
    let text = text(file)?;
    // Only JSON that is read as the same text again is written as JSON.
    let data = serde_json::from_str::<Value>(&text)
        .ok()
        .filter(|data| data.is_object() && plain(data.clone()) == text)
        .unwrap_or_else(|| json!({"text": text}));
    let mut document = Object::default();
    document.maybe("id", file.name.clone()).put("data", data);
    Some(document.done())
}

/// The text of a document, which may be packed as bytes.
fn text(file: &File) -> Option<Cow<'_, str>> {
    match &file.source {
        Source::Text(text) => Some(Cow::Borrowed(text)),
        Source::Data { kind, base64 } if kind.starts_with("text/") || kind == "application/json" => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
            String::from_utf8(bytes).ok().map(Cow::Owned)
        }
        _ => None,
    }
}

/// Puts the documents of a request before what is asked last, which they are for.
pub(super) fn place(documents: Vec<Part>, request: &mut Request) {
    if documents.is_empty() {
        return;
    }
    match asked_last(&request.turns) {
        Some(at) => drop(request.turns[at].parts.splice(0..0, documents)),
        None => request.turns.push(Turn::new(Role::User, documents)),
    }
}

/// The last turn of the user's that brings no outcomes.
pub(super) fn asked_last(turns: &[Turn]) -> Option<usize> {
    turns.iter().rposition(|turn| {
        turn.role == Role::User && !turn.parts.iter().any(|part| matches!(part, Part::Outcome(_)))
    })
}
