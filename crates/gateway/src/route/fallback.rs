//! What stands in for a model when its own places cannot answer, as written: the key's policy first, then the provider's,
//! then everybody's. What stands in has no stand-in of its own.

use config::Snapshot;
use config::snapshot::{Chosen, Fallback, FallbackOn};
use http::HeaderMap;
use protocol::operation::ModelAt;

use super::plan::Wish;
use super::target::{Known, Plan, Target, target};
use crate::identify::Caller;
use crate::route::allowed;

/// What a policy may depend on.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) caller: &'a Caller,
    pub(super) wish: Wish<'a>,
    pub(super) head: &'a HeaderMap,
}

/// Adds the targets of the policies that hold for a call.
pub(super) fn append(plan: &mut Plan, world: &Snapshot, known: Known<'_>, call: Asked<'_>) {
    let Asked { caller, wish, head } = call;
    let of_key = caller.key().map_or(&[][..], |key| &key.fallbacks);
    let of_provider = &plan.first.provider.fallbacks;
    let policies = [of_key, of_provider, &world.routing.fallbacks];
    if policies.iter().all(|policy| policy.is_empty()) {
        return;
    }
    let Some(asked) = wish.model.filter(|_| wish.row.model != ModelAt::BodyNoted) else { return };
    let tags = caller.key().map_or(&[][..], |key| &key.tags);
    let holds = |policy: &&Fallback| policy.from.fits(asked) && policy.when.hold(wish.rest, head, tags);
    let found: Vec<(FallbackOn, Vec<Target>)> = policies
        .into_iter()
        .flatten()
        .filter(holds)
        .map(|policy| {
            let names = policy.to.iter();
            (policy.on, names.flat_map(|name| targets(name, world, known, call)).collect())
        })
        .collect();
    for (on, targets) in found {
        for target in targets {
            let known = std::iter::once(&plan.first).chain(&plan.others);
            let list = match on {
                FallbackOn::Any if known.clone().any(|other| other.is(&target)) => continue,
                FallbackOn::Any => &mut plan.others,
                FallbackOn::ContextLength => &mut plan.longer,
                FallbackOn::ContentPolicy => &mut plan.laxer,
            };
            if !list.iter().any(|other| other.is(&target)) {
                list.push(target);
            }
        }
    }
}

/// The places of one name: a public model's, a provider's, or `provider/model`.
fn targets(name: &str, world: &Snapshot, known: Known<'_>, call: Asked<'_>) -> Vec<Target> {
    let Asked { caller, wish, .. } = call;
    let place = |name: &str| world.providers.iter().position(|provider| provider.name == name);
    // A place that has no name of its own for a model is asked for the one that stands in, and not for the one it stands in for.
    let named =
        |chosen: &Chosen| Chosen { model: chosen.model.clone().or(Some(name.to_owned())), ..chosen.clone() };
    let written = world.models.find(name).map(|served| served.places.iter().map(named).collect());
    let places: Vec<Chosen> = written.unwrap_or_else(|| match (place(name), name.split_once('/')) {
        (Some(provider), _) => {
            let own = wish.model.and_then(|model| world.providers[provider].own_name(model));
            vec![world.place(provider, own.map(str::to_owned))]
        }
        (None, Some((provider, model))) => {
            place(provider).map(|place| world.place(place, Some(model.to_owned()))).into_iter().collect()
        }
        (None, None) => {
            let announced = known.catalogue.places(world, name).into_iter();
            announced.map(|provider| world.place(provider, Some(name.to_owned()))).collect()
        }
    });
    let may = |chosen: &Chosen| {
        let provider = &world.providers[chosen.provider];
        wish.may_go_to(provider)
            && known.register.bars(&provider.name).is_none()
            && allowed::led(caller, provider, chosen, &wish).is_ok()
    };
    places.into_iter().filter(may).map(|chosen| target(world, known, chosen, &wish)).collect()
}
