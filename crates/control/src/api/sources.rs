//! Who said what: every setting with all layers that spoke about it.

use std::time::{SystemTime, UNIX_EPOCH};

use config::{Leaf, Said};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody, NoQuery};
use super::row::{Outcome, Reply};
use super::shown::{no_provider, unreadable};
use crate::Control;

/// All layers, and what they say.
#[derive(Serialize, ToSchema)]
pub(super) struct Sources {
    /// The layers that say something, weakest first, and of how many settings their word counts.
    layers: Vec<Layer>,
    /// The settings.
    settings: Vec<Setting>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SourceLayer)]
struct Layer {
    /// What it is called.
    layer: &'static str,
    /// How many settings it speaks of.
    says: usize,
    /// Of how many of them its word counts.
    counts: usize,
}

/// A setting and everybody who spoke about it.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingSources)]
struct Setting {
    /// Its path.
    path: String,
    /// Whose word counts.
    source: Source,
    /// Who spoke besides, and does not count; strongest first.
    overridden: Vec<Source>,
}

/// What one layer says.
#[derive(Serialize, ToSchema)]
struct Source {
    /// The layer.
    layer: &'static str,
    /// File and line, variable, flag or revision.
    place: String,
    /// The value, secrets hidden; null: it takes away what weaker layers say.
    #[schema(required)]
    value: Option<String>,
    /// Who wrote it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    /// When, where that is known; milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_unix_ms: Option<u64>,
    /// The setting it was said of, when that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<String>,
}

impl From<&Said> for Source {
    fn from(said: &Said) -> Self {
        Self {
            layer: said.origin.layer.name(),
            place: said.origin.place.to_string(),
            value: said.value.clone(),
            author: said.origin.author.clone(),
            at_unix_ms: said.origin.time.and_then(unix_ms),
            through: said.through.clone(),
        }
    }
}

fn unix_ms(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn sources(control: &Control, path: &str) -> Result<Sources, super::objection::Objection> {
    let all = config::sources(&control.given()).map_err(|problems| unreadable(&problems))?;
    let leaves: Vec<&Leaf> = all.below(path).collect();
    let setting = |leaf: &&Leaf| {
        let source = leaf.winner().map(Source::from)?;
        Some(Setting {
            path: leaf.path.clone(),
            source,
            overridden: leaf.losers().map(Source::from).collect(),
        })
    };
    let mut spoken: Vec<config::Layer> =
        leaves.iter().flat_map(|leaf| &leaf.said).map(|said| said.origin.layer).collect();
    spoken.sort();
    let counted = |layer: config::Layer| {
        leaves.iter().filter(|leaf| leaf.winner().is_some_and(|said| said.origin.layer == layer)).count()
    };
    let layer = |layers: &[config::Layer]| Layer {
        layer: layers[0].name(),
        says: layers.len(),
        counts: counted(layers[0]),
    };
    let layers = spoken.chunk_by(|a, b| a == b).map(layer).collect();
    Ok(Sources { layers, settings: leaves.iter().filter_map(setting).collect() })
}

/// Which settings are meant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Meant {
    /// Those at this path and below it.
    path: Option<String>,
}

/// `GET /admin/config/sources`
pub(super) async fn all(ask: Ask<Meant, NoBody>) -> Outcome<Sources> {
    let revision = ask.control.revision();
    let path = ask.query.path.as_deref().unwrap_or_default();
    Ok(Reply::of(sources(&ask.control, path)?).at(revision))
}

/// `GET /admin/config/instances/{name}/sources`
pub(super) async fn of_provider(ask: Ask<NoQuery, NoBody>) -> Outcome<Sources> {
    let revision = ask.control.revision();
    let name = ask.word("name");
    let found = sources(&ask.control, &format!("providers.{name}"))?;
    if found.settings.is_empty() || name.is_empty() {
        return Err(no_provider(name));
    }
    Ok(Reply::of(found).at(revision))
}
