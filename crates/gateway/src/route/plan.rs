//! From path and model to targets: path rules by longest prefix, then the model's exact name, then patterns, then what
//! providers announced, then `routing.unknown_model` (D-12). A model of this computer never goes to a cloud by itself
//! (D-15): only what is written leads anywhere.

use std::sync::Arc;

use config::Snapshot;
use config::snapshot::{Chosen, PathRule, Provider, Served, UnknownModel};
use protocol::dialect::Dialect;
use protocol::fault::Kind;
use protocol::operation::{Asked, ModelAt, Operation, Row};

use crate::catalogue::Catalogue;
use crate::error::ApiError;
use crate::intake::{Call, Imagined, shown};

/// What decides the way: the operation, the path, and the model named.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// The operation.
    pub(crate) row: &'static Row,
    /// The path below `/v1`.
    pub(crate) rest: &'a str,
    /// The one model named.
    pub(crate) model: Option<&'a str>,
    /// A model may be named that could not be read.
    pub(crate) unread: bool,
    /// The language asked in.
    pub(crate) dialect: Dialect,
}

impl Wish<'_> {
    /// Whether a provider can answer: itself, or put into its own words.
    pub(crate) fn may_go_to(&self, provider: &Provider) -> bool {
        let about = || self.row.about(self.rest).map(|_| Operation::Chat);
        provider.answers(self.row.operation, || self.same().or_else(about))
    }

    /// What is asked for in any language, if it can be put into another.
    pub(super) fn same(&self) -> Option<Operation> {
        self.row.asks(self.rest).map(Asked::operation)
    }
}

impl<'a> From<&'a Call> for Wish<'a> {
    fn from(call: &'a Call) -> Self {
        let model = call.model.as_deref();
        Self { row: call.row, rest: &call.rest, model, unread: call.unread, dialect: call.dialect }
    }
}

impl<'a> From<&'a Imagined> for Wish<'a> {
    fn from(call: &'a Imagined) -> Self {
        let model = call.model.as_deref();
        Self { row: call.row, rest: &call.rest, model, unread: false, dialect: call.dialect }
    }
}

/// Why a call goes where it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A rule for its path is written.
    PathRule,
    /// The model's name, or a pattern that fits it, is written.
    Written,
    /// The provider says that it has the model.
    Announced,
    /// Speech and transcription go to the server that does nothing else, or to the only one that can.
    OwnVoice,
    /// Nobody knows the model, and `routing.unknown_model` says where such calls go.
    UnknownModel,
    /// No model is named: the first provider, in order of preference, that speaks the operation.
    NoModel,
}

/// The first place for a wish, whoever keeps calls from it, and why it is that one.
///
/// # Errors
/// `model_not_found` naming the nearest, or `not_served` when nobody configured speaks the operation.
pub(super) fn first(
    world: &Snapshot,
    catalogue: &Catalogue,
    wish: &Wish<'_>,
    written: Option<&Served>,
) -> Result<(Reason, Chosen), ApiError> {
    let served = |provider: &Arc<Provider>| wish.may_go_to(provider);
    if !world.providers.iter().any(served) {
        // Whatever the model is called, nobody could do this.
        return Err(not_served(world, wish));
    }
    let by_path = match world.routes.find(wish.rest) {
        Some(PathRule::Providers(places)) => Some(places.as_slice()),
        Some(PathRule::Models) | None => None,
    };
    let found = match (by_path, wish.model) {
        (Some(places), _) => by_places(world, places, wish, written).map(|chosen| (Reason::PathRule, chosen)),
        (None, Some(model)) if wish.row.model == ModelAt::BodyNoted => {
            by_account(world, catalogue, model, wish)?
        }
        (None, Some(model)) => match written {
            Some(served) => {
                let serves = |place: &&Chosen| wish.may_go_to(&world.providers[place.provider]);
                served.places.iter().find(serves).map(|place| (Reason::Written, place.clone()))
            }
            None => by_model(world, catalogue, model, wish)?,
        },
        (None, None) if wish.unread && several_could(world, wish) => return Err(unread_model()),
        (None, None) => own_voice(world, wish)
            .map(|provider| (Reason::OwnVoice, world.place(provider, None)))
            .or_else(|| by_operation(world, wish).map(|chosen| (Reason::NoModel, chosen))),
    };
    found.ok_or_else(|| not_served(world, wish))
}

/// The first provider of a path rule that can serve the call, with its own name for the model if it has one.
pub(super) fn by_places(
    world: &Snapshot,
    places: &[usize],
    wish: &Wish<'_>,
    written: Option<&Served>,
) -> Option<Chosen> {
    let provider = *places.iter().find(|place| wish.may_go_to(&world.providers[**place]))?;
    let own =
        written.and_then(|served| served.places.iter().find(|place| place.provider == provider)).cloned();
    let announced = wish.model.and_then(|model| world.providers[provider].own_name(model));
    Some(own.unwrap_or_else(|| world.place(provider, announced.map(str::to_owned))))
}

/// Where a model leads that is written nowhere.
fn by_model(
    world: &Snapshot,
    catalogue: &Catalogue,
    model: &str,
    wish: &Wish<'_>,
) -> Result<Option<(Reason, Chosen)>, ApiError> {
    let serves = |place: &usize| wish.may_go_to(&world.providers[*place]);
    let as_named = |reason, provider| Ok(Some((reason, world.place(provider, None))));
    let local = |place: &usize| world.providers[*place].local;
    let careful = world.routing.careful;
    if let Some(provider) = own_voice(world, wish).filter(|place| careful && local(place)) {
        return as_named(Reason::OwnVoice, provider);
    }
    let mut announced = catalogue.places(world, model);
    let ours = announced.iter().any(local);
    announced.retain(|place| !(careful && ours) || local(place));
    if let Some(provider) = announced.into_iter().find(serves) {
        return as_named(Reason::Announced, provider);
    }
    // The only one that can speak or listen does not get what is, or may be, a model's of this computer.
    let kept = careful && (ours || may_be_unheard(world, catalogue, wish));
    if let Some(provider) = own_voice(world, wish).filter(|place| !kept || local(place)) {
        return as_named(Reason::OwnVoice, provider);
    }
    match world.routing.unknown_model {
        // A model beside us that cannot do this: nobody else is asked to.
        UnknownModel::Provider(provider) if serves(&provider) && (local(&provider) || !ours) => {
            if kept && !local(&provider) {
                return Err(unknown(world, catalogue, model));
            }
            as_named(Reason::UnknownModel, provider)
        }
        UnknownModel::Provider(_) => Ok(None),
        UnknownModel::Error if ours => Ok(None),
        UnknownModel::Error => Err(unknown(world, catalogue, model)),
    }
}

/// What belongs to an account goes where its account is, whatever model it names; but what is, or may be, a model of this
/// computer goes to no cloud with it.
fn by_account(
    world: &Snapshot,
    catalogue: &Catalogue,
    model: &str,
    wish: &Wish<'_>,
) -> Result<Option<(Reason, Chosen)>, ApiError> {
    let local = |place: usize| world.providers[place].local;
    let Some(chosen) = by_operation(world, wish) else { return Ok(None) };
    if world.routing.careful && !local(chosen.provider) {
        let announced = catalogue.places(world, model);
        if announced.iter().any(|place| local(*place)) {
            return Ok(None);
        }
        if announced.is_empty() && may_be_unheard(world, catalogue, wish) {
            return Err(unknown(world, catalogue, model));
        }
    }
    Ok(Some((Reason::NoModel, chosen)))
}

/// A server beside us has not said yet which models it has: an unknown name may be one of its own, whatever it is asked to do.
/// A server of voices alone does not count where no voice is asked for.
fn may_be_unheard(world: &Snapshot, catalogue: &Catalogue, wish: &Wish<'_>) -> bool {
    let able = |provider: &Provider| provider.serves(Operation::Chat) || wish.may_go_to(provider);
    world.providers.iter().any(|provider| provider.local && able(provider) && catalogue.is_unheard(provider))
}

/// Speech and transcription models are named by habit (`tts-1`, `whisper-1`), while a server of one's own has one voice or
/// one ear: it takes them all, or the only provider does that has any. One whose models are written takes those alone.
fn own_voice(world: &Snapshot, wish: &Wish<'_>) -> Option<usize> {
    let audio =
        matches!(wish.row.operation, Operation::Speech | Operation::Transcriptions | Operation::Translations);
    let open = |provider: &Provider| provider.models.is_empty() || wish.model.is_none();
    let able = |place: &usize| {
        let provider = &world.providers[*place];
        audio && provider.serves(wish.row.operation) && open(provider)
    };
    let all: Vec<usize> = (0..world.providers.len()).filter(able).collect();
    let own = all
        .iter()
        .copied()
        .find(|place| world.providers[*place].local && !world.providers[*place].serves(Operation::Chat));
    own.or_else(|| (all.len() == 1).then(|| all[0]))
}

/// Whether a model's name would make a difference.
fn several_could(world: &Snapshot, wish: &Wish<'_>) -> bool {
    let able = |provider: &&Arc<Provider>| wish.may_go_to(provider);
    own_voice(world, wish).is_none() && world.providers.iter().filter(able).count() > 1
}

/// What is meant for one place must not go to another because its name was not read in time.
fn unread_model() -> ApiError {
    let say = "Several providers could serve this, and its model cannot be read in time: the body is compressed, or the file \
               comes before `model`. Put `model` first, or write a route for this path.";
    ApiError::new(Kind::MissingModel, say).param("model")
}

/// Without a model: the first provider, in order of preference, that speaks the operation.
fn by_operation(world: &Snapshot, wish: &Wish<'_>) -> Option<Chosen> {
    let preferred = match world.routing.unknown_model {
        UnknownModel::Provider(place) => Some(place),
        UnknownModel::Error => None,
    };
    let order = preferred.into_iter().chain(0..world.providers.len());
    let able = |place: &usize| wish.may_go_to(&world.providers[*place]);
    order.into_iter().find(able).map(|provider| world.place(provider, None))
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
            " Not heard from: {} (wrong key, or not running; the gateway's log says more).",
            names.join(", ")
        ),
    };
    let say = format!(
        "Model `{}` is not known here.{nearest} {listed} listed at /v1/models.{silent}",
        shown(model)
    );
    ApiError::new(Kind::ModelNotFound, say).param("model")
}

fn not_served(world: &Snapshot, wish: &Wish<'_>) -> ApiError {
    let names: Vec<&str> = world.providers.iter().map(|provider| provider.name.as_str()).collect();
    let what = wish.row.operation.name();
    let model = match (wish.row.model, wish.model) {
        (ModelAt::Nowhere, _) | (_, None) => String::new(),
        (_, Some(model)) => format!(" for model `{}`", shown(model)),
    };
    let say = format!(
        "No configured provider serves {what}{model} in the {} language. Configured: {}.",
        wish.dialect,
        names.join(", ")
    );
    ApiError::new(Kind::NotServed, say)
}
