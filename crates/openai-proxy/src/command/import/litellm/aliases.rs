//! `model_group_alias`: other words for a name.

use serde_json::{Map, Value as Json, json};

use super::at::At;
use super::deployment::Deployment;
use super::names::Names;
use crate::report::Report;

impl Names<'_> {
    /// `model_group_alias`: another word for a name.
    pub(super) fn alias(&mut self, at: &At<'_>, report: &mut Report) {
        let alias = at.key;
        let target = at.get("model").and_then(|at| at.text()).or_else(|| at.text());
        let hidden = at.get("hidden").is_some_and(|at| at.is_on());
        let Some(target) = target.filter(|target| self.known.contains(target)) else {
            return report.lost(at.spot(), format!("alias {alias}: no model is called so"));
        };
        if self.known.iter().any(|known| known == alias) {
            return report.lost(at.spot(), format!("alias {alias}: a model of its own is called so"));
        }
        let places = match self.top.get(&target) {
            Some(Json::Object(members)) => members.get("use").cloned().unwrap_or_default(),
            Some(other) => other.clone(),
            None => {
                let serves = |deployment: &Deployment| deployment.public == target;
                let Some(index) = self.deployments.iter().position(serves) else { return };
                let name = &self.providers[self.provider_of(index)].name;
                json!(format!("{name}/{target}"))
            }
        };
        // Each place by its own name, for the alias is nobody's.
        let places = match places {
            Json::Array(places) => {
                Json::Array(places.into_iter().map(|place| named(place, &target)).collect())
            }
            place => named(place, &target),
        };
        let value = match (hidden, self.top.get(&target).and_then(|value| value.get("strategy"))) {
            (false, None) => places,
            (hidden, strategy) => {
                let mut members = Map::new();
                strategy
                    .into_iter()
                    .for_each(|strategy| drop(members.insert("strategy".into(), strategy.clone())));
                if hidden {
                    members.insert("hidden".into(), json!(true));
                }
                members.insert("use".into(), places);
                Json::Object(members)
            }
        };
        report.carried(at.spot(), format!("alias {alias}: {target}"));
        self.top.insert(alias.to_owned(), value);
        self.known.push(alias.to_owned());
    }
}

/// A place with the name its provider lists it under.
fn named(place: Json, target: &str) -> Json {
    match place {
        Json::String(name) if !name.contains('/') => json!(format!("{name}/{target}")),
        Json::Object(mut members) => {
            members.entry("model").or_insert_with(|| json!(target));
            Json::Object(members)
        }
        other => other,
    }
}
