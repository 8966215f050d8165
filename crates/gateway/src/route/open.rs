//! Who may be asked now: the first place for a call, or, while somebody keeps calls from that one, another that is meant
//! for them as well.
//!
//! What was written together, or is known to have the same model, may stand in. What is meant for a server beside us goes
//! to a cloud only where that is written (D-15), and what belongs to an account goes to no other.

use std::time::Duration;

use config::Snapshot;
use config::snapshot::{Chosen, PathRule};
use protocol::fault::Kind;

use super::allowed;
use super::plan::{Plan, Reason, Target, Wish, by_places, first};
use crate::catalogue::Catalogue;
use crate::error::ApiError;
use crate::identify::Caller;
use crate::intake::Call;
use crate::standing::{Bar, OverrideKind, Register};

/// What is known of providers besides their configuration.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Which models they have.
    pub(crate) catalogue: &'a Catalogue,
    /// How they stand.
    pub(crate) register: &'a Register,
}

/// Plans a call.
///
/// # Errors
/// As for [`choose`], and when the caller may not use what is asked for, or what it leads to.
pub(crate) fn plan(
    world: &Snapshot,
    known: Known<'_>,
    caller: &Caller,
    call: &Call,
) -> Result<Plan, ApiError> {
    allowed::asked(caller, call)?;
    let wish = Wish::from(call);
    let (_, chosen) = choose(world, known, &wish)?;
    let provider = world.providers[chosen.provider].clone();
    allowed::led(caller, &provider, &chosen, &wish)?;
    let model = chosen.model.or_else(|| call.model.clone());
    Ok(Plan { first: Target { provider, model } })
}

/// The place for a wish, and why it is that one.
///
/// # Errors
/// `model_not_found` naming the nearest, `not_served` when nobody configured speaks the operation, or `provider_paused`
/// when calls are kept from everybody who could answer.
pub(crate) fn choose(
    world: &Snapshot,
    known: Known<'_>,
    wish: &Wish<'_>,
) -> Result<(Reason, Chosen), ApiError> {
    let (reason, chosen) = first(world, known.catalogue, wish)?;
    let Some(bar) = bar(world, known, chosen.provider) else { return Ok((reason, chosen)) };
    let others = others(world, known, wish, (reason, chosen.provider));
    let open = others.iter().find(|other| bar_of(world, known, other).is_none());
    match open {
        Some(other) => Ok((reason, other.clone())),
        None => {
            let waits = others.iter().filter_map(|other| bar_of(world, known, other)?.left);
            let wait = waits.chain(bar.left).min();
            Err(kept_away(&world.providers[chosen.provider].name, bar, wait))
        }
    }
}

fn bar(world: &Snapshot, known: Known<'_>, place: usize) -> Option<Bar> {
    known.register.bars(&world.providers[place].name)
}

fn bar_of(world: &Snapshot, known: Known<'_>, chosen: &Chosen) -> Option<Bar> {
    bar(world, known, chosen.provider)
}

/// The places that may stand in for the first one, in order.
fn others(
    world: &Snapshot,
    known: Known<'_>,
    wish: &Wish<'_>,
    (reason, barred): (Reason, usize),
) -> Vec<Chosen> {
    let stands_in = |place: usize| place != barred && world.providers[place].serves(wish.row.operation);
    match (reason, wish.model) {
        (Reason::PathRule, _) => {
            let Some(PathRule::Providers(places)) = world.routes.find(wish.rest) else { return Vec::new() };
            let places = places.iter().filter(|place| stands_in(**place));
            places.filter_map(|place| by_places(world, &[*place], wish)).collect()
        }
        (Reason::Written, Some(model)) => {
            let written = world.models.find(model).map(|served| served.places.as_slice()).unwrap_or_default();
            written.iter().filter(|chosen| stands_in(chosen.provider)).cloned().collect()
        }
        (Reason::Announced, Some(model)) => {
            let local = |place: usize| world.providers[place].local;
            let places = known.catalogue.places(world, model).into_iter();
            let places = places.filter(|place| stands_in(*place) && (!local(barred) || local(*place)));
            places.map(|provider| world.place(provider, None)).collect()
        }
        _ => Vec::new(),
    }
}

/// Calls are kept from everybody who could answer.
fn kept_away(provider: &str, bar: Bar, wait: Option<Duration>) -> ApiError {
    let why = match bar.kind {
        OverrideKind::ForcedOpen => "its operator says that it is broken",
        OverrideKind::Paused | OverrideKind::ForcedClosed => "its operator has paused it",
    };
    let when = match wait {
        Some(_) => "`retry-after` says when to ask again.",
        None => "It takes calls again when its operator says so.",
    };
    let error = ApiError::new(
        Kind::ProviderPaused,
        format!("`{provider}` takes no calls at the moment: {why}. {when}"),
    );
    match wait {
        Some(wait) => error.wait(wait),
        None => error,
    }
}
