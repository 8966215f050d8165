//! OpenAI, `POST /v1/embeddings`, and whoever speaks it.
//!
//! Source: OpenAI API reference, "Create embeddings"; the official description 2.3.0 (`CreateEmbeddingRequest`).
//! `input_type` is no word of OpenAI's; vendors whose models want to know what a vector is for have programs send it beside the others.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::json::{Object, body, count, wrong};
use super::vector::{Base64, Numbers, Read};
use super::{To, answer, cohere, joined, unsayable, written};
use crate::hub::embedding::{Aim, Cut, Form, Input, Request, Response};
use crate::hub::{Losses, Unreadable, Unsayable};

/// What cannot be said.
pub(super) const UNSAYABLE: &[&Unsayable] = &[&INPUT_TYPE, &TRUNCATE, &unsayable::PARTS, &unsayable::PACKED];

static INPUT_TYPE: Unsayable =
    Unsayable { what: "input_type", why: "left out: what a vector is for cannot be said" };
static TRUNCATE: Unsayable =
    Unsayable { what: "truncate", why: "left out: how a text that is too long is cut cannot be said" };

pub(super) fn read_request(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let inputs = inputs(fields.any("input").ok_or_else(|| fields.missing("input"))?)?;
    let mut request = Request {
        model: fields.text("model")?.unwrap_or_default(),
        inputs,
        dimensions: fields.whole("dimensions")?,
        aim: fields.peek("input_type").and_then(aim),
        user: fields.text("user")?,
        ..Request::default()
    };
    if request.aim.is_some() {
        fields.any("input_type");
    }
    match fields.text("encoding_format")?.as_deref() {
        None => {}
        Some("float") => request.forms.push(Form::Numbers),
        Some("base64") => request.forms.push(Form::Base64),
        Some(_) => {
            return Err(Unreadable::at("encoding_format", "This must be `float` or `base64`."));
        }
    }
    request.rest = fields.rest();
    Ok(request)
}

/// What `input_type` says, in the words that are about: Cohere's, and those of services that are like OpenAI (NVIDIA, "Create embeddings").
fn aim(word: &str) -> Option<Aim> {
    match word {
        "query" => Some(Aim::Query),
        "passage" | "document" => Some(Aim::Document),
        other => cohere::aim(other),
    }
}

/// A text, its tokens, or an array of either.
fn inputs(input: Value) -> Result<Vec<Input>, Unreadable> {
    const WHAT: &str = "a string, an array of strings, an array of tokens, or an array of arrays of tokens";
    match input {
        Value::String(text) => Ok(vec![Input::Text(text)]),
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_number) => {
            Ok(vec![tokens(&list, "input")?])
        }
        Value::Array(list) => {
            let one = |(nth, item): (usize, Value)| match item {
                Value::String(text) => Ok(Input::Text(text)),
                Value::Array(list) => tokens(&list, &format!("input[{nth}]")),
                other => Err(wrong(&format!("input[{nth}]"), "a string or an array of tokens", &other)),
            };
            list.into_iter().enumerate().map(one).collect()
        }
        other => Err(wrong("input", WHAT, &other)),
    }
}

fn tokens(list: &[Value], at: &str) -> Result<Input, Unreadable> {
    let token = |(nth, token): (usize, &Value)| {
        token.as_u64().ok_or_else(|| wrong(&format!("{at}[{nth}]"), "a token, a whole number", token))
    };
    Ok(Input::Tokens(list.iter().enumerate().map(token).collect::<Result<_, _>>()?))
}

pub(super) fn write_request(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let input = |input: &Input| match input {
        Input::Tokens(tokens) => Value::from(tokens.clone()),
        Input::Text(_) | Input::Parts(_) => Value::from(joined(input, losses)),
    };
    let mut inputs: Vec<Value> = request.inputs.iter().map(input).collect();
    let mut out = Object::default();
    out.put("model", request.model.as_str());
    // One alone is written as it mostly is: not every server takes a list.
    out.put("input", if inputs.len() == 1 { inputs.remove(0) } else { Value::Array(inputs) });
    out.maybe("dimensions", request.dimensions).maybe("user", request.user.as_deref());
    losses.add_if(request.aim.is_some(), &INPUT_TYPE);
    // Whoever says nothing has it refused.
    losses.add_if(matches!(request.cut, Some(Cut::Start | Cut::End)), &TRUNCATE);
    Ok(out.bytes())
}

#[derive(Deserialize)]
struct Answer {
    model: Option<Value>,
    data: Vec<Item>,
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Read,
}

#[derive(Serialize)]
struct Counts {
    prompt_tokens: u64,
    total_tokens: u64,
}

pub(super) fn read_response(bytes: &[u8]) -> Result<Response, Unreadable> {
    let Answer { model, mut data, usage } = answer(bytes)?;
    // Who numbers them may send them in any order.
    if data.iter().any(|item| item.index.is_some()) {
        data.sort_by_key(|item| item.index);
        if data.iter().enumerate().any(|(nth, item)| item.index != Some(nth)) {
            return Err(Unreadable::new("Its vectors are not numbered from 0 without a gap."));
        }
    }
    let counted = |name: &str, usage: &Value| count(usage.get(name)?);
    Ok(Response {
        id: None,
        model: model.as_ref().and_then(Value::as_str).map(str::to_owned),
        vectors: data.into_iter().map(|item| item.embedding.0).collect(),
        tokens: usage
            .and_then(|usage| counted("prompt_tokens", &usage).or_else(|| counted("total_tokens", &usage))),
    })
}

#[derive(Serialize)]
struct List<'r> {
    object: &'static str,
    data: Vec<Vector<'r>>,
    model: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Counts>,
}

#[derive(Serialize)]
struct Vector<'r> {
    object: &'static str,
    index: usize,
    embedding: Written<'r>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Written<'r> {
    Numbers(Numbers<'r>),
    Base64(Base64<'r>),
}

pub(super) fn write_response(response: &Response, to: &To<'_>) -> Vec<u8> {
    let packed = to.request.wants(&Form::Base64);
    let vectors = response.vectors.iter().enumerate().map(|(index, vector)| Vector {
        object: "embedding",
        index,
        embedding: if packed { Written::Base64(Base64(vector)) } else { Written::Numbers(Numbers(vector)) },
    });
    written(&List {
        object: "list",
        data: vectors.collect(),
        model: response.model.as_deref().unwrap_or(&to.request.model),
        usage: response.tokens.map(|tokens| Counts { prompt_tokens: tokens, total_tokens: tokens }),
    })
}
