//! `/v1/models`: answered from memory over all providers, in the shape the caller reads.
//!
//! OpenAI's list, or Anthropic's when the caller sends `anthropic-version` (their API reference, "List Models"). What a
//! provider says of a model is passed on as it wrote it; names of our own configuration come first.

use bytes::Bytes;
use config::Snapshot;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use protocol::dialect::Dialect;
use protocol::fault::Kind;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::error::ApiError;
use crate::intake::{Call, shown};
use crate::upstream::Answer;

/// The list, or the one model asked for.
///
/// # Errors
/// `model_not_found` for a name that is neither configured nor announced.
pub(crate) fn answer(world: &Snapshot, catalogue: &Catalogue, call: &Call) -> Result<Answer, ApiError> {
    let dialect =
        if call.head.contains_key("anthropic-version") { Dialect::Anthropic } else { Dialect::OpenAi };
    let announced = catalogue.entries(world);
    let Some(name) = &call.path_model else {
        let own = world.models.listed().iter().filter(|name| !announced.iter().any(|(id, _)| id == *name));
        let entries = own.map(|name| entry(name, None, dialect));
        let entries = entries.chain(announced.iter().map(|(id, raw)| entry(id, Some(raw), dialect)));
        return Ok(json_answer(&list(entries.collect(), dialect)));
    };
    if let Some((id, raw)) = announced.iter().find(|(id, _)| id == name) {
        return Ok(json_answer(&entry(id, Some(raw), dialect)));
    }
    if world.models.find(name).is_some() {
        return Ok(json_answer(&entry(name, None, dialect)));
    }
    let nearest = world.models.nearest(name, announced.iter().map(|(id, _)| id.as_str()));
    let nearest = nearest.map(|name| format!(" Nearest: `{name}`.")).unwrap_or_default();
    let say = format!("Model `{}` is not known here.{nearest}", shown(name));
    Err(ApiError::new(Kind::ModelNotFound, say).param("model"))
}

/// One model: the provider's own words where the shapes agree, else the little we know.
fn entry(name: &str, raw: Option<&RawValue>, dialect: Dialect) -> Value {
    let told: Value = raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    if dialect == Dialect::Anthropic {
        return json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"});
    }
    if told.is_object() {
        return told;
    }
    json!({"id": name, "object": "model", "created": 0, "owned_by": "openai-proxy"})
}

fn list(entries: Vec<Value>, dialect: Dialect) -> Value {
    if dialect != Dialect::Anthropic {
        return json!({"object": "list", "data": entries});
    }
    let id = |entry: Option<&Value>| entry.map(|entry| entry["id"].clone());
    let (first, last) = (id(entries.first()), id(entries.last()));
    json!({"data": entries, "has_more": false, "first_id": first, "last_id": last})
}

fn json_answer(body: &Value) -> Answer {
    let mut head = HeaderMap::new();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Answer::ours(StatusCode::OK, head, Bytes::from(body.to_string()))
}
