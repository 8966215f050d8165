//! `serve`: the gateway in the foreground, until a signal.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use config::Given;
use config::snapshot::Source;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::REFUSED;
use crate::house::{BuildProblem, House};
use crate::{logging, screen, search};

/// Run the gateway in the foreground.
#[derive(Args)]
#[command(
    after_help = "SIGTERM or Ctrl-C: not ready any more, running calls finish; a second one ends at once.\nSIGHUP: the configuration is read anew; a bad one changes nothing."
)]
pub(super) struct Serve {
    /// The configuration file. Without it: ./openai-proxy.yaml, the user's, the system's; without any, the environment.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, for example 127.0.0.1:8080, 127.0.0.1:auto, unix:/run/openai-proxy.sock.
    #[arg(short, long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// How log lines look: auto, human or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// How much is logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Any setting, by its path: --set routing.expose_headers=off. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    settings: Vec<String>,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let given = match self.given() {
            Ok(given) => given,
            Err(wrong) => {
                say(&wrong);
                return ExitCode::from(2);
            }
        };
        match run(given) {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Build(BuildProblem::Config(problems))) => {
                say(&format!("The configuration is refused:\n{problems}"));
                ExitCode::from(REFUSED)
            }
            Err(Failure::Build(BuildProblem::Door(problem))) => {
                say(&problem.to_string());
                ExitCode::FAILURE
            }
            Err(Failure::System(error)) => {
                say(&format!("The system gives no runtime or no signals: {error}."));
                ExitCode::FAILURE
            }
        }
    }

    /// What the configuration is read from.
    fn given(&self) -> Result<Given, String> {
        let named = [
            ("server.listen", &self.listen),
            ("logging.format", &self.log_format),
            ("logging.level", &self.log_level),
        ];
        let mut overrides: Vec<(String, String)> =
            named.into_iter().filter_map(|(path, value)| Some((path.to_owned(), value.clone()?))).collect();
        for setting in &self.settings {
            let Some((path, value)) = setting.split_once('=') else {
                return Err(format!(
                    "`--set {setting}` has no `=`. Write a path and a value: --set routing.expose_headers=off."
                ));
            };
            overrides.push((path.to_owned(), value.to_owned()));
        }
        let environment = environment();
        let home = environment.get("HOME").map(PathBuf::from);
        Ok(Given { file: self.config.clone(), environment, overrides, home, found: Vec::new() })
    }
}

/// The process environment, read here and nowhere else. What is not text is nobody's setting.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Why the gateway did not run to its proper end.
enum Failure {
    Build(BuildProblem),
    System(std::io::Error),
}

fn run(mut given: Given) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::System)?;
    // Signals are heard before anybody is told that we are ready.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new().map_err(Failure::System)?
    };
    let house = start(&mut given, &runtime).map_err(Failure::Build)?;
    if let Source::File(path) = &house.world().source {
        // A reload reads this file, or fails: it never slips to another place because the file is away for a moment.
        given.file = Some(path.clone());
    }
    runtime.block_on(until_stopped(&mut signals, &house, &mut given));
    let running = house.calls();
    if running > 0 {
        tracing::info!(running, "draining; a second signal ends at once");
    }
    house.drain();
    let close = house.closer();
    // The second signal is awaited beside the drain; the thread ends with the process.
    std::thread::spawn(move || {
        runtime.block_on(signals.stop());
        close();
    });
    house.wait();
    tracing::info!("stopped");
    Ok(())
}

/// Loads, searches this computer if that is wanted, and builds.
fn start(given: &mut Given, runtime: &Runtime) -> Result<House, BuildProblem> {
    let mut loaded = config::load(given).map_err(BuildProblem::Config)?;
    logging::start(&loaded.snapshot.logging);
    let mut seen = None;
    if let Some(patience) = loaded.search {
        let search = runtime.block_on(search::search(patience, &search::own_ports(&loaded)));
        search::add(given, search.found());
        loaded = config::load(given).map_err(BuildProblem::Config)?;
        seen = Some(search);
    }
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    let house = House::build(loaded.snapshot)?;
    say(&screen::first(&house.world(), house.addresses(), seen.as_ref()));
    Ok(house)
}

/// How often this computer is searched for servers that came later.
const AGAIN: Duration = Duration::from_secs(15);

async fn until_stopped(signals: &mut Signals, house: &House, given: &mut Given) {
    loop {
        let asked = tokio::select! {
            asked = signals.next() => asked,
            () = tokio::time::sleep(AGAIN) => Asked::Search,
        };
        match asked {
            Asked::Stop => return,
            Asked::Reload => reload(house, given),
            Asked::Search => search_again(house, given).await,
        }
    }
}

fn reload(house: &House, given: &Given) {
    match house.reload(given) {
        Ok(notes) => {
            for note in notes {
                tracing::warn!("{note}");
            }
            tracing::info!("configuration read anew");
        }
        Err(problems) => tracing::error!("the configuration is refused and nothing changed:\n{problems}"),
    }
}

/// Takes in servers that have come. One that has gone stays a provider: what was meant for it goes nowhere else.
async fn search_again(house: &House, given: &mut Given) {
    let Ok(loaded) = config::load(given) else { return };
    let Some(patience) = loaded.search else { return };
    let own: Vec<u16> = house.addresses().iter().map(std::net::SocketAddr::port).collect();
    let new = search::add(given, search::search(patience, &own).await.found());
    if new.is_empty() {
        return;
    }
    for server in &new {
        tracing::info!(name = server.name, at = server.base_url, "a server has come");
    }
    reload(house, given);
}

/// The signals a gateway obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What there is to do.
enum Asked {
    Stop,
    Reload,
    Search,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hangup: signal(SignalKind::hangup())? })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    async fn stop(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

/// Words for the person at the terminal, on standard error.
#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
fn say(text: &str) {
    eprintln!("{text}");
}
