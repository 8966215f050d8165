//! AWS Bedrock, `POST /model/{model}/invoke`: each maker's models are asked in a form of their own, told by the model's id.
//!
//! Sources: Amazon Bedrock User Guide, "Amazon Titan Text Embeddings" and "Cohere Embed v3", "Cohere Embed v4"; recorded answers, for
//! the header that counts tokens. Only a place: no caller of ours asks so.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::super::json::{Object, count};
use super::vector::{Read, numbers};
use super::{answer, at_most, cohere, texts, unsayable};
use crate::hub::embedding::{Cut, Request, Response};
use crate::hub::{Losses, Unreadable, Unsayable};

/// What cannot be said.
pub(super) const UNSAYABLE: &[&Unsayable] = &[
    &MODEL,
    &MANY,
    &cohere::MANY,
    &unsayable::TOKENS,
    &DIMENSIONS,
    &cohere::NO_INPUT_TYPE,
    &cohere::INPUT_TYPE,
    &INPUT_TYPE,
    &TRUNCATE,
    &unsayable::PARTS,
    &unsayable::USER,
    &unsayable::PACKED,
];

static MODEL: Unsayable = Unsayable {
    what: "models of other makers",
    why: "refused: Titan Text Embeddings and Cohere Embed are asked in the forms that are documented for them; the name of a profile or of throughput does not say which model is behind it",
};
static MANY: Unsayable =
    Unsayable { what: "more than one text to Titan", why: "refused: Titan takes one text in one request" };
static DIMENSIONS: Unsayable = Unsayable {
    what: "dimensions",
    why: "refused by Titan G1 and Cohere Embed v3: vectors of another length than the caller expects are of no use",
};
static INPUT_TYPE: Unsayable =
    Unsayable { what: "input_type to Titan", why: "left out: Titan has no such field" };
static TRUNCATE: Unsayable =
    Unsayable { what: "truncate to Titan", why: "left out: Titan refuses a text that is too long" };

/// The forms of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// Titan Text Embeddings V2.
    Titan,
    /// Titan Embeddings G1 - Text: a text and nothing else.
    TitanFirst,
    /// Cohere Embed v3.
    CohereThird,
    /// Cohere Embed v4.
    Cohere,
}

/// The form of a model, by its id; a region may stand before it (`us.cohere.embed-v4:0`), or all of an ARN.
fn form(model: &str) -> Option<Form> {
    const FORMS: [(&str, Form); 4] = [
        ("amazon.titan-embed-text-v2", Form::Titan),
        ("amazon.titan-embed-text-v1", Form::TitanFirst),
        ("cohere.embed-v4", Form::Cohere),
        ("cohere.embed-", Form::CohereThird),
    ];
    FORMS.iter().find(|(id, _)| model.contains(id)).map(|(_, form)| *form)
}

pub(super) fn write_request(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let Some(form) = form(&request.model) else {
        let say = "Which form this model of Bedrock's is asked in cannot be told by its id: vectors are made by Titan Text Embeddings (`amazon.titan-embed-text-...`) and Cohere Embed (`cohere.embed-...`).";
        return Err(Unreadable::at("model", say));
    };
    let mut out = Object::default();
    match form {
        Form::Titan | Form::TitanFirst => {
            at_most(request, 1, "Titan takes")?;
            out.put("inputText", texts(request, losses)?.pop().unwrap_or_default());
            losses.add_if(request.aim.is_some(), &INPUT_TYPE);
            losses.add_if(matches!(request.cut, Some(Cut::Start | Cut::End)), &TRUNCATE);
            losses.add_if(request.user.is_some(), &unsayable::USER);
        }
        Form::Cohere | Form::CohereThird => cohere::asked(request, &mut out, losses)?,
    }
    match (form, request.dimensions) {
        (_, None) => {}
        (Form::Titan, Some(dimensions)) => {
            out.put("dimensions", dimensions);
        }
        (Form::Cohere, Some(dimensions)) => {
            out.put("output_dimension", dimensions);
        }
        (Form::TitanFirst | Form::CohereThird, Some(_)) => {
            let say = "This model's vectors have one length only. Leave it out, or ask for a newer model.";
            return Err(Unreadable::at("dimensions", say));
        }
    }
    Ok(out.bytes())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Titan {
    embedding: Read,
    input_text_token_count: Option<Value>,
}

/// Cohere's, by type or plain.
#[derive(Deserialize)]
struct Cohere<E> {
    embeddings: E,
    id: Option<Value>,
}

#[derive(Deserialize)]
struct ByType {
    float: Vec<Read>,
}

pub(super) fn read_response(bytes: &[u8]) -> Result<Response, Unreadable> {
    let cohere = |id: Option<Value>, vectors| Response {
        id: id.as_ref().and_then(Value::as_str).map(str::to_owned),
        vectors: numbers(vectors),
        ..Response::default()
    };
    if let Ok(Titan { embedding, input_text_token_count }) = answer(bytes) {
        let tokens = input_text_token_count.as_ref().and_then(count);
        return Ok(Response { vectors: vec![embedding.0], tokens, ..Response::default() });
    }
    if let Ok(Cohere::<ByType> { embeddings, id }) = answer(bytes) {
        return Ok(cohere(id, embeddings.float));
    }
    let Cohere::<Vec<Read>> { embeddings, id } = answer(bytes)?;
    Ok(cohere(id, embeddings))
}

/// The tokens that were read, as the head of an answer counts them.
pub(super) fn tokens(head: &HeaderMap) -> Option<u64> {
    head.get("x-amzn-bedrock-input-token-count")?.to_str().ok()?.parse().ok()
}
