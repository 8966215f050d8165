//! Who is measured: how each is configured and started.

pub(crate) mod duties;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::local;
use super::machine::Cores;
use super::process::Process;
use crate::chat;
use duties::{DUTIES, Duty};

const HAPROXY: &str = include_str!("../../../contenders/haproxy.cfg");
const NGINX: &str = include_str!("../../../contenders/nginx.conf");
const GATEWAY: &str = include_str!("../../../contenders/gateway.yaml");

/// Who is measured.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    /// Its name in the table.
    pub(crate) name: String,
    recipe: Recipe,
    /// How many workers or threads it gets, each on a core of its own.
    pub(crate) workers: usize,
}

#[derive(Clone, Debug)]
enum Recipe {
    /// Nobody: the load asks the upstream.
    Direct,
    Haproxy {
        option: &'static str,
    },
    Nginx,
    /// Ours, with these duties; under another program, if one is named.
    Ours {
        binary: PathBuf,
        duties: Vec<&'static Duty>,
        under: String,
    },
    /// A lean path, and no part of the product.
    Spike {
        duties: bool,
    },
    /// Any command line.
    Peer {
        command: String,
    },
}

/// Where a contender is put.
pub(crate) struct Place<'a> {
    /// A folder of its own.
    pub(crate) folder: &'a Path,
    /// The port it listens on.
    pub(crate) listen: u16,
    /// The port of the upstream.
    pub(crate) upstream: u16,
    /// The authority of an upstream that encrypts.
    pub(crate) authority: Option<&'a Path>,
    /// The cores it may use.
    pub(crate) cores: &'a Cores,
}

impl Contender {
    /// The load alone with the upstream.
    pub(crate) fn direct() -> Self {
        Self::new("direct", Recipe::Direct)
    }

    /// HAProxy with the seed's routes, and `option http-no-delay`: the one ratios are against.
    pub(crate) fn haproxy() -> Self {
        Self::new("haproxy", Recipe::Haproxy { option: "option http-no-delay" })
    }

    /// HAProxy with the seed's routes alone.
    pub(crate) fn haproxy_seed() -> Self {
        Self::new("haproxy-seed", Recipe::Haproxy { option: "" })
    }

    /// nginx.
    pub(crate) fn nginx() -> Self {
        Self::new("nginx", Recipe::Nginx)
    }

    /// Ours, with these duties.
    pub(crate) fn ours(name: &str, binary: &Path, duties: &[&'static Duty]) -> Self {
        Self::new(
            name,
            Recipe::Ours { binary: binary.to_owned(), duties: duties.to_vec(), under: String::new() },
        )
    }

    /// The same under callgrind, which writes what was called when it ends.
    pub(crate) fn counted(mut self, counts: &Path) -> Self {
        if let Recipe::Ours { under, .. } = &mut self.recipe {
            *under =
                format!("valgrind --tool=callgrind --demangle=no --callgrind-out-file={} ", counts.display());
        }
        self
    }

    /// The lean path of docs/adr/0026, passing bytes on or doing all that ours does.
    pub(crate) fn spike(duties: bool) -> Self {
        Self::new(if duties { "spike-duties" } else { "spike" }, Recipe::Spike { duties })
    }

    /// Whoever is named as `NAME=COMMAND`.
    pub(crate) fn peer(named: &str) -> Result<Self> {
        let (name, command) =
            named.split_once('=').with_context(|| format!("`--peer {named}` is no NAME=COMMAND"))?;
        if !command.contains("@LISTEN@") {
            bail!(
                "`--peer {name}` must say @LISTEN@ where its port goes, and @UPSTREAM@ where the upstream's goes"
            );
        }
        Ok(Self::new(name, Recipe::Peer { command: command.to_owned() }))
    }

    /// The same under another name with so many workers.
    pub(crate) fn with_workers(&self, workers: usize) -> Self {
        Self { name: format!("{} x{workers}", self.name), workers, ..self.clone() }
    }

    fn new(name: &str, recipe: Recipe) -> Self {
        Self { name: name.to_owned(), recipe, workers: 1 }
    }

    /// Is it nobody?
    pub(crate) fn is_direct(&self) -> bool {
        matches!(self.recipe, Recipe::Direct)
    }

    /// Is it a stranger? Then it need not pass answers on byte for byte, and what it cannot do ends no run.
    pub(crate) fn is_peer(&self) -> bool {
        matches!(self.recipe, Recipe::Peer { .. })
    }

    /// The size of its binary, where it is one file of ours.
    pub(crate) fn binary_size(&self) -> Option<u64> {
        let Recipe::Ours { binary, .. } = &self.recipe else { return None };
        fs::metadata(binary).ok().map(|metadata| metadata.len())
    }

    /// Starts it; it need not be ready yet.
    pub(crate) fn start(&self, place: &Place<'_>) -> Result<Option<Process>> {
        fs::create_dir_all(place.folder)?;
        let config = |name: &str| place.folder.join(name);
        let command = match &self.recipe {
            Recipe::Direct => return Ok(None),
            Recipe::Haproxy { option } => {
                let file = config("haproxy.cfg");
                fs::write(&file, self.fill(HAPROXY, place).replace("@NO_DELAY@", option))?;
                words("haproxy -db -f", &file)
            }
            Recipe::Nginx => {
                let file = config("nginx.conf");
                fs::write(&file, self.fill(NGINX, place))?;
                let log = place.folder.join("nginx.log").display().to_string();
                words(&format!("nginx -e {log} -p {} -c", place.folder.display()), &file)
            }
            Recipe::Ours { binary, duties, under } => {
                let file = config("gateway.yaml");
                fs::write(&file, self.fill(&gateway(duties), place))?;
                words(&format!("{under}{} serve --config", binary.display()), &file)
            }
            Recipe::Spike { duties } => {
                let own = std::env::current_exe().context("where is the bench itself?")?;
                let (listen, upstream) = (local(place.listen), local(place.upstream));
                let duties = if *duties { "--duties" } else { "" };
                let command = format!(
                    "{} spike --listen {listen} --upstream {upstream} {duties} --folder",
                    own.display()
                );
                words(&command, place.folder)
            }
            Recipe::Peer { command } => {
                ["sh".to_owned(), "-c".to_owned(), format!("exec {}", self.fill(command, place))].to_vec()
            }
        };
        Process::start(&self.name, &command, place.cores, place.folder).map(Some)
    }

    /// Fills in the words of a template.
    fn fill(&self, template: &str, place: &Place<'_>) -> String {
        let ca = place.authority.map(|file| file.display().to_string());
        let tls = match (&self.recipe, ca) {
            (_, None) => String::new(),
            (Recipe::Haproxy { .. }, Some(ca)) => {
                format!("ssl verify required ca-file {ca} verifyhost localhost")
            }
            (Recipe::Nginx, Some(ca)) => format!(
                "proxy_ssl_trusted_certificate {ca}; proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on;"
            ),
            (_, Some(ca)) => format!(", ca_file: {ca}"),
        };
        let scheme = if place.authority.is_some() { "https" } else { "http" };
        let words = [
            ("@LISTEN@", place.listen.to_string()),
            ("@UPSTREAM@", place.upstream.to_string()),
            ("@WORKERS@", self.workers.to_string()),
            ("@SCHEME@", scheme.to_owned()),
            ("@TLS@", tls),
            ("@DIR@", place.folder.display().to_string()),
            ("@HOME@", place.folder.display().to_string()),
            ("@KEY@", chat::KEY.to_owned()),
        ];
        words.iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, value))
    }
}

/// The duties this binary can be given; the others' names, too.
pub(crate) fn known_duties(binary: &Path, folder: &Path) -> Result<(Vec<&'static Duty>, Vec<&'static str>)> {
    fs::create_dir_all(folder)?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let file = folder.join("duty.yaml");
    let cores = Cores(Vec::new()); // nothing is started
    for duty in DUTIES {
        let ours = Contender::ours("duty", binary, &[duty]);
        let place = Place { folder, listen: 2020, upstream: 2021, authority: None, cores: &cores };
        fs::write(&file, ours.fill(&gateway(&[duty]), &place))?;
        let checked = Command::new(binary).arg("check-config").arg(&file).env("HOME", folder).output();
        let checked = checked.with_context(|| format!("cannot run {}", binary.display()))?;
        let said = [checked.stdout, checked.stderr].concat();
        // A setting that is known but not in use yet is only told of.
        let used = checked.status.success() && memchr::memmem::find(&said, b"not in use yet").is_none();
        if used {
            known.push(duty);
        } else {
            unknown.push(duty.name);
        }
    }
    Ok((known, unknown))
}

/// Our configuration with these duties on and all others off.
fn gateway(duties: &[&Duty]) -> String {
    let parts = DUTIES.iter().map(|duty| if duties.contains(&duty) { duty.on } else { duty.off });
    std::iter::once(GATEWAY).chain(parts).collect()
}

/// A command line, with a file at its end.
fn words(command: &str, file: &Path) -> Vec<String> {
    command.split_ascii_whitespace().map(str::to_owned).chain([file.display().to_string()]).collect()
}
