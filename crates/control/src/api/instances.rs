//! The older paths to providers, which call them instances (seed 003). Paths and meanings are as they were.

use axum::Json;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody, NoQuery, Why};
use super::exact::Open;
use super::list::{self, List};
use super::objection::Objection;
use super::providers::{self, Settings};
use super::row::{Outcome, Reply};
use super::shown::{Changed, effective, no_provider, provider, section};
use super::standing::{status, told};
use crate::Control;

/// Which instances are meant. Everything that is not said is anything.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Meant {
    /// Of this kind of service.
    provider_type: Option<String>,
    /// That have this model, by its public name.
    model: Option<String>,
    /// That stand so: healthy, degraded, unknown, paused, forced_open or forced_closed.
    status: Option<String>,
    /// Whose name has this in it, in either case.
    name: Option<String>,
    /// How many entries.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

/// Several new ones.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "it takes a list of instances, or `instances` with one")]
#[schema(as = SeveralInstances)]
pub(super) enum Several {
    /// A list.
    List(Vec<Settings>),
    /// A list under its name.
    Named {
        /// The list.
        instances: Vec<Settings>,
    },
}

/// The most at once.
const MOST: usize = 1000;

/// Its configuration under the older names.
fn configuration(control: &Control, whole: &Value, name: &str) -> Result<Map<String, Value>, Objection> {
    let mut settings = provider(control, whole, name)?;
    let world = control.gateway().world();
    let known = world.providers.iter().find(|known| known.name == name);
    let written = settings.shift_remove("type");
    let kind = known.map(|known| known.vendor.name().into()).or(written).unwrap_or(Value::Null);
    let base = settings.shift_remove("base_url").unwrap_or(Value::Null);
    let mut shown = Map::new();
    shown.insert("name".to_owned(), name.into());
    shown.insert("provider_type".to_owned(), kind);
    shown.insert("api_base".to_owned(), base);
    shown.extend(settings);
    Ok(shown)
}

impl Meant {
    fn means(&self, control: &Control, shown: &Map<String, Value>) -> bool {
        let is = |wanted: &Option<String>, key: &str| {
            wanted.as_ref().is_none_or(|wanted| shown.get(key).is_some_and(|value| value == wanted))
        };
        let name = shown.get("name").and_then(Value::as_str).unwrap_or_default();
        let part = self.name.as_ref().is_none_or(|part| name.to_lowercase().contains(&part.to_lowercase()));
        let has = self.model.as_ref().is_none_or(|model| {
            let world = control.gateway().world();
            let known = world.providers.iter().find(|known| known.name == name);
            known.is_some_and(|known| known.own_name(model).is_some())
        });
        is(&self.provider_type, "provider_type") && is(&self.status, "status") && part && has
    }
}

/// `GET /instances`
pub(super) async fn all(ask: Ask<Meant, NoBody>) -> Outcome<List<Open>> {
    let (control, whole) = (&ask.control, effective(&ask.control)?);
    let mut meant = Vec::new();
    for (name, _) in section(&whole, "providers") {
        let mut shown = configuration(control, &whole, name)?;
        shown.insert("status".to_owned(), status(control, name).into());
        if ask.query.means(control, &shown) {
            meant.push((name.clone(), Open(shown)));
        }
    }
    Ok(Reply::of(list::piece(meant, ask.query.limit, ask.query.cursor.as_deref())?))
}

/// `GET /instances/{name}`
pub(super) async fn one(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let (control, name) = (&ask.control, ask.word("name"));
    let configuration = configuration(control, &effective(control)?, name)?;
    let statistics = control.gateway().statistics().providers.into_iter();
    let statistics = statistics.into_iter().find(|one| one.provider == name);
    let state = json!({
        "name": name,
        "provider_type": configuration.get("provider_type"),
        "status": status(control, name),
        "health": told(control, name),
        "stats": statistics,
        "config": configuration,
    });
    match state {
        Value::Object(state) => Ok(Reply::of(Open(state))),
        _ => Err(no_provider(name)),
    }
}

/// `GET /instances/config/all`
pub(super) async fn configurations(ask: Ask<NoQuery, NoBody>) -> Outcome<List<Open>> {
    let revision = ask.control.revision();
    let whole = effective(&ask.control)?;
    let one = |(name, _): (&String, &Value)| configuration(&ask.control, &whole, name).map(Open);
    let data = section(&whole, "providers").map(one).collect::<Result<_, _>>()?;
    Ok(Reply::of(List { data, next: None }).at(revision))
}

/// `GET /instances/config/{name}`
pub(super) async fn one_configuration(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let revision = ask.control.revision();
    let shown = configuration(&ask.control, &effective(&ask.control)?, ask.word("name"))?;
    Ok(Reply::of(Open(shown)).at(revision))
}

/// `POST /instances/add-many`
pub(super) async fn add_many(ask: Ask<Why, Json<Several>>) -> Outcome<Changed> {
    let (Several::List(all) | Several::Named { instances: all }) = &ask.body.0;
    if all.is_empty() || all.len() > MOST {
        return Err(Objection::impossible("none_or_too_many", "Give from 1 to 1000 instances at once."));
    }
    let new = all.iter().map(Settings::named).collect::<Result<Vec<_>, _>>()?;
    providers::add(&ask, ask.query.reason.as_ref(), new).await
}
