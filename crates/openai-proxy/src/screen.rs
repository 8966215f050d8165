//! The first screen: what was found, where requests go, what to do next. At most 20 lines, plain text.

use std::net::SocketAddr;
use std::path::Path;

use config::Snapshot;
use config::snapshot::{Credential, Door, Scheme, Source, UnknownModel};

/// The screen for a house that listens at these addresses.
pub(crate) fn first(world: &Snapshot, addresses: &[SocketAddr]) -> String {
    let mut lines = vec![
        format!("openai-proxy {}   {}", env!("CARGO_PKG_VERSION"), source(&world.source)),
        String::new(),
    ];
    lines.extend(providers(world));
    lines.push(String::new());
    let before = lines.len();
    if let UnknownModel::Provider(place) = world.routing.unknown_model {
        lines.push(format!("A model nobody knows goes to {}.", world.providers[place].name));
    }
    let listed = world.models.listed().len();
    if listed > 0 {
        let named = if listed == 1 { "1 model is".to_owned() } else { format!("{listed} models are") };
        lines.push(format!("{named} named in the configuration; all are listed at /v1/models."));
    }
    if lines.len() > before {
        lines.push(String::new());
    }
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
fn providers(world: &Snapshot) -> Vec<String> {
    let width = world.providers.iter().map(|provider| provider.name.len()).max().unwrap_or(0).max(8);
    let line = |provider: &std::sync::Arc<config::snapshot::Provider>| {
        let place = match provider.origin.scheme {
            Scheme::Inside => "inside this process: answers without any model".to_owned(),
            Scheme::Http | Scheme::Https => provider.origin.authority.clone(),
        };
        let credential = match provider.credential {
            Credential::Stored(_) => "own key",
            Credential::Passthrough => "the caller's key",
            Credential::None => "no key",
        };
        let loud =
            if provider.origin.accept_any_certificate { "   CERTIFICATES ARE NOT VERIFIED" } else { "" };
        format!("  {:width$}  {place}   {credential}{loud}", provider.name)
    };
    let mut lines: Vec<String> = world.providers.iter().take(10).map(line).collect();
    if world.providers.len() > 10 {
        lines.push(format!("  and {} more", world.providers.len() - 10));
    }
    lines
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
