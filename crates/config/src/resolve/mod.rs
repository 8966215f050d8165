//! From the document to the snapshot: everything that needs more than one value is decided here.

mod alerts;
mod callers;
mod identity;
mod keys;
mod logging;
mod names;
mod provider;
mod proxy;
mod routing;
mod server;
pub(crate) mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::secret::Secret;

use crate::address::is_loopback;
use crate::document::{self, Document};
use crate::reader::{Findings, Written};
use crate::snapshot::{Credential, Door, PathRule, Routes, Snapshot, Source};

/// What resolving needs besides the document.
pub(crate) struct Around<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) source: Source,
    /// What callers' keys are kept with, if that is known.
    pub(crate) pepper: Option<&'a Secret>,
    /// No provider was written: those there are were found.
    pub(crate) discovered: bool,
}

/// Builds the snapshot; `None` when something is missing that a finding already tells.
pub(crate) fn resolve(mut document: Document, around: &Around<'_>, findings: &Findings) -> Option<Snapshot> {
    // Order of preference first: from here on a provider is known by its place in this list.
    document.providers.sort_by_key(|provider| std::cmp::Reverse(provider.priority));
    if document.providers.is_empty() {
        let fix = "Write one, like `providers: {name: https://...}`, or leave `discovery` on.".to_owned();
        findings.problem("providers", None, "No provider is configured.", Some(fix));
    }
    let callers = callers::resolve(&document, around.pepper, findings);
    let access = if callers.is_asked() { document::callers::Access::Keys } else { document.auth.access };
    let administered = !document.admin.keys.is_empty();
    let server = server::resolve(&document.listener, access, administered, findings);
    let storage = storage::resolve(&document.storage, around.environment, findings);
    let providers: Vec<_> = document
        .providers
        .iter()
        .map(|written| provider::resolve(written, around.environment, findings))
        .collect();
    if let Some(server) = &server {
        let doors: Vec<Door> =
            server.listen.iter().cloned().chain(server.native_listen.map(Door::Tcp)).collect();
        for (written, resolved) in document.providers.iter().zip(&providers) {
            refuse_loop(written, resolved.as_ref(), &doors, findings);
        }
    }
    if callers.is_asked() {
        for (written, resolved) in document.providers.iter().zip(&providers) {
            tell_unreached(written, resolved.as_ref(), findings);
        }
    }
    let providers = providers.into_iter().map(|provider| provider.map(Arc::new)).collect::<Option<Vec<_>>>();
    let places = names::Places::new(&document.providers, findings);
    let models = places.models(&document.names);
    let routes = routes(&document, &places);
    let providers = providers?;
    let routing = routing::resolve(&document, around, &places, &providers)?;
    Some(Snapshot {
        server: server?,
        callers,
        limits: document.limits,
        providers,
        models,
        routes,
        routing,
        metrics: document.telemetry.metrics,
        stats_windows: document.telemetry.stats_windows,
        responses: document.storage.responses,
        upkeep: storage::upkeep(document.storage.upkeep, storage.as_ref()?, around.environment),
        logging: logging::resolve(document.logging, around),
        alerts: crate::snapshot::Alerts {
            to: alerts::resolve(&document.hooks, around.environment, findings),
            ..document.alerts
        },
        storage: storage?,
        admin: document.admin,
        authority: document.authority,
        watch: document.watch,
        source: around.source.clone(),
    })
}

/// A provider that is this gateway itself: one call would become as many as there are connections.
fn refuse_loop(
    written: &document::provider::Provider,
    resolved: Option<&crate::snapshot::Provider>,
    doors: &[Door],
    findings: &Findings,
) {
    let Some(origin) = resolved.map(|provider| &provider.origin) else { return };
    let ours = |door: &Door| matches!(door, Door::Tcp(address) if address.port() != 0 && address.port() == origin.port);
    if is_loopback(&origin.host) && doors.iter().any(ours) {
        let what =
            format!("`{}` is this gateway itself, which listens on port {}.", written.name.path, origin.port);
        let fix = "Write where the service listens, or let the gateway listen elsewhere.".to_owned();
        let place = written.base_url.as_ref().map_or(&written.name.place, |url| &url.place);
        findings.problem(&written.name.path, Some(place), what, Some(fix));
    }
}

/// A provider that wants callers' own keys gets none where callers show keys of ours: those go no further (D-11).
fn tell_unreached(
    written: &document::provider::Provider,
    resolved: Option<&crate::snapshot::Provider>,
    findings: &Findings,
) {
    if resolved.is_none_or(|provider| provider.credential != Credential::Passthrough) {
        return;
    }
    let what = format!(
        "`{}` is asked with callers' own keys, and callers show keys of this gateway, which are passed on to nobody.",
        written.name.path
    );
    let fix = "Write its `api_key`.".to_owned();
    findings.note(&written.name.path, Some(&written.name.place), what, Some(fix));
}

fn routes(document: &Document, places: &names::Places<'_>) -> Routes {
    let rule = |to: &[Written<String>]| match to {
        [only] if only.value == "models" => Some(PathRule::Models),
        [] => None,
        several => {
            let known: Vec<usize> = several.iter().filter_map(|name| places.provider(name)).collect();
            (!known.is_empty()).then_some(PathRule::Providers(known))
        }
    };
    Routes::new(
        document.paths.iter().filter_map(|path| Some((path.pattern.clone(), rule(&path.to)?))).collect(),
    )
}
