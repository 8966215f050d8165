//! How many tokens a conversation has, where its model is somewhere that does not count in its caller's language: an estimate, which
//! programs want in order to know when to begin anew (a 404 in its place slows them down).

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use protocol::dialect::Wire;
use serde_json::json;

use crate::admit::Estimate;
use crate::intake::Call;
use crate::route::Plan;
use crate::upstream::Answer;

/// The answer, if it is ours to give: the place the call would go to speaks another language.
pub(crate) fn answer(call: &Call, plan: &Plan) -> Option<Answer> {
    let wire = call.row.counts(&call.rest)?;
    if plan.first.provider.serves(call.row.operation) {
        return None;
    }
    let tokens = Estimate::prompt(call);
    let body = match wire {
        Wire::Gemini => json!({"totalTokens": tokens}),
        Wire::Responses => json!({"object": "response.input_tokens", "input_tokens": tokens}),
        _ => json!({"input_tokens": tokens}),
    };
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(Answer::ours(StatusCode::OK, head, body.to_string().into()))
}
