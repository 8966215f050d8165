//! First stage: what came through the door, understood once.
//!
//! Path, host, origin, credentials and the few fields of the body we act on are read here and nowhere else; every later
//! stage, access checks included, sees the same [`Call`].

mod body;
mod call;
mod credential;
mod door;
mod imagined;
mod knock;
mod peer;
mod pieces;
mod upload;

use config::Snapshot;
use http::Method;
use hyper::{Request, upgrade};
use protocol::envelope;
use protocol::fault::Kind;
use protocol::operation::{self, ModelAt, PathProblem, Spelling};

pub(crate) use body::{Arriving, Payload, invalid_json};
pub(crate) use call::{Call, X_REQUEST_ID, fresh_id};
pub(crate) use credential::Offered;
pub(crate) use door::{Cors, caller_address, check_door, check_host, check_http2, cors};
pub(crate) use imagined::{Imagined, imagine};
pub(crate) use knock::{Knock, knock};
pub(crate) use peer::{Peer, Running, Talk, Turn};
pub(crate) use pieces::Gathered;
pub(crate) use upload::{Upload, UploadBody};

use crate::error::ApiError;

/// The longest name of a model, bytes. Names are kept in records, compared and put into addresses.
const LONGEST_NAME: usize = 1024;

/// Reads a request into a [`Call`].
///
/// # Errors
/// Whatever is wrong with it, before any upstream hears of it.
pub(crate) async fn read(
    world: &Snapshot,
    peer: &Peer,
    knock: Knock<'_>,
    request: Request<Arriving>,
) -> Result<Box<Call>, ApiError> {
    let (mut head, body) = request.into_parts();
    let Knock { found, offered, caller_ip } = knock;
    let query = head.uri.query().map(str::to_owned);
    let upgrade = upgrade(&mut head, found.row)?;
    let limits = &world.server.limits;
    let recent = match &body {
        Arriving::Message(_, recent) => Some(recent.clone()),
        Arriving::Body(_) => None,
    };
    let (payload, envelope) =
        body::read(&head, found.row, body, limits, world.server.timeouts.body_gap).await?;
    let in_body =
        envelope.as_ref().and_then(|envelope| envelope.model.as_ref()).map(|text| text.says.clone());
    let model = agreed(&found, [in_body, payload.form_field("model")?], query.as_deref())?;
    if model.is_none() && found.row.model == ModelAt::Body {
        return Err(missing_model(&payload));
    }
    if let (Some(model), Payload::Whole(body)) = (&model, &payload)
        && found.row.batches(found.rest)
    {
        one_model_inside(model, body)?;
    }
    // A verb says it where the path names the model (`:streamGenerateContent`), the body everywhere else.
    let said = envelope.as_ref().is_some_and(|envelope| envelope.stream);
    let unsaid = found.row.streams_unasked() && !envelope.as_ref().is_some_and(|envelope| envelope.whole);
    let streams = found.row.streams_by_path(found.rest) || said || unsaid;
    // In a place of its own: it goes through all later stages.
    Ok(Box::new(Call {
        id: call::id(&head.headers),
        row: found.row,
        rest: found.rest.to_owned(),
        path_model: found.model.map(decode),
        array: found.row.streams_array(found.rest, query.as_deref()),
        query,
        method: head.method,
        head: head.headers,
        model,
        streams,
        envelope,
        unread: matches!(payload, Payload::Flowing(_))
            && found.row.model == ModelAt::BodyMaybe
            && found.row.operation != operation::Operation::Other,
        body: payload,
        offered,
        recent,
        keeping: None,
        upgrade,
        caller_ip,
        port: peer.port,
        tls: peer.tls,
        dialect: found.row.operation.dialect(),
    }))
}

/// A WebSocket is served where the table says so. Responses over one never come here where they are served (`socket/`); where not, they
/// are refused with the status that makes programs fall back to HTTP at once (D-17).
fn upgrade(
    head: &mut http::request::Parts,
    row: &'static operation::Row,
) -> Result<Option<upgrade::OnUpgrade>, ApiError> {
    let asked = head.headers.get(http::header::UPGRADE).is_some();
    if !asked {
        return match (row.socket, row.methods.allow(&head.method)) {
            (true, false) => Err(method_error(&row.methods.allow_header())),
            _ => Ok(None),
        };
    }
    let socket = head
        .headers
        .get(http::header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !socket
        || head.method != Method::GET
        || !row.socket
        || row.operation == operation::Operation::Responses
    {
        return Err(upgrade_refused());
    }
    Ok(head.extensions.remove::<upgrade::OnUpgrade>())
}

fn upgrade_refused() -> ApiError {
    let say = "A WebSocket is not served at this path. Use plain HTTP; streams come as server-sent events.";
    ApiError::new(Kind::UpgradeRequired, say)
}

/// One log line a process for each way of writing the base URL that is not `/v1`.
fn note_spelling(spelling: Spelling) {
    use std::sync::atomic::{AtomicU8, Ordering};
    static SEEN: AtomicU8 = AtomicU8::new(0);
    let bit = match spelling {
        Spelling::Canonical => return,
        Spelling::Bare => 1,
        Spelling::Doubled => 2,
        Spelling::Prefixed => 4,
        Spelling::Deployment => 8,
        Spelling::Foreign => 16,
    };
    if SEEN.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        tracing::info!(?spelling, "a program spells the base URL this way; it is understood (said once)");
    }
}

/// The one model that body or form, path and query name.
fn agreed(
    found: &operation::Found<'_>,
    said: [Option<String>; 2],
    query: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let in_path = found.model.map(decode);
    // A deployment in the path is the model; what the body says beside it is for nobody (Azure's reference). So is the
    // name before a verb: where the body repeats it, it does so in another form (`models/...`).
    if found.spelling == Spelling::Deployment || found.row.model == ModelAt::Path {
        return one_model(in_path.into_iter());
    }
    let in_path = in_path.filter(|_| found.row.operation != operation::Operation::Models);
    let in_query = query_model(query, found.row.model);
    one_model(said.into_iter().chain([in_path, in_query]).flatten())
}

/// The model of the query, where an operation has it there; elsewhere a `model` parameter must agree with the body.
fn query_model(query: Option<&str>, at: ModelAt) -> Option<String> {
    if matches!(at, ModelAt::Nowhere | ModelAt::BodyNoted) {
        return None;
    }
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == "model").map(|(_, value)| decode(value)).next()
}

/// One resolved name drives routing and accounting (T-17).
fn one_model(mut named: impl Iterator<Item = String>) -> Result<Option<String>, ApiError> {
    let Some(first) = named.next() else { return Ok(None) };
    match named.find(|other| *other != first) {
        Some(other) => {
            let say = format!(
                "This request names two models, `{}` and `{}`. Name one.",
                shown(&first),
                shown(&other)
            );
            Err(ApiError::new(Kind::ConflictingModel, say).param("model"))
        }
        None if first.len() > LONGEST_NAME || first.contains(char::is_control) => {
            let say = "The model's name is longer than any model's, or has control characters in it.";
            Err(ApiError::new(Kind::ModelNotFound, say).param("model"))
        }
        None if first.is_empty() => Err(ApiError::new(
            Kind::MissingModel,
            "The model's name is empty. Name one of those listed at /v1/models.",
        )
        .param("model")),
        None => Ok(Some(first)),
    }
}

/// The requests of a batch are all for the model of its path: whoever may ask for that one may not ask for others by them (T-17).
fn one_model_inside(model: &str, body: &[u8]) -> Result<(), ApiError> {
    let bare = |name: &str| name.strip_prefix("models/").unwrap_or(name).to_owned();
    let inside = envelope::inner_models(body).into_iter().map(|name| bare(&name));
    one_model(std::iter::once(bare(model)).chain(inside)).map(drop)
}

fn missing_model(payload: &Payload) -> ApiError {
    let say = match payload {
        Payload::Flowing(_) => {
            let say =
                "This body is compressed, so its model cannot be read. Send it without content-encoding.";
            return ApiError::new(Kind::Unreadable, say);
        }
        Payload::Empty => {
            "This request has no body. Send a JSON object with a `model`; names are listed at /v1/models."
        }
        _ => {
            "You must provide a model parameter: `model` is missing from the body. Names are listed at /v1/models."
        }
    };
    ApiError::new(Kind::MissingModel, say).param("model")
}

fn path_error(problem: PathProblem, path: &str) -> ApiError {
    match problem {
        PathProblem::NotCanonical(what) => {
            ApiError::new(Kind::BadPath, format!("This path breaks a rule: {what}. Nothing was sent on."))
        }
        PathProblem::Method(allow) => method_error(&allow),
        PathProblem::Unknown { nearest } => {
            let nearest = nearest.map(|shape| format!(" Nearest: `/v1{shape}`.")).unwrap_or_default();
            let say = format!("Nothing is served at `{}`.{nearest} The base URL ends with /v1.", shown(path));
            ApiError::new(Kind::UnknownPath, say)
        }
    }
}

fn method_error(allow: &str) -> ApiError {
    ApiError::new(Kind::MethodNotAllowed, format!("This path is asked with {allow}.")).allow(allow.to_owned())
}

/// Percent-decoding of one parameter, once. Broken encodings were refused with the path.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex =
            (first == b'%').then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok())).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A caller's own text, short and without control characters, for an error message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
