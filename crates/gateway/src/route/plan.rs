//! From path and model to targets: path rules by longest prefix, then the model's exact name, then patterns, then what
//! providers announced, then `routing.unknown_model` (D-12). A model of this computer never goes to a cloud by itself
//! (D-15): only what is written leads anywhere.

use std::sync::Arc;

use config::Snapshot;
use config::snapshot::{Chosen, PathRule, Provider, UnknownModel};
use protocol::fault::Kind;
use protocol::operation::{ModelAt, Operation};

use crate::catalogue::Catalogue;
use crate::error::ApiError;
use crate::intake::{Call, shown};

/// What one attempt is aimed at.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Where.
    pub(crate) provider: Arc<Provider>,
    /// Its own name for the model; none for operations without one.
    pub(crate) model: Option<String>,
}

/// The targets of a call, never empty. Only the first is tried so far.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Tried first.
    pub(crate) first: Target,
}

/// Plans a call.
///
/// # Errors
/// `model_not_found` naming the nearest, or `not_served` when nobody configured speaks the operation.
pub(crate) fn plan(world: &Snapshot, catalogue: &Catalogue, call: &Call) -> Result<Plan, ApiError> {
    let by_path = match world.routes.find(&call.rest) {
        Some(PathRule::Providers(places)) => Some(places.as_slice()),
        Some(PathRule::Models) | None => None,
    };
    let chosen = match (by_path, &call.model) {
        (Some(places), _) => by_places(world, places, call),
        (None, Some(model)) => by_model(world, catalogue, model, call)?,
        (None, None) => own_voice(world, call)
            .map(|provider| Chosen { provider, model: None })
            .or_else(|| by_operation(world, call)),
    };
    if by_path.is_none() && call.model.is_none() && call.unread && several_could(world, call) {
        return Err(unread_model());
    }
    let Some(chosen) = chosen else { return Err(not_served(world, call)) };
    let provider = world.providers[chosen.provider].clone();
    let model = chosen.model.or_else(|| call.model.clone());
    Ok(Plan { first: Target { provider, model } })
}

/// The first provider of a path rule that can serve the call, with its own name for the model if it has one.
fn by_places(world: &Snapshot, places: &[usize], call: &Call) -> Option<Chosen> {
    let provider = *places.iter().find(|place| world.providers[**place].serves(call.row.operation))?;
    let written = call.model.as_deref().and_then(|model| world.models.find(model));
    let own = written.and_then(|places| places.iter().find(|place| place.provider == provider)).cloned();
    let announced = call.model.as_deref().and_then(|model| world.providers[provider].own_name(model));
    Some(own.unwrap_or(Chosen { provider, model: announced.map(str::to_owned) }))
}

fn by_model(
    world: &Snapshot,
    catalogue: &Catalogue,
    model: &str,
    call: &Call,
) -> Result<Option<Chosen>, ApiError> {
    let serves = |place: &usize| world.providers[*place].serves(call.row.operation);
    if let Some(places) = world.models.find(model) {
        return Ok(places.iter().find(|place| serves(&place.provider)).cloned());
    }
    let local = |place: &usize| world.providers[*place].local;
    let careful = world.routing.careful;
    let to = |provider: usize| Ok(Some(Chosen { provider, model: None }));
    if let Some(provider) = own_voice(world, call).filter(|place| careful && local(place)) {
        return to(provider);
    }
    let mut announced = catalogue.places(world, model);
    let ours = announced.iter().any(local);
    announced.retain(|place| !(careful && ours) || local(place));
    if let Some(provider) = announced.into_iter().find(serves) {
        return to(provider);
    }
    if let Some(provider) = own_voice(world, call) {
        return to(provider);
    }
    match world.routing.unknown_model {
        // A model beside us that cannot do this: nobody else is asked to.
        UnknownModel::Provider(provider) if serves(&provider) && (local(&provider) || !ours) => {
            if careful && !local(&provider) && may_be_unheard(world, catalogue, call) {
                return Err(unknown(world, catalogue, model));
            }
            to(provider)
        }
        UnknownModel::Provider(_) => Ok(None),
        UnknownModel::Error if ours => Ok(None),
        UnknownModel::Error => Err(unknown(world, catalogue, model)),
    }
}

/// A server beside us has not named a single model yet: an unknown name may be one of its own, whatever it is asked to do.
/// A server of voices alone does not count where no voice is asked for.
fn may_be_unheard(world: &Snapshot, catalogue: &Catalogue, call: &Call) -> bool {
    let able = |provider: &Provider| provider.serves(Operation::Chat) || provider.serves(call.row.operation);
    world.providers.iter().any(|provider| provider.local && able(provider) && catalogue.is_unheard(provider))
}

/// Speech and transcription models are named by habit (`tts-1`, `whisper-1`), while a server of one's own has one voice or
/// one ear: it takes them all, or the only provider does that has any.
fn own_voice(world: &Snapshot, call: &Call) -> Option<usize> {
    let audio =
        matches!(call.row.operation, Operation::Speech | Operation::Transcriptions | Operation::Translations);
    let able = |place: &usize| audio && world.providers[*place].serves(call.row.operation);
    let all: Vec<usize> = (0..world.providers.len()).filter(able).collect();
    let own = all
        .iter()
        .copied()
        .find(|place| world.providers[*place].local && !world.providers[*place].serves(Operation::Chat));
    own.or_else(|| (all.len() == 1).then(|| all[0]))
}

/// Whether a model's name would make a difference.
fn several_could(world: &Snapshot, call: &Call) -> bool {
    let able = |provider: &&Arc<Provider>| provider.serves(call.row.operation);
    own_voice(world, call).is_none() && world.providers.iter().filter(able).count() > 1
}

/// What is meant for one place must not go to another because its name was not read in time.
fn unread_model() -> ApiError {
    let say = "Several providers could serve this, and its model cannot be read in time: the body is compressed, or the file \
               comes before `model`. Put `model` first, or write a route for this path.";
    ApiError::new(Kind::MissingModel, say).param("model")
}

/// Without a model: the first provider, in order of preference, that speaks the operation.
fn by_operation(world: &Snapshot, call: &Call) -> Option<Chosen> {
    let preferred = match world.routing.unknown_model {
        UnknownModel::Provider(place) => Some(place),
        UnknownModel::Error => None,
    };
    let order = preferred.into_iter().chain(0..world.providers.len());
    let able = |place: &usize| world.providers[*place].serves(call.row.operation);
    order.into_iter().find(able).map(|provider| Chosen { provider, model: None })
}

fn unknown(world: &Snapshot, catalogue: &Catalogue, model: &str) -> ApiError {
    let announced = catalogue.names(world);
    let nearest = world.models.nearest(model, announced.iter().map(String::as_str));
    let nearest = nearest.map(|name| format!(" Nearest: `{name}`.")).unwrap_or_default();
    let count = world.models.listed().len() + announced.len();
    let listed = if count == 1 { "1 model is".to_owned() } else { format!("{count} models are") };
    let silent = catalogue.silent(world);
    let silent = match silent.as_slice() {
        [] => String::new(),
        names => format!(
            " Not heard from: {} (wrong key, not running, or without a model; the gateway's log says more).",
            names.join(", ")
        ),
    };
    let say = format!(
        "Model `{}` is not known here.{nearest} {listed} listed at /v1/models.{silent}",
        shown(model)
    );
    ApiError::new(Kind::ModelNotFound, say).param("model")
}

fn not_served(world: &Snapshot, call: &Call) -> ApiError {
    let names: Vec<&str> = world.providers.iter().map(|provider| provider.name.as_str()).collect();
    let what = call.row.operation.name();
    let model = match (call.row.model, &call.model) {
        (ModelAt::Nowhere, _) | (_, None) => String::new(),
        (_, Some(model)) => format!(" for model `{}`", shown(model)),
    };
    let say = format!(
        "No configured provider serves {what}{model} in the {} language. Configured: {}.",
        call.dialect,
        names.join(", ")
    );
    ApiError::new(Kind::NotServed, say)
}
