//! The first screen: what was found, where requests go, what to do next. At most 20 lines, plain text.

use std::net::SocketAddr;
use std::path::Path;

use std::sync::Arc;

use config::Snapshot;
use config::snapshot::{Credential, Door, Provider, Scheme, Source, UnknownModel};
use gateway::Sighting;
use protocol::operation::Operation;

use crate::search::Search;

/// The screen for a house that listens at these addresses; `seen` is what a search of this computer brought.
pub(crate) fn first(world: &Snapshot, addresses: &[SocketAddr], seen: Option<&Search>) -> String {
    let mut lines = vec![
        format!("openai-proxy {}   {}", env!("CARGO_PKG_VERSION"), source(&world.source)),
        String::new(),
    ];
    if let Some(seen) = seen {
        let took = format!("{:.2} s", seen.took.as_secs_f64());
        lines.push(format!("{:68}{took}", "Found on this computer and in the environment"));
    }
    lines.extend(providers(world, seen));
    lines.push(String::new());
    lines.extend(ways(world));
    for address in addresses {
        let scheme = if world.server.tls.is_some() { "https" } else { "http" };
        let reach =
            if address.ip().is_loopback() { "this computer only, no key needed" } else { "no key needed" };
        lines.push(format!("Ready    {scheme}://{address}/v1     {reach}"));
    }
    for door in &world.server.listen {
        if let Door::Unix(path) = door {
            lines.push(format!("Ready    unix:{}", path.display()));
        }
    }
    lines.extend(next(world, addresses));
    lines.join("\n")
}

/// Where requests go, in a few lines and an empty one; nothing when there is only one way.
fn ways(world: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    let own: Vec<&str> = world
        .providers
        .iter()
        .filter(|provider| {
            provider.vendor.local()
                && provider.origin.scheme != Scheme::Inside
                && provider.serves(Operation::Chat)
        })
        .map(|provider| provider.name.as_str())
        .collect();
    if !own.is_empty() && world.providers.len() > 1 {
        lines.push(format!(
            "A model {} has goes there, and never to a cloud, even when it is down.",
            own.join(" or ")
        ));
    }
    if let UnknownModel::Provider(place) = world.routing.unknown_model {
        lines.push(format!("A model nobody knows goes to {}.", world.providers[place].name));
    }
    let listed = world.models.listed().len();
    if listed > 0 {
        let named = if listed == 1 { "1 model is".to_owned() } else { format!("{listed} models are") };
        lines.push(format!("{named} named in the configuration; all are listed at /v1/models."));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn source(source: &Source) -> String {
    match source {
        Source::File(path) => format!("configuration: {}", shown(path)),
        Source::Environment => "no configuration file; keys found in the environment".to_owned(),
        Source::Nothing => "no configuration file and no key in the environment".to_owned(),
    }
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}

/// A line per provider, the first ten.
fn providers(world: &Snapshot, seen: Option<&Search>) -> Vec<String> {
    let width = world.providers.iter().map(|provider| provider.name.len()).max().unwrap_or(0).max(8);
    let line = |provider: &Arc<Provider>| {
        let place = match provider.origin.scheme {
            Scheme::Inside => "inside this process: answers without any model".to_owned(),
            Scheme::Http | Scheme::Https => provider.origin.authority.clone(),
        };
        let sighting = seen.and_then(|seen| seen.at(provider.origin.port));
        let about = match (sighting, &provider.credential) {
            (Some(sighting), _) => sighted(sighting),
            (None, Credential::Stored(_)) => "own key, not contacted yet".to_owned(),
            (None, Credential::Passthrough) => "the caller's key".to_owned(),
            (None, Credential::None) => "no key".to_owned(),
        };
        let loud =
            if provider.origin.accept_any_certificate { "   CERTIFICATES ARE NOT VERIFIED" } else { "" };
        format!("  {:width$}  {place:22}  {about}{loud}", provider.name)
    };
    let mut lines: Vec<String> = world.providers.iter().take(10).map(line).collect();
    if world.providers.len() > 10 {
        lines.push(format!("  and {} more", world.providers.len() - 10));
    }
    lines
}

/// What a server on this computer said of itself.
fn sighted(sighting: &Sighting) -> String {
    let what = if sighting.kind.good_for == "speech" { "voices" } else { "models" };
    let count = sighting.count.map(|count| format!("{count} {what}   ")).unwrap_or_default();
    format!("{count}{}", sighting.kind.good_for)
}

fn next(world: &Snapshot, addresses: &[SocketAddr]) -> Vec<String> {
    if world.source != Source::Nothing {
        return Vec::new();
    }
    let address = addresses.first().map_or_else(|| "127.0.0.1:2020".to_owned(), ToString::to_string);
    vec![
        String::new(),
        "No provider is known, so the built-in mock answers every model. Next:".to_owned(),
        format!("  curl -N http://{address}/v1/chat/completions -H 'content-type: application/json' \\"),
        r#"    -d '{"model":"mock","stream":true,"messages":[{"role":"user","content":"hello"}]}'"#
            .to_owned(),
        "  OPENAI_API_KEY=sk-... openai-proxy serve      a real provider, by its key".to_owned(),
        "  openai-proxy serve --config openai-proxy.yaml   several, by a file".to_owned(),
    ]
}
