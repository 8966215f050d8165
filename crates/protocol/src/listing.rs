//! Lists of models: read as vendors write them, written as callers read them.
//!
//! Sources: OpenAI API reference, "List models"; Anthropic API reference, "List Models".

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::dialect::Dialect;

/// A model as its provider wrote it: its id, and the whole entry.
pub type Entry = (String, Box<RawValue>);

/// A server without any model may say `null`, but not nothing.
#[derive(Deserialize)]
struct Data {
    #[serde(deserialize_with = "Option::deserialize")]
    data: Option<Vec<Box<RawValue>>>,
}

/// The same in other words.
#[derive(Deserialize)]
struct Models {
    #[serde(deserialize_with = "Option::deserialize")]
    models: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    /// What Anthropic's entries say that they are, in this field.
    r#type: Option<Value>,
    /// OpenAI's say it in this one.
    object: Option<Value>,
}

/// An entry of Gemini's, of Cohere's or of Ollama's.
#[derive(Deserialize)]
struct Called {
    name: String,
}

/// Reads a provider's list: `data` with an `id` in each entry, or `models` with a `name`. Entries without either are passed over; those
/// in another shape than OpenAI's are written anew.
pub fn read(body: &[u8]) -> Option<Vec<Entry>> {
    let named = |raw: Box<RawValue>| match serde_json::from_str::<Named>(raw.get()).ok()? {
        Named { id, object: None, r#type: Some(_) } => anew(id),
        Named { id, .. } => Some((id, raw)),
    };
    if let Ok(Data { data }) = serde_json::from_slice(body) {
        return Some(data.into_iter().flatten().filter_map(named).collect());
    }
    let Models { models } = serde_json::from_slice(body).ok()?;
    Some(models.into_iter().flatten().filter_map(|called| anew(plain(called.name))).collect())
}

/// A name without the place it is kept at.
fn plain(name: String) -> String {
    name.strip_prefix("models/").map_or(name.clone(), str::to_owned)
}

fn anew(id: String) -> Option<Entry> {
    let entry = serde_json::value::to_raw_value(&entry(&id, None, Dialect::OpenAi)).ok()?;
    Some((id, entry))
}

/// The language in which a caller wants a list: that of its path, but one of them has OpenAI's path, and says its version with every
/// request.
pub fn dialect(asked: Dialect, head: &http::HeaderMap) -> Dialect {
    if asked == Dialect::OpenAi && head.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else {
        asked
    }
}

/// The version of Ollama whose API is spoken: that of its description (`ollama-openapi.yaml`, August 2026). Some programs will not go on
/// without one.
pub fn version() -> Value {
    json!({"version": "0.12.6"})
}

/// What is known of a model where Ollama is asked for it ("Show model details"): that it can be talked to, and called.
pub fn details(name: &str) -> Value {
    let details = json!({"parent_model": "", "format": "", "family": "", "families": [], "parameter_size": "", "quantization_level": ""});
    json!({
        "modified_at": NEVER,
        "details": details,
        "model_info": {"general.basename": name},
        "capabilities": ["completion", "tools"],
    })
}

/// A date, where one has to be and none is known.
const NEVER: &str = "1970-01-01T00:00:00Z";

/// One model: the provider's own words where the shapes agree, else the little that is known.
pub fn entry(name: &str, raw: Option<&RawValue>, dialect: Dialect) -> Value {
    match dialect {
        Dialect::Anthropic => {
            return json!({"type": "model", "id": name, "display_name": name, "created_at": NEVER});
        }
        Dialect::Gemini => {
            let verbs = ["generateContent", "streamGenerateContent", "countTokens"];
            return json!({"name": format!("models/{name}"), "displayName": name, "supportedGenerationMethods": verbs});
        }
        Dialect::Ollama => {
            let details = details(name)["details"].take();
            return json!({"name": name, "model": name, "modified_at": NEVER, "size": 0, "digest": "", "details": details});
        }
        Dialect::OpenAi | Dialect::Bedrock | Dialect::Cohere => {}
    }
    let told: Option<Value> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    told.unwrap_or_else(|| json!({"id": name, "object": "model", "created": 0, "owned_by": "openai-proxy"}))
}

/// The whole list.
pub fn list(entries: Vec<Value>, dialect: Dialect) -> Value {
    match dialect {
        Dialect::Anthropic => {}
        Dialect::Gemini | Dialect::Ollama => return json!({ "models": entries }),
        Dialect::OpenAi | Dialect::Bedrock | Dialect::Cohere => {
            return json!({"object": "list", "data": entries});
        }
    }
    let id = |entry: Option<&Value>| entry.map(|entry| entry["id"].clone());
    let (first, last) = (id(entries.first()), id(entries.last()));
    json!({"data": entries, "has_more": false, "first_id": first, "last_id": last})
}
