//! The older way, `POST /v1/rerank`, of Jina and of servers that follow it. Sources: Jina AI, "Reranker API"; Cohere API reference,
//! version 1, "Rerank"; docs/serving of vllm-project/vllm, "Re-rank API".

use serde_json::{Value, json};

use super::super::json::{Fields, Object, count};
use super::{FIELDS, To, texts};
use crate::hub::rerank::{Document, Ranked, Request, Response};
use crate::hub::{Losses, Unreadable, Unsayable};

/// What cannot be said.
pub(super) const UNSAYABLE: &[&Unsayable] = &[&FIELDS];

/// Whether the documents are wanted back: those who follow Jina give them to who says nothing of it.
pub(super) fn returns(fields: &mut Fields) -> Result<bool, Unreadable> {
    Ok(fields.flag("return_documents")?.unwrap_or(true))
}

pub(super) fn write_request(request: &Request, losses: &mut Losses) -> Vec<u8> {
    let mut out = Object::default();
    out.put("model", request.model.as_str()).put("query", request.query.as_str());
    out.put("documents", texts(request, losses)).maybe("top_n", request.top);
    // Its caller's are here already.
    out.put("return_documents", false);
    out.bytes()
}

/// Both spellings of what was read occur.
pub(super) fn counts(fields: &mut Fields, response: &mut Response) {
    let usage = fields.any("usage").unwrap_or_default();
    let counted = |name: &str| count(usage.get(name)?);
    response.tokens = counted("prompt_tokens").or_else(|| counted("total_tokens"));
}

pub(super) fn write_response(response: &Response, to: &To<'_>) -> Vec<u8> {
    let result = |ranked: &Ranked| {
        let mut out = Object::default();
        out.put("index", ranked.index).put("relevance_score", Value::Number(ranked.score.clone()));
        let document = to.request.documents.get(ranked.index).filter(|_| to.request.returns);
        out.maybe("document", document.map(written));
        out.done()
    };
    let mut out = Object::default();
    out.maybe("id", response.id.as_deref()).put("object", "list");
    out.put("model", response.model.as_deref().unwrap_or(&to.request.model));
    out.put("results", response.ranked.iter().map(result).collect::<Vec<Value>>());
    out.maybe(
        "usage",
        response.tokens.map(|tokens| json!({"prompt_tokens": tokens, "total_tokens": tokens})),
    );
    let searches = response.searches.clone();
    out.maybe("meta", searches.map(|searches| json!({"billed_units": {"search_units": searches}})));
    out.bytes()
}

/// A document as it comes back.
fn written(document: &Document) -> Value {
    match document {
        Document::Text(text) => json!({"text": text}),
        Document::Fields(_, map) => Value::Object(map.clone()),
    }
}
