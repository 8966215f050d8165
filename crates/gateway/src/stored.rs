//! Responses that are kept here: whether a call goes on with one, and what is asked of one.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use config::Snapshot;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use protocol::envelope;
use protocol::fault::Kind;
use protocol::kept::{self, Conversation, Wanted};
use protocol::operation::Operation;
use serde_json::Value;

use crate::error::ApiError;
use crate::identify::Caller;
use crate::intake::{Call, Payload, decode, invalid_json, shown};
use crate::shelf::{Keeping, Lost, Shelf};
use crate::upstream::Answer;

/// So much may be remembered of what asks nothing yet, bytes.
const MOST_WARMED: usize = 1 << 20;

/// Whether a call may have to do with one.
pub(crate) fn concerns(call: &Call) -> bool {
    matches!(call.row.operation, Operation::Responses | Operation::StoredResponses)
}

/// Says what is known of a call's own answer, puts before what it asks whatever it goes on with, and answers it if it asks for what is
/// kept here.
///
/// # Errors
/// When what it names is not there for this caller, cannot be read, or cannot be asked for in this way.
pub(crate) async fn look(
    shelf: &Arc<Shelf>,
    world: &Snapshot,
    caller: &Caller,
    call: &mut Call,
) -> Result<Option<Answer>, ApiError> {
    go_on(shelf, world, caller, call).await?;
    answer(shelf, caller, call).await
}

async fn go_on(
    shelf: &Arc<Shelf>,
    world: &Snapshot,
    caller: &Caller,
    call: &mut Call,
) -> Result<(), ApiError> {
    let Payload::Whole(body) = &call.body else { return Ok(()) };
    if call.row.operation != Operation::Responses {
        return Ok(());
    }
    let recent = call.recent.take();
    let may = recent.is_some() || kept::may_name_ours(body);
    let mut keeping = Keeping::new(shelf.clone(), owner(caller, call), world.responses, recent);
    if may {
        let previous = kept::wish(body).map_err(invalid_json)?.previous;
        let named = previous.clone().unwrap_or_default();
        let joined = keeping.goes_on(body, previous).await.map_err(|lost| not_found(&named, lost))?;
        if let Some(joined) = joined {
            if joined.len() as u64 > world.server.limits.body {
                return Err(too_long(world.server.limits.body));
            }
            call.envelope = envelope::read(&joined).ok();
            call.body = Payload::Whole(joined.into());
        }
    }
    call.keeping = Some(Box::new(keeping));
    Ok(())
}

/// Whose answers these are: the key's, or, where none of ours was shown, whatever was.
fn owner(caller: &Caller, call: &Call) -> Arc<str> {
    match (caller.key(), &call.offered) {
        (Some(key), _) => format!("key {}", key.name).into(),
        (None, Some(offered)) => format!("open {}", offered.0.expose()).into(),
        (None, None) => "open".into(),
    }
}

/// What is answered out of what is kept here, if that is what is asked for.
async fn answer(shelf: &Shelf, caller: &Caller, call: &Call) -> Result<Option<Answer>, ApiError> {
    let Some((id, rest)) = named(call) else { return Ok(None) };
    let owner = owner(caller, call);
    let gone = |lost| unknown(id, lost);
    let body = match (&call.method, rest) {
        (&Method::GET | &Method::HEAD, "") => {
            refuse_stream(call)?;
            let kept = shelf.one(&owner, id).await.map_err(gone)?;
            read(&kept.text)?.response
        }
        (&Method::GET | &Method::HEAD, "input_items") => {
            let wanted = Wanted::read(call.query.as_deref()).map_err(|(name, why)| {
                ApiError::new(Kind::Unsupported, format!("`{name}` {why}.")).param(name)
            })?;
            let line = shelf.conversation(&owner, id).await.map_err(gone)?;
            let mut items: Vec<Value> = Vec::new();
            for (nth, kept) in line.iter().enumerate() {
                let conversation = read(&kept.text)?;
                match nth + 1 == line.len() {
                    true => items.extend(conversation.input),
                    false => items.extend(conversation.listed()),
                }
            }
            kept::page(items, &wanted).ok_or_else(|| {
                let say = "`after` is the id of none of these items.";
                ApiError::new(Kind::ResponseNotFound, say).param("after")
            })?
        }
        (&Method::DELETE, "") => {
            shelf.remove(&owner, id).await.map_err(gone)?;
            kept::deleted(id)
        }
        (&Method::POST, "cancel") => {
            shelf.one(&owner, id).await.map_err(gone)?;
            let say =
                "This response was answered at once, and not in the background: there is nothing to cancel.";
            return Err(ApiError::new(Kind::NotInBackground, say));
        }
        _ => {
            let say = "A response that is kept here is retrieved and deleted, its `input_items` are listed, and nothing else.";
            return Err(ApiError::new(Kind::UnknownPath, say));
        }
    };
    Ok(Some(json_answer(call, &body)))
}

/// The id of ours a call names, and what stands behind it.
fn named(call: &Call) -> Option<(&str, &str)> {
    if call.row.operation != Operation::StoredResponses {
        return None;
    }
    let rest = call.rest.strip_prefix("/responses/")?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    kept::is_ours(id).then_some((id, rest))
}

/// Whether a path names an answer that is kept here, if anywhere.
pub(crate) fn is_ours(operation: Operation, rest: &str) -> bool {
    let id = rest.strip_prefix("/responses/").and_then(|rest| rest.split('/').next());
    operation == Operation::StoredResponses && id.is_some_and(kept::is_ours)
}

/// The answer to what is only to be remembered.
///
/// # Errors
/// When that is too much.
pub(crate) fn warmed(call: &Call) -> Result<Option<Answer>, ApiError> {
    let (Some(keeping), Payload::Whole(body)) = (&call.keeping, &call.body) else { return Ok(None) };
    if !keeping.is_remembered() || !kept::wish(body).is_ok_and(|wish| wish.warms) {
        return Ok(None);
    }
    if body.len() > MOST_WARMED {
        let say = "A request that only warms up (`generate: false`) has at most 1 MiB, with what it goes on with. Leave it out, and ask at once.";
        return Err(ApiError::new(Kind::TooLarge, say).param("generate"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let events = kept::warmed(body, keeping.warms(body), now);
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(Some(Answer::ours(StatusCode::OK, head, events.into())))
}

/// A stream of what is over long ago. `starting_after` says where a stream goes on (OpenAI API reference, "Get a model response"), and
/// nothing of one that comes whole.
fn refuse_stream(call: &Call) -> Result<(), ApiError> {
    let pairs = call.query.as_deref().unwrap_or_default().split('&');
    let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let last = pairs.rfind(|(name, _)| decode(name) == "stream");
    let say = match last.map(|(_, value)| decode(value).to_ascii_lowercase()).as_deref() {
        None | Some("false" | "0") => return Ok(()),
        Some("true" | "1") => "This response is complete, and is retrieved whole. Leave `stream` out.",
        Some(_) => {
            "`stream` is `true` or `false`. This response is complete, and is retrieved whole: leave it out."
        }
    };
    Err(ApiError::new(Kind::Unsupported, say).param("stream"))
}

fn read(text: &str) -> Result<Conversation, ApiError> {
    Conversation::read(text).ok_or_else(ApiError::mistake)
}

fn not_found(previous: &str, lost: Lost) -> ApiError {
    let say = match lost {
        Lost::Nowhere => format!(
            "Previous response with id '{}' not found: it was not kept, is too old, was deleted, or is another key's. Send the whole conversation.",
            shown(previous)
        ),
        Lost::Away => format!(
            "Previous response with id '{}' cannot be read at this moment: the database is away. Send the whole conversation, or try again later.",
            shown(previous)
        ),
    };
    ApiError::new(Kind::PreviousNotFound, say).param("previous_response_id")
}

fn unknown(id: &str, lost: Lost) -> ApiError {
    match lost {
        Lost::Nowhere => {
            let say = format!(
                "Response with id '{id}' not found: it was not kept, is too old, was deleted, or is another key's."
            );
            ApiError::new(Kind::ResponseNotFound, say)
        }
        Lost::Away => {
            let say = "Kept responses cannot be read at this moment: the database is away. Try again.";
            ApiError::new(Kind::ResponsesUnavailable, say).wait(std::time::Duration::from_secs(5))
        }
    }
}

fn too_long(most: u64) -> ApiError {
    let say = format!(
        "With what this conversation has so far the request is larger than {most} bytes, which `server.limits.body` allows. Begin anew."
    );
    ApiError::new(Kind::PreviousNotFound, say).param("previous_response_id")
}

fn json_answer(call: &Call, body: &Value) -> Answer {
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = Bytes::from(body.to_string());
    if call.method == Method::HEAD {
        head.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        return Answer::ours(StatusCode::OK, head, Bytes::new());
    }
    Answer::ours(StatusCode::OK, head, body)
}
