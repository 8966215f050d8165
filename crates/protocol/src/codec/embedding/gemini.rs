//! Google, `:embedContent` and `:batchEmbedContents`. Source: Gemini API reference (v1beta), "Embeddings"; `gemini-v1beta-openapi.json`.
//!
//! The reference has what is wanted of a vector in `embedContentConfig` now, and beside it as before. Both are read. What every model
//! understands is written beside it, as Google's own libraries do.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::json::{Fields, Object, body, bytes, count};
use super::vector::{Numbers, Read, numbers};
use super::{answer, at_most, of_parts, of_tokens, unsayable, written};
use crate::hub::embedding::{Aim, Cut, Input, Request, Response};
use crate::hub::{Losses, Unreadable, Unsayable};

/// Requests a batch, as the service says when there are more.
const MOST: usize = 100;

/// What cannot be said.
pub(super) const UNSAYABLE: &[&Unsayable] =
    &[&unsayable::TOKENS, &MANY, &TRUNCATE, &unsayable::USER, &unsayable::PACKED];

static MANY: Unsayable =
    Unsayable { what: "more than 100 texts", why: "refused: that many are taken in one request" };
static TRUNCATE: Unsayable = Unsayable {
    what: "truncate",
    why: "left out where the beginning is to go: only the end of a text is cut",
};

pub(super) fn read_one(bytes: &[u8]) -> Result<Request, Unreadable> {
    one(body(bytes)?, "")
}

pub(super) fn read_batch(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let requests = fields.list("requests")?.ok_or_else(|| fields.missing("requests"))?;
    let mut whole: Option<Request> = None;
    for (nth, request) in requests.into_iter().enumerate() {
        let at = format!("requests[{nth}]");
        let next = one(Fields::of(request, at.as_str())?, &at)?;
        match &mut whole {
            None => whole = Some(next),
            Some(whole) if wishes(whole) == wishes(&next) => {
                whole.inputs.extend(next.inputs);
                whole.rest.extend(next.rest);
            }
            Some(_) => {
                let say = "Where the model is spoken to in another language, all requests of a batch want the same of their vectors.";
                return Err(Unreadable::at(at, say));
            }
        }
    }
    let mut whole = whole.unwrap_or_default();
    whole.rest.extend(fields.rest());
    Ok(whole)
}

/// What is wanted of a vector.
fn wishes(request: &Request) -> (Option<u64>, Option<Aim>, Option<Cut>) {
    (request.dimensions, request.aim, request.cut)
}

/// One request. The model is the path's; what stands beside the content is the same for all.
fn one(mut fields: Fields, at: &str) -> Result<Request, Unreadable> {
    let content = fields.any("content").ok_or_else(|| fields.missing("content"))?;
    let inputs = vec![input(content, &fields.path("content"))?];
    fields.any("model");
    let mut config = fields.within("embedContentConfig")?;
    let mut request = Request {
        inputs,
        dimensions: config.whole("outputDimensionality")?.or(fields.whole("outputDimensionality")?),
        cut: config.flag("autoTruncate")?.map(|cuts| if cuts { Cut::End } else { Cut::Never }),
        ..Request::default()
    };
    for fields in [&mut config, &mut fields] {
        let Some(word) = fields.text("taskType")? else { continue };
        request.aim = request.aim.or(aim(&word));
        if aim(&word).is_none() && word != UNSAID {
            let say = format!("`{word}` is not one of the words for what a vector is for.");
            return Err(Unreadable::at(
                if at.is_empty() { "taskType".to_owned() } else { format!("{at}.taskType") },
                say,
            ));
        }
    }
    request.rest = fields.rest();
    request.rest.extend(config.rest());
    Ok(request)
}

/// The texts of a content.
fn input(content: Value, at: &str) -> Result<Input, Unreadable> {
    let mut content = Fields::of(content, at)?;
    let parts = content.list("parts")?.ok_or_else(|| content.missing("parts"))?;
    let text = |(nth, part): (usize, Value)| {
        let at = format!("{at}.parts[{nth}]");
        let text = Fields::of(part, at.as_str())?.text("text")?;
        text.ok_or_else(|| Unreadable::at(at, "Only texts go to a place that speaks another language."))
    };
    of_parts(parts.into_iter().enumerate().map(text).collect::<Result<_, _>>()?, content.path("parts"))
}

/// The word for nothing.
const UNSAID: &str = "TASK_TYPE_UNSPECIFIED";

/// Aims and their words.
const AIMS: [(Aim, &str); 8] = [
    (Aim::Query, "RETRIEVAL_QUERY"),
    (Aim::Document, "RETRIEVAL_DOCUMENT"),
    (Aim::Similarity, "SEMANTIC_SIMILARITY"),
    (Aim::Classification, "CLASSIFICATION"),
    (Aim::Clustering, "CLUSTERING"),
    (Aim::Question, "QUESTION_ANSWERING"),
    (Aim::Fact, "FACT_VERIFICATION"),
    (Aim::Code, "CODE_RETRIEVAL_QUERY"),
];

/// What a word says; the service takes it in letters of either case.
fn aim(word: &str) -> Option<Aim> {
    AIMS.iter().find(|(_, name)| name.eq_ignore_ascii_case(word)).map(|(aim, _)| *aim)
}

pub(super) fn write_request(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    at_most(request, MOST, "Gemini takes")?;
    let model = request.model.strip_prefix("models/").unwrap_or(&request.model);
    let word = AIMS.iter().find(|(aim, _)| request.aim == Some(*aim)).map(|(_, word)| *word);
    losses.add_if(request.cut == Some(Cut::Start), &TRUNCATE);
    losses.add_if(request.user.is_some(), &unsayable::USER);
    let cuts = match request.cut {
        Some(Cut::Never) => Some(json!({"autoTruncate": false})),
        Some(Cut::End) => Some(json!({"autoTruncate": true})),
        Some(Cut::Start) | None => None,
    };
    let one = |parts: Value| {
        let mut out = Object::default();
        out.put("model", format!("models/{model}")).put("content", json!({"parts": parts}));
        out.maybe("taskType", word).maybe("outputDimensionality", request.dimensions);
        out.maybe("embedContentConfig", cuts.clone());
        out.done()
    };
    let parts = |input: &Input| match input {
        Input::Parts(parts) => Ok(parts.iter().map(|text| json!({"text": text})).collect()),
        Input::Text(text) => Ok(json!([{"text": text}])),
        Input::Tokens(_) => Err(of_tokens()),
    };
    let requests =
        request.inputs.iter().map(|input| parts(input).map(one)).collect::<Result<Vec<Value>, _>>()?;
    Ok(bytes(&json!({"requests": requests})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    embeddings: Vec<Values>,
    usage_metadata: Option<Value>,
}

#[derive(Deserialize)]
struct Values {
    values: Read,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: u64,
}

pub(super) fn read_response(bytes: &[u8]) -> Result<Response, Unreadable> {
    let Answer { embeddings, usage_metadata } = answer(bytes)?;
    let vectors = numbers(embeddings.into_iter().map(|embedding| embedding.values).collect());
    let tokens = usage_metadata.and_then(|counts| count(counts.get("promptTokenCount")?));
    Ok(Response { vectors, tokens, ..Response::default() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<T> {
    #[serde(flatten)]
    vectors: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<Counts>,
}

#[derive(Serialize)]
struct One<'r> {
    embedding: Vector<'r>,
}

#[derive(Serialize)]
struct Batch<'r> {
    embeddings: Vec<Vector<'r>>,
}

#[derive(Serialize)]
struct Vector<'r> {
    values: Numbers<'r>,
}

pub(super) fn write_one(response: &Response) -> Vec<u8> {
    let values = Numbers(response.vectors.first().map_or(&[], Vec::as_slice));
    told(response, One { embedding: Vector { values } })
}

pub(super) fn write_batch(response: &Response) -> Vec<u8> {
    let vector = |vector| Vector { values: Numbers(vector) };
    told(response, Batch { embeddings: response.vectors.iter().map(|values| vector(values)).collect() })
}

fn told(response: &Response, vectors: impl Serialize) -> Vec<u8> {
    let counts = |tokens| Counts { prompt_token_count: tokens };
    written(&Told { vectors, usage_metadata: response.tokens.map(counts) })
}
