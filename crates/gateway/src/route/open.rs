//! Who may be asked now, and in which order: the first place for a call, and those that are meant for it as well.
//!
//! What was written together, or is known to have the same model, may stand in. What is meant for a server beside us goes
//! to a cloud only where that is written (D-15), and what belongs to an account goes to no other.

use std::time::Duration;

use config::Snapshot;
use config::snapshot::{Chosen, PathRule, Served, Strategy};
use protocol::fault::Kind;
use protocol::operation::Operation;

use super::plan::{Reason, Wish, by_places, first};
use super::strategy::{self, Turn};
use super::target::{Known, Plan, Target, target};
use super::{affinity, allowed, fallback};
use crate::error::ApiError;
use crate::identify::Caller;
use crate::intake::Call;
use crate::standing::{Bar, OverrideKind};

/// The places for a wish that take calls, the first of them first, and why it is that one.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) reason: Reason,
    /// Never empty.
    pub(crate) places: Vec<Chosen>,
    /// How one of several is chosen.
    pub(crate) strategy: Strategy,
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
    let mut choice = choose(world, known, &wish)?;
    let mut denied = None;
    choice.places.retain(|chosen| {
        let led = allowed::led(caller, &world.providers[chosen.provider], chosen, &wish);
        let well = led.is_ok();
        denied = denied.take().or(led.err());
        well
    });
    let strategy = choice.strategy;
    let sticks = choice.places.len() > 1 && (strategy == Strategy::CacheAffine || world.routing.affinity);
    let conversation = if sticks { affinity::of(call, strategy == Strategy::CacheAffine) } else { None };
    let mut targets = order(world, known, choice, &wish, conversation).into_iter();
    let Some(first) = targets.next() else {
        return Err(denied.unwrap_or_else(ApiError::mistake));
    };
    let mut plan = Plan { first, others: targets.collect(), longer: Vec::new(), laxer: Vec::new() };
    fallback::append(&mut plan, world, known, fallback::Asked { caller, wish, head: &call.head });
    Ok(plan)
}

/// The places of a choice as targets, in the order they are asked in.
pub(super) fn order(
    world: &Snapshot,
    known: Known<'_>,
    choice: Choice,
    wish: &Wish<'_>,
    conversation: Option<u64>,
) -> Vec<Target> {
    let Choice { places, strategy, .. } = choice;
    let mut targets: Vec<Target> =
        places.into_iter().map(|chosen| target(world, known, chosen, wish)).collect();
    if targets.len() > 1 {
        let rule = rule(world, wish);
        strategy::order(&mut targets, strategy, Turn { rule, turns: known.turns, conversation });
    }
    targets
}

/// What takes turns: the name or pattern of the model, as written, else the path.
pub(super) fn rule<'a>(world: &'a Snapshot, wish: &Wish<'a>) -> &'a str {
    wish.model.and_then(|model| world.models.rule(model)).map_or(wish.rest, |(name, _)| name)
}

/// The places for a wish, and why they are those.
///
/// # Errors
/// `model_not_found` naming the nearest, `not_served` when nobody configured speaks the operation, or `provider_paused`
/// when calls are kept from everybody who could answer.
pub(crate) fn choose(world: &Snapshot, known: Known<'_>, wish: &Wish<'_>) -> Result<Choice, ApiError> {
    let written = wish.model.and_then(|model| world.models.find(model));
    let (reason, chosen) = first(world, known.catalogue, wish, written)?;
    let strategy = match (reason, written) {
        (Reason::Written, Some(served)) => served.strategy.unwrap_or(world.routing.strategy),
        _ => world.routing.strategy,
    };
    let provider = &world.providers[chosen.provider];
    let mut places = others(world, known, wish, (reason, &chosen, written));
    places.insert(0, chosen);
    let (mut barred, mut wait): (Option<Bar>, Option<Duration>) = (None, None);
    places.retain(|place| {
        let bar = known.register.bars(&world.providers[place.provider].name);
        if let Some(bar) = bar {
            wait = wait.into_iter().chain(bar.left).min();
            barred.get_or_insert(bar);
        }
        bar.is_none()
    });
    match barred {
        Some(first) if places.is_empty() => Err(kept_away(&provider.name, first, wait)),
        _ => Ok(Choice { reason, places, strategy }),
    }
}

/// The places that may stand in for the first one, in order.
fn others(
    world: &Snapshot,
    known: Known<'_>,
    wish: &Wish<'_>,
    (reason, first, written): (Reason, &Chosen, Option<&Served>),
) -> Vec<Chosen> {
    let serves = |place: usize| wish.may_go_to(&world.providers[place]);
    match (reason, wish.model) {
        (Reason::PathRule, _) => {
            let Some(PathRule::Providers(places)) = world.routes.find(wish.rest) else { return Vec::new() };
            let places = places.iter().filter(|place| **place != first.provider && serves(**place));
            places.filter_map(|place| by_places(world, &[*place], wish, written)).collect()
        }
        (Reason::Written, _) => {
            let Some(served) = written else { return Vec::new() };
            // Vectors of one model mean nothing beside those of another.
            if wish.same() == Some(Operation::Embeddings) && !served.same_vectors {
                let same = |chosen: &&Chosen| chosen.model == first.model && *chosen != first;
                return served.places.iter().filter(same).filter(|at| serves(at.provider)).cloned().collect();
            }
            served
                .places
                .iter()
                .filter(|chosen| *chosen != first && serves(chosen.provider))
                .cloned()
                .collect()
        }
        (Reason::Announced, Some(model)) => {
            let local = |place: usize| world.providers[place].local;
            let stays = |place: &usize| {
                *place != first.provider && serves(*place) && (!local(first.provider) || local(*place))
            };
            let places = known.catalogue.places(world, model).into_iter().filter(stays);
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
