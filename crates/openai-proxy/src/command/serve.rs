//! `serve`: the gateway in the foreground, until a signal.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use config::Given;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::REFUSED;
use crate::house::{BuildProblem, House};
use crate::{logging, screen};

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
        match start(&given) {
            Ok(house) => run_until_stopped(house, &given),
            Err(BuildProblem::Config(problems)) => {
                say(&format!("The configuration is refused:\n{problems}"));
                ExitCode::from(REFUSED)
            }
            Err(BuildProblem::Door(problem)) => {
                say(&problem.to_string());
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
        Ok(Given { file: self.config.clone(), environment, overrides, home })
    }
}

/// The process environment, read here and nowhere else. What is not text is nobody's setting.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn start(given: &Given) -> Result<House, BuildProblem> {
    let loaded = config::load(given).map_err(BuildProblem::Config)?;
    logging::start(&loaded.snapshot.logging);
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    let house = House::build(loaded.snapshot)?;
    say(&screen::first(&house.world(), house.addresses()));
    Ok(house)
}

fn run_until_stopped(house: House, given: &Given) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("The system gives no runtime: {error}."));
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = runtime.block_on(until_stopped(&house, given)) {
        say(&format!("Signals cannot be received: {error}."));
        return ExitCode::FAILURE;
    }
    let running = house.calls();
    if running > 0 {
        tracing::info!(running, "draining; a second signal ends at once");
    }
    house.drain();
    let close = house.closer();
    // The second signal is awaited beside the drain; the thread ends with the process.
    let second = std::thread::spawn(move || {
        let ended =
            runtime.block_on(async { Stops::new().map(|mut stops| async move { stops.next().await }) });
        if let Ok(stop) = ended {
            runtime.block_on(stop);
            close();
        }
    });
    house.wait();
    drop(second);
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

async fn until_stopped(house: &House, given: &Given) -> std::io::Result<()> {
    let mut stops = Stops::new()?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            () = stops.next() => return Ok(()),
            _ = hangup.recv() => match house.reload(given) {
                Ok(notes) => {
                    for note in notes {
                        tracing::warn!("{note}");
                    }
                    tracing::info!("configuration read anew");
                }
                Err(problems) => tracing::error!("the configuration is refused and nothing changed:\n{problems}"),
            },
        }
    }
}

/// The signals that ask to stop.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

/// Words for the person at the terminal, on standard error.
#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
fn say(text: &str) {
    eprintln!("{text}");
}
