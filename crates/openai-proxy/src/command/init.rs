//! `init`: a configuration file from what is found here, or from an older file, or an example to begin with.

use std::path::{Path, PathBuf};

use clap::Args;
use config::snapshot::{Credential, Provider, Scheme, UnknownModel};
use config::{Given, Snapshot};

use protocol::operation::Operation;

use super::{import, output, reach, service};
use crate::exit::{Exit, Failure, Outcome};
use crate::folders;
use crate::given::{Named, refused};
use crate::search::{self, Search};
use crate::talk::Talk;

/// Write a configuration file from what is found here.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy init                                  asks at most four things\n  openai-proxy init --yes --output openai-proxy.yaml  asks nothing\n  openai-proxy init --print                          shows the file, writes nothing\n  openai-proxy init --from haproxy=/etc/haproxy/conf.d/openai-proxy.cfg\n  openai-proxy init --example                        the commented example",
    after_help = "A file that is there is never overwritten without showing the difference.\nExit codes: 0 written, 5 a file is there and differs."
)]
pub(super) struct Init {
    /// The file to write. Without it: the one in use, or openai-proxy/openai-proxy.yaml below ~/.config.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Begin with another program's file: haproxy=FILE or env=FILE.
    #[arg(long, value_name = "KIND=FILE", conflicts_with = "example")]
    from: Option<String>,
    /// The commented example, whatever is found.
    #[arg(long)]
    example: bool,
    /// Show the file and write nothing.
    #[arg(long)]
    print: bool,
}

/// The example, as it lies in the repository.
const EXAMPLE: &str = include_str!("../../../../config/openai-proxy-example.yaml");

impl Init {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let given = Named::default().given(Vec::new())?;
        let file = self.output.clone().unwrap_or_else(|| usual_file(&given));
        let mut at_login = false;
        let text = match &self.from {
            Some(from) => converted(talk, from)?,
            None if self.example => EXAMPLE.to_owned(),
            None => {
                let (text, wishes) = found(talk, &given)?;
                at_login = wishes.at_login;
                text
            }
        };
        if self.print {
            talk.print(&text);
            return Ok(Exit::Done);
        }
        if talk.attended() && !talk.yes() {
            talk.say(&format!("\n{}:\n\n{text}", file.display()));
        }
        write(talk, &file, &text)?;
        if at_login {
            return service::at_login(talk, &file);
        }
        Ok(Exit::Done)
    }
}

fn write(talk: &Talk, file: &Path, text: &str) -> Outcome {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        folders::make_private(folder).map_err(|error| {
            Failure::new(Exit::Failed, format!("{} cannot be made: {error}.", folder.display()))
        })?;
    }
    let found = Named::default()
        .given(Vec::new())
        .is_ok_and(|given| config::places(&given).iter().any(|place| place == file));
    let next = match found {
        true => "openai-proxy start".to_owned(),
        false => format!("openai-proxy start --config {}", file.display()),
    };
    output::deliver(talk, file, text, &next)
}

/// Where a file is written when none is named: over the one in use, else where every folder's commands find it.
fn usual_file(given: &Given) -> PathBuf {
    let places = config::places(given);
    let in_use = places.iter().find(|path| path.is_file());
    // The user's own place; without a home the folder we are in, never the system's.
    let own = given.home.as_ref().filter(|home| home.is_absolute()).and(places.get(1));
    in_use.or(own).cloned().unwrap_or_else(|| PathBuf::from("openai-proxy.yaml"))
}

/// Offers to write the example where there is no file yet and somebody can be asked (seed 001).
///
/// # Errors
/// When it cannot be written.
pub(super) fn offer_example(talk: &Talk, given: &Given) -> Result<(), Failure> {
    if !talk.attended() || talk.yes() {
        return Ok(());
    }
    let file = usual_file(given);
    talk.say("There is no configuration file. Without one, what runs here and whose keys are set is used.");
    if talk.confirm(&format!("Write an example to {} and use that?", file.display())) {
        write(talk, &file, EXAMPLE)?;
    }
    Ok(())
}

fn converted(talk: &Talk, from: &str) -> Result<String, Failure> {
    let wrong = || Failure::new(Exit::Misused, format!("`--from {from}`: write haproxy=FILE or env=FILE."));
    let (kind, file) = from.split_once('=').ok_or_else(wrong)?;
    let kind = match kind {
        "haproxy" => import::Kind::Haproxy,
        "env" => import::Kind::Env,
        _ => return Err(wrong()),
    };
    import::convert(talk, kind, Path::new(file))
}

/// What `serve` would find here without a file, and what the person wants of it.
fn found(talk: &Talk, given: &Given) -> Result<(String, Wishes), Failure> {
    let mut given = Given { no_file: true, file: None, ..given.clone() };
    given.environment.remove("OPENAI_PROXY_CONFIG");
    let working = talk.working("looking around");
    let looked = reach::run(async { Ok(search::load(&mut given).await) })?;
    drop(working);
    let (loaded, seen) = looked.map_err(|problems| refused(&problems))?;
    let wishes = Wishes::ask(talk, &loaded.snapshot);
    let text = yaml(&loaded.snapshot, &seen.unwrap_or_default(), &given, &wishes);
    Ok((text, wishes))
}

/// What the person wants.
struct Wishes {
    /// Servers of this computer are kept.
    found: bool,
    /// Providers whose keys are kept, by name; none: all.
    keys: Option<Vec<String>>,
    /// Everybody in the network may call.
    network: bool,
    /// The gateway starts when the person logs in.
    at_login: bool,
}

impl Wishes {
    /// Asks what is worth asking; where nobody can be asked, everything found is kept and only this computer may call.
    fn ask(talk: &Talk, world: &Snapshot) -> Self {
        let mut wishes = Self { found: true, keys: None, network: false, at_login: false };
        if !talk.attended() || talk.yes() {
            return wishes;
        }
        let names = |stored: bool| -> Vec<&str> {
            let all = world.providers.iter().filter(|provider| provider.origin.scheme != Scheme::Inside);
            all.filter(|provider| {
                matches!(provider.credential, Credential::Stored(_) | Credential::Identity(_)) == stored
            })
            .map(|provider| provider.name.as_str())
            .collect()
        };
        let (servers, keyed) = (names(false), names(true));
        if !servers.is_empty() {
            wishes.found = yes(talk, &format!("Keep what was found: {}?", servers.join(", ")), true);
        }
        if !keyed.is_empty() {
            let question =
                format!("Whose keys are to be used: {}? (all, none, or some names)", keyed.join(", "));
            let known = |answer: &str| {
                let mut names = answer.split([',', ' ']).filter(|name| !name.is_empty());
                matches!(answer, "all" | "none") || names.all(|name| keyed.contains(&name))
            };
            let answer = until_known(talk, &question, "all", known);
            wishes.keys = match answer.as_str() {
                "all" => None,
                "none" => Some(Vec::new()),
                some => Some(some.split([',', ' ']).map(str::to_owned).collect()),
            };
        }
        let question = "Who may call: only this computer (me), or everybody in reach, without a key (all)?";
        wishes.network = until_known(talk, question, "me", |answer| matches!(answer, "me" | "all")) == "all";
        wishes.at_login = yes(talk, "Start it when you log in (openai-proxy install-service)?", false);
        wishes
    }

    fn wants(&self, provider: &Provider) -> bool {
        match (&provider.credential, &self.keys) {
            _ if provider.origin.scheme == Scheme::Inside => false,
            (Credential::Stored(_) | Credential::Identity(_), Some(names)) => names.contains(&provider.name),
            (Credential::Stored(_) | Credential::Identity(_), None) => true,
            (Credential::Passthrough | Credential::None, _) => self.found,
        }
    }
}

/// An answer that is one of those known; the usual one where nobody answers any more.
fn until_known(talk: &Talk, question: &str, usual: &str, known: impl Fn(&str) -> bool) -> String {
    loop {
        let Some(answer) = talk.ask(question, usual).map(|answer| answer.to_ascii_lowercase()) else {
            return usual.to_owned();
        };
        if known(&answer) {
            return answer;
        }
        talk.say(&format!("`{answer}` is none of the answers."));
    }
}

fn yes(talk: &Talk, question: &str, usual: bool) -> bool {
    let usual = if usual { "y" } else { "n" };
    until_known(talk, question, usual, |answer| matches!(answer, "y" | "yes" | "n" | "no")).starts_with('y')
}

/// The file.
fn yaml(world: &Snapshot, seen: &Search, given: &Given, wishes: &Wishes) -> String {
    let mut out = String::from(
        "# Made by `openai-proxy init`. All settings: docs/configuration.md. After a change: openai-proxy reload\n",
    );
    if wishes.network {
        out.push_str("server:\n  listen: 0.0.0.0:2020     # everybody who can reach this computer\nauth: {mode: none}         # and nobody is asked for a key\n");
    } else {
        out.push_str("server:\n  listen: 127.0.0.1:2020   # only programs on this computer\n");
    }
    let wanted: Vec<&Provider> =
        world.providers.iter().map(AsRef::as_ref).filter(|one| wishes.wants(one)).collect();
    if wanted.is_empty() {
        out.push_str("# Nothing was found here. Take away the # where it fits:\n# providers:\n#   openai: {api_key: \"${OPENAI_API_KEY}\"}\n#   ollama: http://localhost:11434\n");
        return out;
    }
    out.push_str("providers:\n");
    let lines: Vec<_> = wanted.iter().map(|provider| line(provider, seen, given)).collect();
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    for (line, about) in lines {
        out.push_str(&format!("  {line:width$}   # {about}\n"));
    }
    // Beside a server of this computer an unknown name may be one of its own, whenever it does not run: it goes nowhere.
    let beside = |one: &&Provider| one.vendor.local() && one.serves(Operation::Chat);
    if let UnknownModel::Provider(place) = world.routing.unknown_model
        && !wanted.iter().any(beside)
        && wanted.iter().any(|one| one.name == world.providers[place].name)
    {
        let name = &world.providers[place].name;
        out.push_str(&format!(
            "routing:\n  unknown_model: {name}   # where a model goes that nobody lists\n"
        ));
    }
    out
}

/// A provider's line, and what is known of it.
fn line(provider: &Provider, seen: &Search, given: &Given) -> (String, String) {
    let origin = &provider.origin;
    let scheme = if origin.scheme == Scheme::Https { "https" } else { "http" };
    let url = format!("{scheme}://{}{}", origin.authority, provider.site.base_path);
    let mut settings = Vec::new();
    if provider.name != provider.vendor.name() {
        settings.push(format!("type: {}", provider.vendor.name()));
    }
    if provider.vendor.home().map(|home| home.trim_end_matches('/')) != Some(url.as_str()) {
        settings.push(format!("base_url: \"{url}\""));
    }
    let set = |name: &&String| given.environment.get(*name).is_some_and(|value| !value.trim().is_empty());
    let stored = matches!(provider.credential, Credential::Stored(_));
    if let Some(variable) = provider.vendor.key_variables().iter().find(set).filter(|_| stored) {
        settings.push(format!("api_key: \"${{{variable}}}\""));
    }
    let sighting = seen.at(origin.port).filter(|_| !stored);
    let value = match (settings.as_slice(), sighting) {
        ([], Some(_)) => url,
        ([only], Some(_)) if only.starts_with("base_url") => url,
        (settings, _) => format!("{{{}}}", settings.join(", ")),
    };
    let about = match sighting {
        Some(sighting) => format!("found; {}", sighting.kind.good_for),
        None => "a key of yours, which stays in the environment".to_owned(),
    };
    (format!("{}: {value}", provider.name), about)
}
