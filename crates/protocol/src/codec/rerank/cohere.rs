//! Cohere, `POST /v2/rerank`. Source: Cohere API reference, version 2, "Rerank".

use serde_json::{Value, json};

use super::super::json::{Fields, Object, count};
use super::{FIELDS, To, texts};
use crate::codec::cohere::id;
use crate::hub::rerank::{Ranked, Request, Response};
use crate::hub::{Losses, Unsayable};

/// What cannot be said.
pub(super) const UNSAYABLE: &[&Unsayable] = &[&FIELDS];

pub(super) fn write_request(request: &Request, losses: &mut Losses) -> Vec<u8> {
    let mut out = Object::default();
    out.put("model", request.model.as_str()).put("query", request.query.as_str());
    out.put("documents", texts(request, losses)).maybe("top_n", request.top);
    out.bytes()
}

/// Cohere counts searches, a hundred documents each; whoever counts tokens says so in the same place.
pub(super) fn counts(fields: &mut Fields, response: &mut Response) {
    let meta = fields.any("meta").unwrap_or_default();
    let units = |name: &str| meta.get("billed_units")?.get(name);
    let searches = units("search_units").and_then(Value::as_number);
    response.searches = searches.filter(|units| units.as_f64() >= Some(0.0)).cloned();
    response.tokens = units("input_tokens").and_then(count);
}

pub(super) fn write_response(response: &Response, to: &To<'_>) -> Vec<u8> {
    let result = |ranked: &Ranked| json!({"index": ranked.index, "relevance_score": ranked.score});
    let mut units = Object::default();
    units.maybe("input_tokens", response.tokens);
    units.maybe("search_units", response.searches.clone().map(Value::Number));
    let mut meta = Object::default();
    meta.put("api_version", json!({"version": "2"})).maybe("billed_units", units.unless_empty());
    let mut out = Object::default();
    out.put("id", id(response.id.as_deref(), to.mint));
    out.put("results", response.ranked.iter().map(result).collect::<Vec<Value>>()).put("meta", meta.done());
    out.bytes()
}
