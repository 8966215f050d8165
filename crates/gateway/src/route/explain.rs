//! What would go where, and why: the very choice the line makes, told instead of taken. Nothing is sent.

use config::Snapshot;
use config::snapshot::Provider;
use http::Method;
use protocol::operation;

use super::plan::{Reason, Wish, choose};
use crate::Gateway;
use crate::catalogue::Catalogue;

/// The way of a request that was not made.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The operation its path and method mean.
    pub operation: &'static str,
    /// The language it is asked in.
    pub dialect: String,
    /// The provider it would go to and the model's name there, with the reason; or the error the caller would read.
    pub way: Result<Way, String>,
    /// Every provider, in order of preference, and what speaks for or against it.
    pub places: Vec<Place>,
}

/// Where it would go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// The provider's name.
    pub provider: String,
    /// Its own name for the model, if one is named.
    pub model: Option<String>,
    /// Why this one.
    pub reason: Reason,
}

/// A provider, seen from this request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its name.
    pub provider: String,
    /// Whether it speaks the operation.
    pub serves: bool,
    /// Whether it says that it has the model; `None`: it has not been asked, or did not answer.
    pub announces: Option<bool>,
    /// Whether the configuration leads the model there.
    pub written: bool,
    /// Whether a rule for the path names it.
    pub path_rule: bool,
}

impl Gateway {
    /// Explains a request: its method, its path in any spelling, and the model it names.
    ///
    /// # Errors
    /// One sentence when no operation has this path and method.
    pub fn explain(&self, method: &Method, path: &str, model: Option<&str>) -> Result<Explanation, String> {
        let world = self.world();
        let found = operation::find(method, path)
            .map_err(|_| format!("{method} {path} is no path of this gateway."))?;
        let model = model.or(found.model);
        let dialect = operation::dialect_of(path);
        let wish = Wish { row: found.row, rest: found.rest, model, unread: false, dialect };
        let way = choose(&world, &self.catalogue, &wish);
        let way = way.map_err(|error| error.say.into_owned()).map(|(reason, chosen)| Way {
            provider: world.providers[chosen.provider].name.clone(),
            model: chosen.model.or_else(|| model.map(str::to_owned)),
            reason,
        });
        let places =
            (0..world.providers.len()).map(|place| seen(&world, &self.catalogue, &wish, place)).collect();
        Ok(Explanation { operation: found.row.operation.name(), dialect: dialect.to_string(), way, places })
    }
}

fn seen(world: &Snapshot, catalogue: &Catalogue, wish: &Wish<'_>, place: usize) -> Place {
    let provider: &Provider = &world.providers[place];
    let written = wish.model.and_then(|model| world.models.find(model));
    let rule = world.routes.find(wish.rest);
    Place {
        provider: provider.name.clone(),
        serves: provider.serves(wish.row.operation),
        announces: wish.model.and_then(|model| catalogue.says(world, place, model)),
        written: written.is_some_and(|places| places.iter().any(|chosen| chosen.provider == place)),
        path_rule: matches!(rule, Some(config::snapshot::PathRule::Providers(places)) if places.contains(&place)),
    }
}
