//! Ollama, `POST /api/embed` and the older `/api/embeddings`. Source: docs/api.md and docs/openapi.yaml of ollama/ollama, "Generate
//! embeddings".

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::json::{Object, body, count, wrong};
use super::vector::{Numbers, Read, numbers};
use super::{To, answer, counts, strings, texts, unsayable, written};
use crate::hub::embedding::{Cut, Input, Request, Response};
use crate::hub::{Losses, Unreadable, Unsayable};

/// What cannot be said.
pub(super) const UNSAYABLE: &[&Unsayable] =
    &[&unsayable::TOKENS, &INPUT_TYPE, &TRUNCATE, &unsayable::PARTS, &unsayable::USER, &unsayable::PACKED];

static INPUT_TYPE: Unsayable = Unsayable {
    what: "input_type",
    why: "left out: what a vector is for is said in the text, in the way of each model",
};
static TRUNCATE: Unsayable = Unsayable {
    what: "truncate",
    why: "left out where the beginning is to go: only the end of a text is cut",
};

pub(super) fn read_request(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let inputs = match fields.any("input").ok_or_else(|| fields.missing("input"))? {
        Value::String(text) => vec![Input::Text(text)],
        Value::Array(list) => strings(list, "input")?.into_iter().map(Input::Text).collect(),
        other => return Err(wrong("input", "a string or an array of strings", &other)),
    };
    Ok(Request {
        model: fields.need("model")?,
        inputs,
        dimensions: fields.whole("dimensions")?,
        cut: fields.flag("truncate")?.map(|cuts| if cuts { Cut::End } else { Cut::Never }),
        rest: fields.rest(),
        ..Request::default()
    })
}

pub(super) fn read_one(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    Ok(Request {
        model: fields.need("model")?,
        inputs: vec![Input::Text(fields.need("prompt")?)],
        rest: fields.rest(),
        ..Request::default()
    })
}

pub(super) fn write_request(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let mut out = Object::default();
    out.put("model", request.model.as_str()).put("input", texts(request, losses)?);
    let cuts = match request.cut {
        None => None,
        Some(Cut::Never) => Some(false),
        Some(Cut::End) => Some(true),
        Some(Cut::Start) => {
            losses.add(&TRUNCATE);
            None
        }
    };
    out.maybe("truncate", cuts).maybe("dimensions", request.dimensions);
    losses.add_if(request.aim.is_some(), &INPUT_TYPE);
    losses.add_if(request.user.is_some(), &unsayable::USER);
    Ok(out.bytes())
}

#[derive(Deserialize)]
struct Answer {
    model: Option<Value>,
    embeddings: Vec<Read>,
    prompt_eval_count: Option<Value>,
}

pub(super) fn read_response(bytes: &[u8]) -> Result<Response, Unreadable> {
    let Answer { model, embeddings, prompt_eval_count } = answer(bytes)?;
    Ok(Response {
        id: None,
        model: model.as_ref().and_then(Value::as_str).map(str::to_owned),
        vectors: numbers(embeddings),
        tokens: prompt_eval_count.as_ref().and_then(count),
    })
}

#[derive(Deserialize)]
struct Counted {
    prompt_eval_count: Option<Value>,
}

/// The tokens an answer counts.
pub(super) fn counted(bytes: &[u8]) -> Option<u64> {
    count(&counts::<Counted>(bytes)?.prompt_eval_count?)
}

#[derive(Serialize)]
struct Told<'r> {
    model: &'r str,
    embeddings: Vec<Numbers<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_eval_count: Option<u64>,
}

pub(super) fn write_response(response: &Response, to: &To<'_>) -> Vec<u8> {
    written(&Told {
        model: response.model.as_deref().unwrap_or(&to.request.model),
        embeddings: response.vectors.iter().map(|vector| Numbers(vector)).collect(),
        prompt_eval_count: response.tokens,
    })
}

#[derive(Serialize)]
struct One<'r> {
    embedding: Numbers<'r>,
}

pub(super) fn write_one(response: &Response) -> Vec<u8> {
    written(&One { embedding: Numbers(response.vectors.first().map_or(&[], Vec::as_slice)) })
}
