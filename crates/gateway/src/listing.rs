//! `/v1/models`: answered from memory over all providers, in the shape the caller reads.
//!
//! What a provider says of a model is passed on as it wrote it; names of our own configuration come first.

use bytes::Bytes;
use config::Snapshot;
use config::snapshot::{AllowedModels, Credential};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use protocol::fault::Kind;
use protocol::listing;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::error::ApiError;
use crate::identify::Caller;
use crate::intake::{Call, shown};
use crate::route::{denied, has};
use crate::upstream::Answer;

/// Whether we answer: always, but where the only provider is asked with callers' own keys, which each see their own
/// models. Such a call goes to it.
pub(crate) fn is_ours(world: &Snapshot, call: &Call) -> bool {
    call.row.ours && !(call.offered.is_some() && whose(world).is_some())
}

/// The only provider, if callers are asked for their own keys there and nothing is written over its list.
pub(crate) fn whose(world: &Snapshot) -> Option<&str> {
    match world.providers.as_slice() {
        [only] if only.credential == Credential::Passthrough && world.models.listed().is_empty() => {
            Some(&only.name)
        }
        _ => None,
    }
}

/// The list, or the one model asked for: of those the caller may use.
///
/// # Errors
/// `model_not_found` for a name that is neither configured nor announced, or not the caller's to use.
pub(crate) fn answer(
    world: &Snapshot,
    catalogue: &Catalogue,
    caller: &Caller,
    call: &Call,
) -> Result<Answer, ApiError> {
    let dialect = listing::dialect(call.dialect, &call.head);
    match call.rest.as_str() {
        "/api/version" => return Ok(json_answer(call, &listing::version())),
        // Nobody says what is loaded where.
        "/api/ps" => return Ok(json_answer(call, &listing::list(Vec::new(), dialect))),
        _ => {}
    }
    let usable = |name: &str| is_usable(world, catalogue, caller.models(), name);
    let mut announced = catalogue.entries(world);
    announced.retain(|(id, _)| usable(id));
    let Some(name) = &call.path_model else {
        let own = world.models.listed().iter().filter(|name| usable(name));
        let own = own.filter(|name| !announced.iter().any(|(id, _)| id == *name));
        let own = own.map(|name| listing::entry(name, None, dialect));
        let theirs = announced.iter().map(|(id, raw)| listing::entry(id, Some(raw), dialect));
        return Ok(json_answer(call, &listing::list(own.chain(theirs).collect(), dialect)));
    };
    if !usable(name) {
        return Err(denied(caller, name));
    }
    if let Some((id, raw)) = announced.iter().find(|(id, _)| id == name) {
        return Ok(json_answer(call, &listing::entry(id, Some(raw), dialect)));
    }
    known(world, catalogue, Some(name))?;
    Ok(json_answer(call, &listing::entry(name, None, dialect)))
}

/// Whether a name is one a caller may use, and leads to one at some place.
fn is_usable(world: &Snapshot, catalogue: &Catalogue, models: &AllowedModels, name: &str) -> bool {
    if *models == AllowedModels::All {
        return true;
    }
    let at = |place: usize, own: &str| has(models, &world.providers[place], own);
    models.has(name)
        && match world.models.find(name) {
            Some(served) => {
                served.places.iter().any(|place| at(place.provider, place.model.as_deref().unwrap_or(name)))
            }
            None => catalogue.places(world, name).into_iter().any(|place| at(place, name)),
        }
}

/// Whether there is an answer: always for the list, and for a model that is configured or announced.
///
/// # Errors
/// `model_not_found`.
pub(crate) fn known(world: &Snapshot, catalogue: &Catalogue, name: Option<&str>) -> Result<(), ApiError> {
    let Some(name) = name else { return Ok(()) };
    let announced = catalogue.entries(world);
    if announced.iter().any(|(id, _)| id == name) || world.models.find(name).is_some() {
        return Ok(());
    }
    let nearest = world.models.nearest(name, announced.iter().map(|(id, _)| id.as_str()));
    let nearest = nearest.map(|name| format!(" Nearest: `{name}`.")).unwrap_or_default();
    let say = format!("Model `{}` is not known here.{nearest}", shown(name));
    Err(ApiError::new(Kind::ModelNotFound, say).param("model"))
}

fn json_answer(call: &Call, body: &Value) -> Answer {
    let mut head = HeaderMap::new();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = Bytes::from(body.to_string());
    if call.method == Method::HEAD {
        head.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        return Answer::ours(StatusCode::OK, head, Bytes::new());
    }
    Answer::ours(StatusCode::OK, head, body)
}
