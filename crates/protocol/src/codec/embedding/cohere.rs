//! Cohere, `POST /v2/embed`. Source: Cohere API reference, version 2, "Embed".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::json::{Fields, Object, body};
use super::vector::{Base64, Numbers, Read, numbers};
use super::{To, answer, at_most, counts, of_parts, strings, texts, unsayable, written};
use crate::codec::cohere::id;
use crate::hub::embedding::{Aim, Cut, Form, Input, Request, Response};
use crate::hub::{Losses, Unreadable, Unsayable};

/// Texts a request, by the reference.
pub(super) const MOST: usize = 96;

/// What cannot be said.
pub(super) const UNSAYABLE: &[&Unsayable] = &[
    &NO_INPUT_TYPE,
    &INPUT_TYPE,
    &unsayable::TOKENS,
    &MANY,
    &unsayable::PARTS,
    &unsayable::USER,
    &unsayable::PACKED,
];

pub(super) static NO_INPUT_TYPE: Unsayable = Unsayable {
    what: "no input_type",
    why: "said as `search_document`: models want to be told what their vectors are for; callers of OpenAI's language may send `input_type`",
};
pub(super) static INPUT_TYPE: Unsayable = Unsayable {
    what: "input_type",
    why: "said as the nearest: to look for answers, facts or code as `search_query`, to compare texts as `search_document`",
};
pub(super) static MANY: Unsayable =
    Unsayable { what: "more than 96 texts", why: "refused: that many are taken in one request" };

pub(super) fn read_request(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    if fields.has("images") {
        return Err(Unreadable::at("images", "Pictures go to a place that speaks Cohere's language only."));
    }
    let inputs = match (fields.list("texts")?, fields.list("inputs")?) {
        (Some(list), None) => strings(list, "texts")?.into_iter().map(Input::Text).collect(),
        (None, Some(list)) => list.into_iter().enumerate().map(content).collect::<Result<_, _>>()?,
        (Some(_), Some(_)) => {
            return Err(Unreadable::at("inputs", "Say either `texts` or `inputs`, not both."));
        }
        (None, None) => return Err(fields.missing("texts")),
    };
    let mut request = Request {
        model: fields.need("model")?,
        inputs,
        dimensions: fields.whole("output_dimension")?,
        aim: fields.peek("input_type").and_then(aim),
        cut: fields.peek("truncate").and_then(cut),
        ..Request::default()
    };
    if request.aim.is_some() {
        fields.any("input_type");
    }
    if request.cut.is_some() {
        fields.any("truncate");
    }
    let forms = strings(fields.list("embedding_types")?.unwrap_or_default(), "embedding_types")?;
    request.forms = forms.into_iter().map(form).collect();
    request.rest = fields.rest();
    Ok(request)
}

/// One of `inputs`: its texts.
fn content((nth, input): (usize, Value)) -> Result<Input, Unreadable> {
    let at = format!("inputs[{nth}]");
    let mut input = Fields::of(input, at.as_str())?;
    let parts = input.list("content")?.ok_or_else(|| input.missing("content"))?;
    let text = |(nth, part): (usize, Value)| {
        let at = format!("{at}.content[{nth}]");
        let mut part = Fields::of(part, at.as_str())?;
        match part.text("type")?.as_deref() {
            Some("text") => part.need("text"),
            _ => Err(Unreadable::at(at, "Only texts go to a place that speaks another language.")),
        }
    };
    of_parts(parts.into_iter().enumerate().map(text).collect::<Result<_, _>>()?, input.path("content"))
}

/// What a word of `input_type` says.
pub(super) fn aim(word: &str) -> Option<Aim> {
    match word {
        "search_query" => Some(Aim::Query),
        "search_document" => Some(Aim::Document),
        "classification" => Some(Aim::Classification),
        "clustering" => Some(Aim::Clustering),
        _ => None,
    }
}

fn cut(word: &str) -> Option<Cut> {
    match word {
        "NONE" => Some(Cut::Never),
        "START" => Some(Cut::Start),
        "END" => Some(Cut::End),
        _ => None,
    }
}

fn form(word: String) -> Form {
    match word.as_str() {
        "float" => Form::Numbers,
        "base64" => Form::Base64,
        _ => Form::Packed(word),
    }
}

pub(super) fn write_request(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let mut out = Object::default();
    out.put("model", request.model.as_str());
    asked(request, &mut out, losses)?;
    out.put("embedding_types", vec!["float"]).maybe("output_dimension", request.dimensions);
    Ok(out.bytes())
}

/// What Cohere's models are asked wherever they are.
pub(super) fn asked(request: &Request, out: &mut Object, losses: &mut Losses) -> Result<(), Unreadable> {
    at_most(request, MOST, "Cohere's models take")?;
    out.put("texts", texts(request, losses)?).put("input_type", input_type(request.aim, losses));
    let cut = request.cut.map(|cut| match cut {
        Cut::Never => "NONE",
        Cut::Start => "START",
        Cut::End => "END",
    });
    out.maybe("truncate", cut);
    losses.add_if(request.user.is_some(), &unsayable::USER);
    Ok(())
}

fn input_type(aim: Option<Aim>, losses: &mut Losses) -> &'static str {
    losses.add_if(aim.is_none(), &NO_INPUT_TYPE);
    let near = matches!(aim, Some(Aim::Similarity | Aim::Question | Aim::Fact | Aim::Code));
    losses.add_if(near, &INPUT_TYPE);
    match aim {
        Some(Aim::Query | Aim::Question | Aim::Fact | Aim::Code) => "search_query",
        Some(Aim::Classification) => "classification",
        Some(Aim::Clustering) => "clustering",
        None | Some(Aim::Document | Aim::Similarity) => "search_document",
    }
}

#[derive(Deserialize)]
struct Answer {
    id: Option<Value>,
    embeddings: ByType,
    meta: Option<Value>,
}

#[derive(Deserialize)]
struct ByType {
    float: Vec<Read>,
}

pub(super) fn read_response(bytes: &[u8]) -> Result<Response, Unreadable> {
    let Answer { id, embeddings, meta } = answer(bytes)?;
    let id = id.as_ref().and_then(Value::as_str).map(str::to_owned);
    Ok(Response { id, model: None, vectors: numbers(embeddings.float), tokens: meta.and_then(tokens) })
}

#[derive(Deserialize)]
struct Counted {
    meta: Option<Value>,
}

/// The tokens an answer counts.
pub(super) fn counted(bytes: &[u8]) -> Option<u64> {
    tokens(counts::<Counted>(bytes)?.meta?)
}

/// The tokens of `meta`; the reference has them as numbers that may have a fraction.
fn tokens(meta: Value) -> Option<u64> {
    Fields::of(meta, "").ok()?.within("billed_units").ok()?.whole("input_tokens").ok()?
}

#[derive(Serialize)]
struct Told<'r> {
    id: String,
    embeddings: Written<'r>,
    texts: Vec<&'r str>,
    meta: Value,
    response_type: &'static str,
}

#[derive(Serialize)]
struct Written<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    float: Option<Vec<Numbers<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<Vec<Base64<'r>>>,
}

pub(super) fn write_response(response: &Response, to: &To<'_>) -> Vec<u8> {
    let vectors = || response.vectors.iter();
    let wants = |form: &Form| to.request.wants(form);
    let mut meta = json!({"api_version": {"version": "2"}});
    if let Some(tokens) = response.tokens {
        meta["billed_units"] = json!({"input_tokens": tokens});
    }
    written(&Told {
        id: id(response.id.as_deref(), to.mint),
        embeddings: Written {
            float: wants(&Form::Numbers).then(|| vectors().map(|vector| Numbers(vector)).collect()),
            base64: wants(&Form::Base64).then(|| vectors().map(|vector| Base64(vector)).collect()),
        },
        texts: to.request.inputs.iter().filter_map(text).collect(),
        meta,
        response_type: "embeddings_by_type",
    })
}

fn text(input: &Input) -> Option<&str> {
    if let Input::Text(text) = input { Some(text) } else { None }
}
