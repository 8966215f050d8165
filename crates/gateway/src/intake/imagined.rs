//! A request nobody made: understood by the same rules, as far as its way depends on them.

use bytes::Bytes;
use http::{HeaderMap, Method};
use protocol::dialect::Dialect;
use protocol::fault::Kind;
use protocol::operation::{self, ModelAt, Operation, Row};

use super::body::{Payload, understand, wants_json};
use super::{agreed, credential, decode, missing_model, path_error};
use crate::error::ApiError;

/// What decides the way of a request, and no more.
pub(crate) struct Imagined {
    /// The operation and its properties.
    pub(crate) row: &'static Row,
    /// The path below `/v1`, as written.
    pub(crate) rest: String,
    /// The one model named.
    pub(crate) model: Option<String>,
    /// The model or deployment in the path, decoded.
    pub(crate) path_model: Option<String>,
    /// The language to answer in.
    pub(crate) dialect: Dialect,
}

/// Understands method, path (with its query) and JSON body; `model` stands where the operation has it, when no body does.
///
/// # Errors
/// What a caller would be told before any upstream heard of it.
pub(crate) fn imagine(
    method: &Method,
    target: &str,
    model: Option<&str>,
    body: Option<&[u8]>,
) -> Result<Imagined, ApiError> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let found = operation::find(method, path).map_err(|problem| path_error(problem, path))?;
    credential::read(&[], &HeaderMap::new(), query)?;
    let row = found.row;
    // With GET, what may be a WebSocket is meant as one.
    if row.socket && *method == Method::GET && row.operation == Operation::Responses {
        let say = "Over a WebSocket each message is a call of its own, and goes where the same request goes with POST.";
        return Err(ApiError::new(Kind::UpgradeRequired, say));
    }
    let body = body.filter(|_| wants_json(row, "application/json")).map(Bytes::copy_from_slice);
    let envelope = body.as_ref().map(|body| understand(body, row)).transpose()?.flatten();
    let in_body = envelope.and_then(|envelope| envelope.model).map(|text| text.says);
    let said = model.filter(|_| row.model != ModelAt::Nowhere).map(str::to_owned);
    let model = agreed(&found, [in_body, said], query)?;
    if model.is_none() && row.model == ModelAt::Body {
        let payload = body.map_or(Payload::Empty, Payload::Whole);
        return Err(missing_model(&payload));
    }
    Ok(Imagined {
        row,
        rest: found.rest.to_owned(),
        model,
        path_model: found.model.map(decode),
        dialect: row.operation.dialect(),
    })
}
