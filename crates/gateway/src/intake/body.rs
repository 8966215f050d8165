//! The body of a request: read whole when a field of it decides the way, else left to flow.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::Limits;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http_body::Body as _;
use hyper::body::Incoming;
use protocol::envelope::{self, Envelope, EnvelopeProblem};
use protocol::fault::Kind;
use protocol::frame::multipart;
use protocol::operation::{ModelAt, Operation, Row};

use super::pieces::{Gathered, bad_form, next, too_large};
use super::upload::UploadBody;
use crate::error::ApiError;
use crate::shelf::Recent;

/// What comes behind a head.
pub(crate) enum Arriving {
    /// A body, piece by piece.
    Body(Incoming),
    /// A message of a WebSocket, and what that WebSocket remembers.
    Message(Bytes, Arc<Recent>),
}

/// A request's body.
pub(crate) enum Payload {
    /// None.
    Empty,
    /// Read whole: replayable, editable.
    Whole(Bytes),
    /// Flowing through; at most its beginning was looked at.
    Flowing(Box<UploadBody>),
}

impl Payload {
    /// A small field of a form that came before its file. Given twice with different values it is refused.
    pub(super) fn form_field(&self, name: &str) -> Result<Option<String>, ApiError> {
        match self {
            Self::Flowing(body) => body.field(name),
            _ => Ok(None),
        }
    }
}

/// Reads as much of the body as the row needs.
pub(super) async fn read(
    head: &Parts,
    row: &'static Row,
    body: Arriving,
    limits: &Limits,
    gap: Duration,
) -> Result<(Payload, Option<Envelope>), ApiError> {
    let body = match body {
        Arriving::Body(body) => body,
        Arriving::Message(whole, _) => {
            let envelope = understand(&whole, row)?;
            return Ok((Payload::Whole(whole), envelope));
        }
    };
    if body.is_end_stream() {
        return Ok((Payload::Empty, None));
    }
    let declared = body.size_hint().exact();
    let kind = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoded = head.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity");
    let form = kind.get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"));
    if wants_json(row, kind) && !form && !encoded {
        refuse_larger(declared, limits.body)?;
        let whole = collect(body, limits.body, gap).await?;
        let envelope = understand(&whole, row)?;
        return Ok((Payload::Whole(whole), envelope));
    }
    refuse_larger(declared, limits.upload)?;
    let mut flowing = UploadBody::new(body, limits.upload, gap);
    if form && !encoded && (row.form || row.model != ModelAt::Nowhere) {
        let boundary =
            multipart::boundary(kind).map_err(|_| bad_form("its boundary is missing or malformed"))?;
        flowing.look_for_fields(&boundary).await?;
    }
    Ok((Payload::Flowing(Box::new(flowing)), None))
}

/// A JSON body decides the way of operations that have a model, whatever its content type says (curl's default for `-d`
/// is that of forms). Of a path nobody knows only what may be JSON is read.
pub(super) fn wants_json(row: &Row, kind: &str) -> bool {
    match row.model {
        ModelAt::Body | ModelAt::BodyNoted | ModelAt::Path => true,
        ModelAt::BodyMaybe => row.operation != Operation::Other || may_be_json(&kind.to_ascii_lowercase()),
        ModelAt::Nowhere | ModelAt::Query => false,
    }
}

fn may_be_json(kind: &str) -> bool {
    kind.is_empty() || ["json", "urlencoded", "text/plain"].iter().any(|word| kind.contains(word))
}

/// Refuses by the declared length, before anything is read (and before any `100 Continue`).
fn refuse_larger(declared: Option<u64>, limit: u64) -> Result<(), ApiError> {
    if declared.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(()) }
}

async fn collect(mut body: Incoming, limit: u64, gap: Duration) -> Result<Bytes, ApiError> {
    let mut gathered = Gathered::expecting(body.size_hint().exact());
    // One that says how long it is ends with its last byte: nobody is asked for more.
    while !body.is_end_stream()
        && let Some(data) = next(&mut body, gap).await?
    {
        gathered.push(data);
        if gathered.len() as u64 > limit {
            return Err(too_large(limit));
        }
    }
    Ok(gathered.into_bytes())
}

pub(super) fn understand(whole: &Bytes, row: &Row) -> Result<Option<Envelope>, ApiError> {
    match envelope::read_in(row.operation.dialect(), whole) {
        Ok(envelope) => Ok(Some(envelope)),
        Err(problem @ (EnvelopeProblem::Duplicate(_) | EnvelopeProblem::Misspelt(_))) => {
            Err(invalid_json(problem))
        }
        // What is no name is no name of ours: an account's own affair.
        Err(EnvelopeProblem::WrongType("model")) if row.model == ModelAt::BodyNoted => Ok(None),
        // A path nobody knows may carry anything; it passes as it is.
        Err(_) if row.operation == Operation::Other => Ok(None),
        Err(problem) => Err(invalid_json(problem)),
    }
}

/// What is wrong with a body.
pub(crate) fn invalid_json(problem: EnvelopeProblem) -> ApiError {
    let say = match problem {
        EnvelopeProblem::NotJson(at) => format!("The body is not valid JSON: it breaks at byte {at}."),
        EnvelopeProblem::NotUtf8(at) => format!("The body is not UTF-8: it breaks at byte {at}."),
        EnvelopeProblem::TooDeep(at) => {
            format!("The body is nested deeper than {} levels (at byte {at}).", envelope::MAX_DEPTH)
        }
        EnvelopeProblem::NotAnObject => "The body is not a JSON object.".to_owned(),
        EnvelopeProblem::Duplicate(name) => {
            let say =
                format!("`{name}` is given twice, and programs differ on which one counts. Give it once.");
            return ApiError::new(Kind::DuplicateKey, say).param(name);
        }
        EnvelopeProblem::Misspelt(name) => {
            let say = format!(
                "`{name}` is spelled in letters of another case, and programs differ on whether that counts. Write it as `{name}`, once."
            );
            return ApiError::new(Kind::DuplicateKey, say).param(name);
        }
        EnvelopeProblem::WrongType(name) => {
            return ApiError::new(Kind::InvalidJson, format!("`{name}` has a value of the wrong type."))
                .param(name);
        }
    };
    ApiError::new(Kind::InvalidJson, say)
}
