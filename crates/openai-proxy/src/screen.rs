//! The first screen: what was found, where requests go, what to do next. At most 20 lines of 90 columns, plain text. The
//! same table is what `status` shows and what JSON log lines carry.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::Snapshot;
use config::snapshot::{Credential, Door, PathRule, Provider, Scheme, Source, UnknownModel};
use gateway::{Gateway, Question, Sighting, Way};
use http::Method;
use protocol::operation::Operation;
use protocol::vendor::fingerprint::FINGERPRINTS;
use serde::{Deserialize, Serialize};

use crate::search::Search;
use crate::talk::{Mark, Talk};

/// What a person wants to know of a running gateway.
#[derive(Clone, Default, Serialize, Deserialize, Debug)]
pub(crate) struct View {
    /// Where the configuration came from, in words.
    pub(crate) source: String,
    /// How long the search of this computer took, in milliseconds; none: it was not searched.
    pub(crate) searched_ms: Option<u64>,
    /// The providers.
    pub(crate) providers: Vec<Row>,
    /// Kinds of server that were looked for and did not answer.
    pub(crate) silent: Vec<String>,
    /// Where requests go.
    pub(crate) ways: Vec<Leads>,
    /// Addresses to call, with `/v1`; sockets as `unix:/path`.
    pub(crate) ready: Vec<String>,
    /// Who can reach these addresses, in words.
    pub(crate) reach: String,
    /// Where metrics are, if on a door of their own.
    pub(crate) admin: Option<String>,
    /// Only the mock answers: nothing was found.
    pub(crate) empty: bool,
    /// Of the languages tools speak, those that some provider here speaks, by the names of their operations.
    #[serde(default)]
    pub(crate) speaks: Vec<String>,
}

/// One provider.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: String,
    /// Where it is, or the variable its key stands in.
    pub(crate) place: String,
    /// What is known of it.
    pub(crate) about: String,
}

/// Where one sort of request goes.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(crate) struct Leads {
    /// What is asked.
    pub(crate) what: String,
    /// The provider.
    pub(crate) to: String,
    /// What else there is to say.
    pub(crate) note: String,
}

/// Rows shown before the rest is only counted.
const ROWS: usize = 6;

/// The view of a gateway that listens at these addresses; `seen` is what a search of this computer brought.
pub(crate) fn view(gateway: &Gateway, addresses: &[SocketAddr], seen: Option<&Search>) -> View {
    let world = gateway.world();
    let scheme = if world.server.tls.is_some() { "https" } else { "http" };
    let sockets = world.server.listen.iter().filter_map(|door| match door {
        Door::Unix(path) => Some(format!("unix:{}", path.display())),
        Door::Tcp(_) => None,
    });
    let near = addresses.iter().all(|address| address.ip().is_loopback());
    let took = |search: &Search| u64::try_from(search.took.as_millis()).unwrap_or(u64::MAX);
    View {
        source: source(&world.source),
        searched_ms: seen.map(took),
        providers: world.providers.iter().map(|provider| row(provider, seen)).collect(),
        silent: seen.map(silent).unwrap_or_default(),
        ways: ways(gateway, &world),
        ready: addresses.iter().map(|address| format!("{scheme}://{address}/v1")).chain(sockets).collect(),
        reach: match (near, world.callers.is_asked()) {
            (true, false) => "this computer only, no key needed",
            (true, true) => "this computer only, with a key",
            (false, false) => "no key needed",
            (false, true) => "with a key",
        }
        .to_owned(),
        admin: None,
        empty: world.source == Source::Nothing,
        speaks: spoken(&world),
    }
}

/// What tools speak, and some provider here, too.
fn spoken(world: &Snapshot) -> Vec<String> {
    let served = |operation: &Operation| world.providers.iter().any(|provider| provider.serves(*operation));
    let all = [Operation::Chat, Operation::Responses, Operation::Messages, Operation::Generate];
    all.iter().filter(|operation| served(operation)).map(|operation| operation.name().to_owned()).collect()
}

fn source(source: &Source) -> String {
    match source {
        Source::File(path) => format!("configuration: {}", path.display()),
        Source::Environment | Source::Nothing => "no configuration file".to_owned(),
    }
}

fn row(provider: &Arc<Provider>, seen: Option<&Search>) -> Row {
    let place = match provider.origin.scheme {
        Scheme::Inside => "inside".to_owned(),
        Scheme::Http | Scheme::Https => provider.origin.authority.clone(),
    };
    let sighting = seen.and_then(|seen| seen.at(provider.origin.port));
    let about = match (sighting, &provider.credential) {
        _ if provider.origin.accept_any_certificate => "CERTIFICATES ARE NOT VERIFIED".to_owned(),
        _ if provider.origin.scheme == Scheme::Inside => "made-up answers, without any model".to_owned(),
        (Some(sighting), _) => sighted(sighting),
        (None, Credential::Stored(_)) => "own key, not contacted yet".to_owned(),
        (None, Credential::Identity(identity)) => format!("{}, not contacted yet", identity.who.about()),
        (None, Credential::Passthrough) => "the caller's key, not contacted yet".to_owned(),
        (None, Credential::None) => "no key, not contacted yet".to_owned(),
    };
    Row { name: provider.name.clone(), place, about }
}

/// What a server on this computer said of itself.
fn sighted(sighting: &Sighting) -> String {
    let what = if sighting.kind.good_for == "speech" { "voices" } else { "models" };
    let count = sighting.count.map(|count| format!("{count} {what}")).unwrap_or_default();
    format!("{count:14}{}", sighting.kind.good_for)
}

/// The best-known kinds that did not answer.
fn silent(seen: &Search) -> Vec<String> {
    let answered = |name: &str| seen.sightings.iter().any(|sighting| sighting.kind.name == name);
    FINGERPRINTS
        .iter()
        .filter(|kind| kind.well_known && !answered(kind.name))
        .map(|kind| kind.name.to_owned())
        .collect()
}

/// Rules for paths shown before the rest is only counted.
const RULES: usize = 4;

/// Where requests go; nothing when there is only one way.
fn ways(gateway: &Gateway, world: &Snapshot) -> Vec<Leads> {
    if world.providers.len() < 2 {
        return Vec::new();
    }
    let mut ways = by_path(world);
    if !is_ruled(world, "/chat/completions") {
        ways.extend(by_model(world));
    }
    for path in ["/v1/audio/speech", "/v1/audio/transcriptions"] {
        // The very choice the line makes, for a model nobody has written.
        let asked = Question { method: &Method::POST, target: path, model: Some("any"), body: None };
        let ruled = path.strip_prefix("/v1").is_some_and(|rest| is_ruled(world, rest));
        if let (false, Ok(Way::There { provider, .. })) = (ruled, gateway.explain_from_memory(&asked).way) {
            ways.push(leads(path.to_owned(), &provider, ""));
        }
    }
    ways
}

fn leads(what: String, to: &str, note: &str) -> Leads {
    Leads { what, to: to.to_owned(), note: note.to_owned() }
}

/// Whether a rule leads a path to providers, whatever the model.
fn is_ruled(world: &Snapshot, rest: &str) -> bool {
    matches!(world.routes.find(rest), Some(PathRule::Providers(_)))
}

/// The rules for paths.
fn by_path(world: &Snapshot) -> Vec<Leads> {
    let rules = world.routes.all();
    let mut ways: Vec<Leads> = Vec::new();
    for (pattern, rule) in rules.iter().take(RULES) {
        let to = match rule {
            PathRule::Models => "whoever has the model".to_owned(),
            PathRule::Providers(places) => places
                .iter()
                .map(|place| world.providers[*place].name.as_str())
                .collect::<Vec<_>>()
                .join(", else "),
        };
        ways.push(leads(pattern.clone(), &to, ""));
    }
    if rules.len() > RULES {
        ways.push(leads(format!("{} more paths", rules.len() - RULES), "as written", ""));
    }
    ways
}

/// The models of the file, those of servers of this computer, and all others.
fn by_model(world: &Snapshot) -> Vec<Leads> {
    let mut ways = Vec::new();
    let listed = world.models.listed().len();
    if listed > 0 {
        let models = if listed == 1 {
            "1 model of the file".to_owned()
        } else {
            format!("{listed} models of the file")
        };
        ways.push(leads(models, "as written", ""));
    }
    // A rule for a path leads wherever it says, a local model's calls as well.
    let ruled = ["/embeddings", "/completions"].iter().any(|rest| is_ruled(world, rest));
    let stays = if ruled { "" } else { "never to a cloud, even when it is down" };
    let own = |provider: &&Arc<Provider>| is_own(provider) && provider.serves(Operation::Chat);
    ways.extend(
        world
            .providers
            .iter()
            .filter(own)
            .map(|own| leads(format!("a model {} has", own.name), &own.name, stays)),
    );
    let other = if ways.is_empty() { "a model" } else { "any other model" }.to_owned();
    ways.push(match world.routing.unknown_model {
        UnknownModel::Provider(place) => leads(other, &world.providers[place].name, ""),
        UnknownModel::Error => leads(other, "whoever has it", "else 404 model_not_found"),
    });
    ways
}

fn is_own(provider: &Provider) -> bool {
    provider.vendor.local() && provider.origin.scheme != Scheme::Inside
}

impl View {
    /// The first screen.
    pub(crate) fn first(&self, talk: &Talk) -> String {
        let mut lines =
            vec![format!("openai-proxy {}   {}", env!("CARGO_PKG_VERSION"), self.source), String::new()];
        lines.extend(self.table(talk));
        lines.push(String::new());
        lines.extend(self.doors());
        lines.extend(self.next());
        lines.join("\n")
    }

    /// What was found and where requests go.
    pub(crate) fn table(&self, talk: &Talk) -> Vec<String> {
        let took = self.searched_ms.map(Duration::from_millis);
        let head = match took {
            Some(took) => {
                format!("{:68}{:.2} s", "Found on this computer and in the environment", took.as_secs_f64())
            }
            None => "Providers".to_owned(),
        };
        let mut lines = vec![head];
        let name = self.providers.iter().map(|row| row.name.len()).max().unwrap_or(0).clamp(8, 24);
        let place = self.providers.iter().map(|row| row.place.len()).max().unwrap_or(0).clamp(15, 30);
        for row in self.providers.iter().take(ROWS) {
            let mark = talk.mark(Mark::Good);
            let line = format!("{:name$}  {:place$}  {}", row.name, row.place, row.about);
            lines.push(format!("  {mark} {}", clipped(&line, 84)));
        }
        if self.providers.len() > ROWS {
            lines.push(format!("  and {} more", self.providers.len() - ROWS));
        }
        if !self.silent.is_empty() {
            let mark = talk.mark(Mark::Nothing);
            lines.push(format!(
                "  {mark} {}",
                clipped(&format!("{}: nothing answered", self.silent.join(", ")), 84)
            ));
        }
        if !self.ways.is_empty() {
            lines.extend([String::new(), "Where requests go".to_owned()]);
            let width = self.ways.iter().map(|way| way.what.chars().count()).max().unwrap_or(0).min(40);
            for way in &self.ways {
                let note = if way.note.is_empty() { String::new() } else { format!("   ({})", way.note) };
                lines.push(clipped(&format!("  {:width$} → {}{note}", way.what, way.to), 90));
            }
        }
        lines
    }

    /// The same as log lines, where those are read by programs.
    pub(crate) fn log(&self) {
        for Row { name, place, about } in &self.providers {
            let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
            tracing::info!(provider = name, place, about, "provider");
        }
        for Leads { what, to, note } in &self.ways {
            tracing::info!(what, to, note, "way");
        }
        let address = self.ready.join(" ");
        tracing::info!(version = env!("CARGO_PKG_VERSION"), address, source = self.source, "ready");
    }

    fn doors(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for door in &self.ready {
            let reach = if door.starts_with("unix:") { "" } else { &self.reach };
            lines.push(format!("Ready    {door:30}  {reach}").trim_end().to_owned());
        }
        lines.extend(self.admin.as_ref().map(|admin| format!("Metrics  {admin}")));
        lines
    }

    /// A tool that works with what is here.
    fn tool(&self, next: impl Fn(&str, &str) -> String) -> String {
        let speaks = |operation: Operation| self.speaks.iter().any(|name| name == operation.name());
        match () {
            () if speaks(Operation::Messages) => {
                next("openai-proxy launch claude", "codex, aider, opencode, ...")
            }
            () if speaks(Operation::Responses) => {
                next("openai-proxy launch codex", "aider, opencode, llm, ...")
            }
            () => next("openai-proxy launch aider", "opencode, llm, ..."),
        }
    }

    /// What to do next, where somebody is new here.
    fn next(&self) -> Vec<String> {
        let next = |command: &str, what: &str| format!("         {command:41} {what}");
        if self.source.starts_with("configuration") {
            return Vec::new();
        }
        let mut lines = vec![
            String::new(),
            next("openai-proxy chat \"hello\"", "ask something").replacen("        ", "Next    ", 1),
            self.tool(next),
        ];
        if self.empty {
            lines.push(next("OPENAI_API_KEY=sk-... openai-proxy serve", "a real provider, by its key"));
        } else {
            lines.push(next("openai-proxy init", "keep these settings in a file"));
        }
        lines
    }
}

/// At most so many columns.
fn clipped(line: &str, most: usize) -> String {
    if line.chars().count() <= most {
        return line.trim_end().to_owned();
    }
    line.chars().take(most - 1).chain(['…']).collect()
}
