//! A snapshot in a few lines: what differs from the ordinary, provider by provider.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use config::Loaded;
use config::snapshot::{
    AccessLog, Breaker, Conditions, Credential, Database, Door, Fallback, KeyStrategy, Limit, Logging,
    Provider, ProviderKey, ProviderTimeouts, Quota, Rate, Rotation, Routing, Snapshot, UnknownModel, Upkeep,
};

/// The summary of a configuration that was accepted.
pub(crate) fn of(loaded: &Loaded) -> String {
    let mut out = String::new();
    server(&mut out, &loaded.snapshot);
    callers(&mut out, &loaded.snapshot);
    for provider in &loaded.snapshot.providers {
        describe(&mut out, provider);
    }
    names(&mut out, &loaded.snapshot);
    for note in &loaded.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

fn server(out: &mut String, snapshot: &Snapshot) {
    let server = &snapshot.server;
    let doors: Vec<String> = server
        .listen
        .iter()
        .map(|door| match door {
            Door::Tcp(address) => address.to_string(),
            Door::Unix(path) => format!("unix:{}", path.display()),
        })
        .collect();
    let _ = writeln!(out, "source {:?}", snapshot.source);
    let _ = writeln!(
        out,
        "listen {} admin {:?} hosts {:?}",
        doors.join(" "),
        server.admin_listen,
        server.allowed_hosts
    );
    let _ = writeln!(out, "limits {:?} {:?}", server.limits, server.timeouts);
    if server.heartbeat != Some(std::time::Duration::from_secs(15)) {
        let _ = writeln!(out, "heartbeat {:?}", server.heartbeat);
    }
    if !server.responses_websocket {
        let _ = writeln!(out, "no responses over a WebSocket");
    }
    let extras = (&server.allow_origins, &server.trusted_proxies, &server.tls);
    if !server.allow_origins.is_empty() || !server.trusted_proxies.is_empty() || server.tls.is_some() {
        let _ = writeln!(out, "extras {extras:?}");
    }
    logging(out, &snapshot.logging);
    let _ = writeln!(out, " {:?}", snapshot.metrics);
    let windows: Vec<u64> = snapshot.stats_windows.iter().map(|window| window.as_secs() / 60).collect();
    if windows != [5, 15, 30, 60] {
        let _ = writeln!(out, "stats windows {:?}", snapshot.stats_windows);
    }
    if snapshot.storage.database != Database::Nowhere {
        let _ = writeln!(out, "{:?}", snapshot.storage);
    }
    upkeep(out, &snapshot.upkeep);
    let month = std::time::Duration::from_secs(30 * 86_400);
    match snapshot.responses {
        Some(kept) if (kept.age, kept.most) == (month, 1 << 30) => {}
        other => {
            let _ = writeln!(out, "responses {other:?}");
        }
    }
}

/// Who may call, where that is not everybody, and how much each may ask for, where that is limited.
fn callers(out: &mut String, snapshot: &Snapshot) {
    let Snapshot { callers, limits, .. } = snapshot;
    if callers.is_asked() {
        let _ = writeln!(out, "a key is asked for");
    }
    if callers.accept().len() != 4 {
        let _ = writeln!(out, "keys travel in {:?}", callers.accept());
    }
    for key in callers.keys() {
        let expires = key.expires.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default());
        let _ = write!(out, "key {} ...{} {:?}", key.name, key.last_four, key.models);
        let _ = writeln!(out, " expires {expires:?} {}", limit(&key.limit));
        if !key.tags.is_empty() {
            let _ = writeln!(out, "  tags {:?}", key.tags);
        }
        fallbacks(out, "  ", &key.fallbacks);
    }
    for (whose, all) in [("global", &limits.global), ("per_ip", &limits.per_ip), ("per_key", &limits.per_key)]
    {
        if !all.is_none() {
            let _ = writeln!(out, "limit {whose} {}", limit(all));
        }
    }
    let mut models: Vec<_> = limits.per_model.iter().collect();
    models.sort_by_key(|(name, _)| *name);
    for (name, of) in models {
        let _ = writeln!(out, "limit of {name} {}", limit(of));
    }
}

fn limit(limit: &Limit) -> String {
    let rate = |rate: Option<Rate>| rate.map(|Rate { amount, per }| format!("{amount} in {per:?}"));
    let Limit { requests, tokens, concurrency } = limit;
    format!("requests {:?} tokens {:?} at once {concurrency:?}", rate(*requests), rate(*tokens))
}

fn upkeep(out: &mut String, upkeep: &Upkeep) {
    const USUAL: &str = "Some((86400s, 14, true)) Some(604800s) Some(2592000s) Kept { requests: Some(7776000s), sums: None, audit: Some(34560000s), revisions: 500 }";
    let Upkeep { backup, health_every, vacuum_every, kept } = upkeep;
    let copies = backup.as_ref().map(|backup| (backup.every, backup.keep, backup.verify));
    let shown = format!("{copies:?} {health_every:?} {vacuum_every:?} {kept:?}");
    if shown != USUAL {
        let to = backup.as_ref().map(|backup| backup.to.display().to_string()).unwrap_or_default();
        let _ = writeln!(out, "upkeep {shown} {to}");
    }
}

/// The first line in short, and what else differs on a line of its own before it.
fn logging(out: &mut String, logging: &Logging) {
    let Logging { levels, format, file, rotation, access_log, access_log_file } = logging;
    for (part, level) in &levels.parts {
        let _ = writeln!(out, "level of {} {level:?}", part.name());
    }
    for file in file.iter().chain(access_log_file) {
        let _ = writeln!(out, "log {}", file.display());
    }
    if *rotation != Rotation::default() {
        let _ = writeln!(out, "{rotation:?}");
    }
    let (level, on) = (format!("{:?}", levels.default).to_lowercase(), *access_log != AccessLog::Off);
    let _ = write!(out, "Logging {{ level: \"{level}\", format: {format:?}, access_log: {on} }}");
}

/// Who we are there, and where that is asked for; its secrets are stars.
fn told(identity: &config::snapshot::Identity) -> String {
    let asked = identity.endpoints.iter().map(|origin| {
        let machine = if origin.of_the_machine { " of the machine" } else { "" };
        format!(" at {:?}://{}{machine}", origin.scheme, origin.authority)
    });
    format!("{:?}{}", identity.who, asked.collect::<String>())
}

fn describe(out: &mut String, provider: &Provider) {
    let origin = &provider.origin;
    let credential = match &provider.credential {
        Credential::Stored(secret) => format!("key {}", secret.expose()),
        Credential::Identity(identity) => told(identity),
        other => format!("{other:?}").to_lowercase(),
    };
    let _ = writeln!(
        out,
        "provider {} {} {:?}://{}{} {credential}",
        provider.name,
        provider.vendor.name(),
        origin.scheme,
        origin.authority,
        provider.site.base_path,
    );
    let near = if origin.allow_private { "near" } else { "far" };
    let forwarded = if provider.forwarded { "forwarded" } else { "silent" };
    let times = times(&provider.timeouts);
    let _ = writeln!(out, "  {near} {forwarded} priority {} {times}", provider.priority);
    let headers: Vec<_> = provider
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
        .collect();
    for (label, text) in [
        ("version", format!("{:?}", provider.site.api_version)),
        ("endpoints", format!("{:?}", provider.site.endpoints)),
        ("capabilities", format!("{:?}", provider.capabilities)),
        ("models", format!("{:?}", provider.models)),
        ("headers", format!("{headers:?}")),
        ("proxy", format!("{:?}", origin.proxy)),
        ("ca", format!("{:?}", origin.ca.as_ref().map(String::len))),
        ("any certificate", format!("{:?}", origin.accept_any_certificate)),
    ] {
        if !matches!(text.as_str(), "None" | "[]" | "false") {
            let _ = writeln!(out, "  {label} {text}");
        }
    }
    pool(out, provider);
}

/// Durations towards it, the newer ones only where somebody wrote them.
fn times(timeouts: &ProviderTimeouts) -> String {
    let ProviderTimeouts { connect, first_byte, first_token, between_bytes, gap, total } = timeouts;
    let times = format!(
        "ProviderTimeouts {{ connect: {connect:?}, first_byte: {first_byte:?}, between_bytes: {between_bytes:?}, total: {total:?} }}"
    );
    let usual = Duration::from_secs(10);
    if (*first_token, *gap) == (usual, usual) {
        return times;
    }
    format!("{times} first token {first_token:?} gap {gap:?}")
}

/// What a provider may be asked for, and with which keys, where somebody wrote it.
fn pool(out: &mut String, provider: &Provider) {
    for key in &provider.keys {
        let expires = key.expires.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default());
        let ProviderKey { name, secret, weight, priority, quota, .. } = key;
        let _ = write!(out, "  key {name} {} weight {weight} priority {priority}", secret.expose());
        let _ = writeln!(out, " {quota:?} expires {expires:?}");
    }
    for (label, differs, text) in [
        ("weight", provider.weight != 1, provider.weight.to_string()),
        ("keys by", provider.key_strategy != KeyStrategy::Priority, format!("{:?}", provider.key_strategy)),
        ("quota", provider.quota != Quota::default(), format!("{:?}", provider.quota)),
        ("breaker", provider.breaker != Breaker::default(), format!("{:?}", provider.breaker)),
        ("health", provider.health.is_some(), format!("{:?}", provider.health)),
        (
            "retry after at most",
            provider.retry_after_max != Duration::from_secs(5),
            format!("{:?}", provider.retry_after_max),
        ),
        ("price", (provider.price_multiplier - 1.0).abs() > 0.0, provider.price_multiplier.to_string()),
    ] {
        if differs {
            let _ = writeln!(out, "  {label} {text}");
        }
    }
    fallbacks(out, "  ", &provider.fallbacks);
}

fn fallbacks(out: &mut String, margin: &str, all: &[Fallback]) {
    for Fallback { from, on, to, when } in all {
        let _ = write!(out, "{margin}fallback {from:?} on {on:?} to {to:?}");
        let when = if *when == Conditions::default() { String::new() } else { format!(" when {when:?}") };
        let _ = writeln!(out, "{when}");
    }
}

fn names(out: &mut String, snapshot: &Snapshot) {
    let place = |index: usize| snapshot.providers[index].name.as_str();
    for name in snapshot.models.listed() {
        let served = snapshot.models.find(name).cloned().unwrap_or_default();
        let places = &served.places;
        let shown: Vec<String> = places
            .iter()
            .map(|chosen| format!("{}/{}", place(chosen.provider), chosen.model.as_deref().unwrap_or("=")))
            .collect();
        let how = served.strategy.map(|strategy| format!(" {}", strategy.word())).unwrap_or_default();
        let weighed = places.iter().any(|place| place.weight != snapshot.providers[place.provider].weight);
        let weights: Vec<u32> = places.iter().map(|place| place.weight).collect();
        let weights = if weighed { format!(" by {weights:?}") } else { String::new() };
        let same = if served.same_vectors { " same vectors" } else { "" };
        let _ = writeln!(out, "model {name} -> {}{how}{weights}{same}", shown.join(", "));
    }
    for path in ["/chat/completions", "/audio/speech", "/audio/transcriptions", "/files"] {
        if let Some(rule) = snapshot.routes.find(path) {
            let _ = writeln!(out, "path {path} -> {rule:?}");
        }
    }
    let unknown = match snapshot.routing.unknown_model {
        UnknownModel::Error => "error",
        UnknownModel::Provider(index) => place(index),
    };
    let _ = writeln!(out, "unknown model -> {unknown}; headers exposed: {}", snapshot.routing.expose_headers);
    routing(out, &snapshot.routing);
}

/// Routing, where it is not as usual.
fn routing(out: &mut String, routing: &Routing) {
    let usual = Routing::default();
    fallbacks(out, "", &routing.fallbacks);
    for (label, differs, text) in [
        ("strategy", routing.strategy != usual.strategy, routing.strategy.word().to_owned()),
        ("retries", routing.retries != usual.retries, routing.retries.to_string()),
        ("retry on", routing.retry_on != usual.retry_on, format!("{:?}", routing.retry_on)),
        ("retry budget", routing.retry_budget != usual.retry_budget, format!("{:?}", routing.retry_budget)),
        ("affinity", !routing.affinity, routing.affinity.to_string()),
        (
            "when full",
            routing.when_exhausted != usual.when_exhausted,
            format!("{:?}", routing.when_exhausted),
        ),
        ("queue", routing.queue != usual.queue, format!("{:?}", routing.queue)),
        ("rescue", routing.rescue != usual.rescue, format!("{:?}", routing.rescue)),
    ] {
        if differs {
            let _ = writeln!(out, "{label} {text}");
        }
    }
}
