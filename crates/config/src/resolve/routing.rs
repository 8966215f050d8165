//! Routing: what leads to a provider by name, and what follows from which providers there are.

use std::sync::Arc;

use super::Around;
use super::names::Places;
use crate::document::Document;
use crate::snapshot::{Provider, Routing, UnknownModel};

/// Resolves it; `None` when a finding tells why not.
pub(super) fn resolve(
    document: &Document,
    around: &Around<'_>,
    places: &Places<'_>,
    providers: &[Arc<Provider>],
) -> Option<Routing> {
    let written = document.routing.unknown_model.as_ref();
    let unknown_model = match written.filter(|written| written.value != "error") {
        Some(written) => UnknownModel::Provider(places.provider(written)?),
        None if written.is_some() => UnknownModel::Error,
        None => unwritten_unknown_model(document, around, providers),
    };
    let careful = around.discovered && written.is_none();
    Some(Routing { unknown_model, careful, ..document.routing.rest.clone() })
}

/// Where a model nobody knows goes when nobody wrote it: to the only provider, or, among those that were found, to the
/// only cloud (D-12). Everything else would be a guess, and a provider whose models are written has those and no others.
fn unwritten_unknown_model(
    document: &Document,
    around: &Around<'_>,
    providers: &[Arc<Provider>],
) -> UnknownModel {
    let is_cloud = |index: &usize| !providers[*index].local;
    let clouds: Vec<usize> = (0..providers.len()).filter(is_cloud).collect();
    let only = match (providers.len(), clouds.as_slice()) {
        (1, _) if around.discovered || document.names.is_empty() => Some(0),
        (_, [only]) if around.discovered => Some(*only),
        _ => None,
    };
    let open = only.filter(|only| providers[*only].models.is_empty());
    open.map_or(UnknownModel::Error, UnknownModel::Provider)
}
