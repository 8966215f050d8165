//! The short answers: models, files and moderations.

use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::behaviour::{Behaviour, LISTED, percent_decoded};
use super::error::Problem;
use super::reply::Reply;

/// Since when the mock's models are there: a fixed day, so that lists compare equal.
const SINCE: u64 = 1_767_225_600;

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// `GET /v1/models`.
pub(super) fn models() -> Reply {
    let data: Vec<Value> = LISTED.iter().map(|name| model_of(name)).collect();
    Reply::json(json!({"object": "list", "data": data}))
}

/// `GET /v1/models/{model}`, with the name as the path writes it.
pub(super) fn model(name: &str) -> Result<Reply, Problem> {
    let name = percent_decoded(name)
        .ok_or_else(|| Problem::no_model(name, "its name is not well percent-encoded."))?;
    Behaviour::of(&name)?;
    Ok(Reply::json(model_of(&name)))
}

fn model_of(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": SINCE, "owned_by": "openai-proxy"})
}

/// `GET /v1/files`: there are none.
pub(super) fn files() -> Reply {
    Reply::json(json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}))
}

/// `POST /v1/moderations`: nothing is ever flagged.
pub(super) fn moderations(ask: &Ask) -> Result<Reply, Problem> {
    let input = ask.needed("input")?;
    let results = match input {
        Value::String(_) => 1,
        // Typed parts are one input together, strings are one each.
        Value::Array(inputs) if inputs.iter().all(Value::is_object) => 1,
        Value::Array(inputs) if inputs.iter().all(Value::is_string) => inputs.len(),
        other => {
            return Err(Problem::wrong_type("input", "a string or an array of strings or objects", other));
        }
    };
    let each = |value: Value| -> Map<String, Value> {
        CATEGORIES.iter().map(|name| ((*name).to_owned(), value.clone())).collect()
    };
    let result = json!({
        "flagged": false,
        "categories": each(false.into()),
        "category_scores": each(0.0001.into()),
        "category_applied_input_types": each(json!(["text"])),
    });
    Ok(Reply::json(json!({"id": ask.id("modr-"), "model": ask.model, "results": vec![result; results]})))
}
