//! How the container is made: image, network, user, what is mounted, what is passed. Written down once, and turned into a command
//! line or a unit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use config::snapshot::{Door, Server, Source};

use super::engine::{Kind, NAME, URL_LABEL};
use super::keys;
use crate::command::outside::on_one_line;
use crate::command::reach;
use crate::exit::{Exit, Failure};
use crate::given::{Named, environment, refused};

/// What the container is to be like.
#[derive(Args, Clone, Default, Debug)]
pub(super) struct Wanted {
    /// The configuration file, mounted read-only. Without it: what `serve` finds.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The image.
    #[arg(long, default_value = concat!("openai-proxy:", env!("CARGO_PKG_VERSION")), value_parser = image)]
    pub(super) image: String,
    /// `host`: servers on this computer are reached (Linux). `own`: its own network; published on loopback only.
    #[arg(long, value_enum)]
    network: Option<Network>,
}

/// Whose network the container sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Network {
    Host,
    Own,
}

/// As whom the gateway runs inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum User {
    /// The one of the image: nobody's.
    Nobody,
    /// Whoever starts it, so that files only they may read are read.
    Starter { keep: bool },
}

/// Everything there is to know.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) image: String,
    pub(super) network: Network,
    pub(super) user: User,
    /// The configuration file here.
    pub(super) config: Option<PathBuf>,
    /// The port the gateway listens on.
    port: u16,
    /// Settings that go by value: what a network of its own needs, where a unit's gateway listens.
    pub(super) settings: Vec<(&'static str, String)>,
    /// Names of variables whose values the container gets from whoever starts it.
    pub(super) names: Vec<String>,
    /// Where it is reached from here, without `/v1`.
    pub(super) url: String,
    /// How long it may take to stop, in seconds.
    pub(super) patience: u64,
    health: bool,
}

/// Where the configuration lies inside: where `serve` looks by itself.
const INSIDE: &str = "/etc/openai-proxy/openai-proxy.yaml";
/// The user of the image; `deploy/Dockerfile` has the same.
pub(super) const NOBODY: &str = "65532";
/// Podman runs this by itself; with docker the image says it. A list, because there is no shell inside.
pub(super) const HEALTH: &str = r#"["/usr/bin/openai-proxy","healthcheck"]"#;
/// What a stop takes beyond the drain.
const BESIDES_THE_DRAIN: Duration = Duration::from_secs(20);

impl Recipe {
    /// From what is wanted and what the configuration says, for whom `as_root` runs the engine.
    ///
    /// # Errors
    /// When the configuration is refused, or cannot be used in a container.
    pub(super) fn new(wanted: &Wanted, kind: Kind, as_root: bool) -> Result<Self, Failure> {
        let named = Named { config: wanted.config.clone(), settings: Vec::new() };
        let loaded = config::load(&named.given(Vec::new())?).map_err(|problems| refused(&problems))?;
        let server = &loaded.snapshot.server;
        let config = match &loaded.snapshot.source {
            Source::File(file) => Some(std::path::absolute(file).unwrap_or_else(|_| file.clone())),
            _ => None,
        };
        let user = match kind {
            _ if as_root => User::Nobody,
            kind => User::Starter { keep: kind == Kind::Podman },
        };
        config.as_deref().map_or(Ok(()), mountable)?;
        let text = config.as_ref().and_then(|file| config::read_text(file).ok()).unwrap_or_default();
        if let Some(file) = config.as_ref().filter(|_| user == User::Nobody) {
            readable(file)?;
        }
        let port = port(server)?;
        let usual = if cfg!(target_os = "linux") { Network::Host } else { Network::Own };
        let network = wanted.network.unwrap_or(usual);
        let settings = if network == Network::Own { open_inside(server, port) } else { Vec::new() };
        let names = keys::names(&environment(), &text);
        let scheme = if server.tls.is_some() { "https" } else { "http" };
        let here = reach::urls_of(server).into_iter().find(|url| !url.starts_with("unix:"));
        let published = || format!("{scheme}://127.0.0.1:{port}");
        let url = if network == Network::Own { published() } else { here.unwrap_or_else(published) };
        Ok(Self {
            image: wanted.image.clone(),
            network,
            user,
            config,
            port,
            names: names.into_iter().filter(|name| settings.iter().all(|(set, _)| set != name)).collect(),
            settings,
            url,
            patience: server.timeouts.drain.saturating_add(BESIDES_THE_DRAIN).as_secs(),
            health: kind == Kind::Podman,
        })
    }

    /// For a unit, which knows no shell: where the gateway listens goes by value, so that it listens where it is looked for.
    /// Neither is a secret; what may be one stays a name.
    pub(super) fn for_unit(mut self, environment: &BTreeMap<String, String>) -> Self {
        for name in ["OPENAI_PROXY__SERVER__LISTEN", "PORT"] {
            let known = self.settings.iter().any(|(set, _)| set.ends_with("__LISTEN"));
            if let Some(value) = environment.get(name).filter(|value| !value.is_empty() && !known) {
                self.settings.push((name, value.clone()));
            }
            self.names.retain(|passed| passed != name);
        }
        self
    }

    /// The options of `run`, those that belong together in one group, without keys.
    pub(super) fn options(&self) -> Vec<Vec<String>> {
        let mut all: Vec<Vec<String>> = Vec::new();
        let mut add = |words: &[&str]| all.push(words.iter().map(|word| (*word).to_owned()).collect());
        add(&["--name", NAME]);
        add(&["--pull", "never"]);
        match self.network {
            Network::Host => add(&["--network", "host"]),
            Network::Own => add(&["--publish", &self.published()]),
        }
        add(&["--read-only"]);
        add(&["--cap-drop", "all"]);
        add(&["--security-opt", "no-new-privileges"]);
        for words in self.user_options() {
            add(&[&words.0, &words.1]);
        }
        add(&["--stop-timeout", &self.patience.to_string()]);
        add(&["--label", &format!("{URL_LABEL}={}", self.url)]);
        if self.health {
            add(&["--health-cmd", HEALTH]);
        }
        if let Some(volume) = self.volume() {
            add(&["--volume", &volume]);
        }
        for (name, value) in &self.settings {
            add(&["--env", &format!("{name}={value}")]);
        }
        all
    }

    fn user_options(&self) -> Vec<(String, String)> {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        match self.user {
            User::Nobody => vec![pair("--user", &format!("{NOBODY}:{NOBODY}"))],
            User::Starter { keep } => {
                let (user, group) =
                    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
                let mut all = vec![pair("--user", &format!("{user}:{group}"))];
                if keep {
                    all.insert(0, pair("--userns", "keep-id"));
                }
                all
            }
        }
    }

    /// Keys by their names.
    pub(super) fn passed(&self) -> Vec<Vec<String>> {
        self.names.iter().map(|name| vec!["--env".to_owned(), name.clone()]).collect()
    }

    /// What is published, on loopback only.
    pub(super) fn published(&self) -> String {
        format!("127.0.0.1:{0}:{0}", self.port)
    }

    /// The configuration, as it is mounted.
    pub(super) fn volume(&self) -> Option<String> {
        // SELinux lets a container read only what is labelled for containers.
        let label = if Path::new("/sys/fs/selinux/enforce").exists() { ",z" } else { "" };
        self.config.as_ref().map(|file| format!("{}:{INSIDE}:ro{label}", file.display()))
    }
}

/// The port of the first address. A door only this computer's files lead to, or one that is not known yet, is of no use.
fn port(server: &Server) -> Result<u16, Failure> {
    let address = |door: &Door| match door {
        Door::Tcp(address) => Some(address.port()),
        Door::Unix(_) => None,
    };
    let port = server.listen.iter().find_map(address).filter(|port| *port != 0);
    port.ok_or_else(|| {
        let say = "In a container the gateway needs an address with a port of its own.\nWrite for example: server: {listen: 127.0.0.1:2020}";
        Failure::new(Exit::Refused, say)
    })
}

/// What a gateway in a network of its own needs. It has to listen for others, since what the engine publishes arrives from
/// outside; without keys that is refused unless somebody says so (D-4). We may say so here because the engine publishes on this
/// computer's loopback only, and the host names stay those of loopback, so that no web page gets in by another name. A
/// configuration that listens for others already is its owner's word and is left alone.
fn open_inside(server: &Server, port: u16) -> Vec<(&'static str, String)> {
    let outward = |door: &Door| matches!(door, Door::Tcp(address) if !address.ip().is_loopback());
    if server.listen.iter().any(outward) {
        return Vec::new();
    }
    let quoted: Vec<String> = server.allowed_hosts.iter().map(|host| format!("\"{host}\"")).collect();
    let mut settings = vec![
        ("OPENAI_PROXY__SERVER__LISTEN", format!("0.0.0.0:{port}")),
        ("OPENAI_PROXY__AUTH__MODE", "none".to_owned()),
    ];
    // None written means: any.
    if !quoted.is_empty() {
        settings.push(("OPENAI_PROXY__SERVER__ALLOWED_HOSTS", format!("[{}]", quoted.join(", "))));
    }
    settings
}

/// The name of an image: nothing else than what names are made of, so that it is neither an option nor a second line of a unit.
fn image(name: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/:@+[]".contains(c);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && name.chars().all(fits) {
        return Ok(name.to_owned());
    }
    Err("that is no name of an image".to_owned())
}

/// Whether the engine understands the file's path.
fn mountable(file: &Path) -> Result<(), Failure> {
    let Some(path) = file.to_str() else {
        let say = format!("The path of the configuration is not UTF-8: {}\nRename it first.", file.display());
        return Err(Failure::new(Exit::Misused, say));
    };
    on_one_line("The path of the configuration", path)?;
    if path.contains(':') {
        let say = format!(
            "A file with a colon in its path cannot be mounted into a container: {path}\nRename it first."
        );
        return Err(Failure::new(Exit::Misused, say));
    }
    Ok(())
}

/// Whether the image's user can read a file: told before, and not by a container that dies.
fn readable(file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let Ok(data) = std::fs::metadata(file) else { return Ok(()) };
    if data.mode() & 0o004 != 0 || data.uid().to_string() == NOBODY {
        return Ok(());
    }
    let say = format!(
        "{0} cannot be read by the container's user {NOBODY}.\nGive it to that user: chown {NOBODY} {0}",
        file.display()
    );
    Err(Failure::new(Exit::NotAllowed, say))
}
