//! Lists of models: read as vendors write them, written as callers read them.
//!
//! Sources: OpenAI API reference, "List models"; Anthropic API reference, "List Models".

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::dialect::Dialect;

/// A model as its provider wrote it: its id, and the whole entry.
pub type Entry = (String, Box<RawValue>);

#[derive(Deserialize)]
struct List {
    /// A server without any model may say `null`, but not nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    data: Option<Vec<Box<RawValue>>>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Reads a provider's list (`data` with an `id` in each entry); entries without an id are passed over.
pub fn read(body: &[u8]) -> Option<Vec<Entry>> {
    let list: List = serde_json::from_slice(body).ok()?;
    let named = |raw: Box<RawValue>| Some((serde_json::from_str::<Named>(raw.get()).ok()?.id, raw));
    Some(list.data.into_iter().flatten().filter_map(named).collect())
}

/// The language in which a caller wants a list: one of them says its version with every request.
pub fn dialect(head: &http::HeaderMap) -> Dialect {
    if head.contains_key("anthropic-version") { Dialect::Anthropic } else { Dialect::OpenAi }
}

/// One model: the provider's own words where the shapes agree, else the little that is known.
pub fn entry(name: &str, raw: Option<&RawValue>, dialect: Dialect) -> Value {
    if dialect == Dialect::Anthropic {
        return json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"});
    }
    let told: Option<Value> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    told.unwrap_or_else(|| json!({"id": name, "object": "model", "created": 0, "owned_by": "openai-proxy"}))
}

/// The whole list.
pub fn list(entries: Vec<Value>, dialect: Dialect) -> Value {
    if dialect != Dialect::Anthropic {
        return json!({"object": "list", "data": entries});
    }
    let id = |entry: Option<&Value>| entry.map(|entry| entry["id"].clone());
    let (first, last) = (id(entries.first()), id(entries.last()));
    json!({"data": entries, "has_more": false, "first_id": first, "last_id": last})
}
