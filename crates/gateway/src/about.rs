//! What is asked about a conversation or a model and not of one, where the model is somewhere that does not answer it in its caller's
//! language: an estimate of tokens, which programs want in order to know when to begin anew (a 404 in its place slows them down),
//! and what is known of a model.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use protocol::dialect::Wire;
use protocol::listing;
use protocol::operation::About;
use serde_json::json;

use crate::admit::Estimate;
use crate::intake::Call;
use crate::route::Plan;
use crate::upstream::Answer;

/// The answer, if it is ours to give.
pub(crate) fn answer(call: &Call, plan: &Plan) -> Option<Answer> {
    let about = call.row.about(&call.rest)?;
    let first = &plan.first;
    // One of its models may be served in another language than its others.
    if first.provider.serves_by(first.vendor(), call.row.operation) {
        return None;
    }
    let tokens = Estimate::prompt(call);
    let body = match about {
        About::Tokens(Wire::Gemini) => json!({"totalTokens": tokens}),
        About::Tokens(Wire::Responses) => json!({"object": "response.input_tokens", "input_tokens": tokens}),
        About::Tokens(_) => json!({"input_tokens": tokens}),
        About::Model => listing::details(call.model.as_deref().unwrap_or_default()),
    };
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(Answer::ours(StatusCode::OK, head, body.to_string().into()))
}
