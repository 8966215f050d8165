//! `serve`: the gateway in the foreground, until a signal.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use clap::{Args, FromArgMatches};
use config::Given;
use config::snapshot::Source;
use control::{Actor, Change, Control, Proposal, Via};
use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Exit, Failure, Outcome};
use crate::foundation::{self, BuildProblem, Foundation};
use crate::given::{self, Named};
use crate::house::House;
use crate::instance::Instance;
use crate::logging::{LogProblem, Logs};
use crate::search::Search;
use crate::talk::Talk;
use crate::{folders, occupant, search};

/// Run the gateway in the foreground.
#[derive(Args, Clone, Default, Debug)]
#[command(
    before_help = "Examples:\n  openai-proxy serve                                what runs here and whose keys are set\n  openai-proxy serve --config openai-proxy.yaml     a file\n  openai-proxy serve --listen 127.0.0.1:auto        a free port, which is told",
    after_help = "SIGTERM or Ctrl-C: not ready any more, running calls finish; a second one ends at once.\nSIGHUP (openai-proxy reload): the configuration is read anew; a bad one changes nothing."
)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) named: Named,
    /// Where to listen, for example 127.0.0.1:8080, 127.0.0.1:auto, unix:/run/openai-proxy.sock.
    #[arg(short, long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// How log lines look: auto, human or json.
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<String>,
    /// How much is logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    /// Started by `start`, with this file as standard error: leave the terminal.
    #[arg(long, value_name = "LOG", hide = true)]
    pub(super) detached: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        if self.detached.is_some() {
            // A process group leader cannot; then it is apart already.
            let _ = rustix::process::setsid();
        }
        let given = self.given()?;
        run(talk, given, self.detached)
    }

    /// What the configuration is read from.
    ///
    /// # Errors
    /// When a flag is no setting.
    pub(super) fn given(&self) -> Result<Given, Failure> {
        let named = [
            ("server.listen", &self.listen),
            ("logging.format", &self.log_format),
            ("logging.level", &self.log_level),
        ];
        let named = named.into_iter().filter_map(|(path, value)| Some((path.to_owned(), value.clone()?)));
        self.named.given(named.collect())
    }
}

impl Serve {
    /// What these arguments mean, which stand behind the command's name.
    ///
    /// # Errors
    /// When they mean nothing.
    pub(super) fn of(arguments: &[String]) -> Result<Self, clap::Error> {
        let words = std::iter::once("serve").chain(arguments.iter().map(String::as_str));
        let matches = Self::augment_args(clap::Command::new("serve")).try_get_matches_from(words)?;
        Self::from_arg_matches(&matches)
    }

    /// The flags as they would be typed again.
    pub(super) fn arguments(&self) -> Vec<String> {
        let config = self.named.config.as_ref().map(|file| {
            std::path::absolute(file).unwrap_or_else(|_| file.clone()).to_string_lossy().into_owned()
        });
        let flags = [
            ("--config", config),
            ("--listen", self.listen.clone()),
            ("--log-format", self.log_format.clone()),
            ("--log-level", self.log_level.clone()),
        ];
        let settings = self.named.settings.iter().map(|setting| ("--set", Some(setting.clone())));
        let said =
            flags.into_iter().chain(settings).filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
        said.flatten().collect()
    }
}

/// Starting again would not help: somebody must look at the place that was named.
impl From<LogProblem> for Failure {
    fn from(problem: LogProblem) -> Self {
        Self::new(Exit::Refused, problem.to_string())
    }
}

impl From<BuildProblem> for Failure {
    fn from(problem: BuildProblem) -> Self {
        match problem {
            BuildProblem::Config(problems) => given::refused(&problems),
            BuildProblem::Store(problem) => Self::new(Exit::Refused, problem.to_string()),
            BuildProblem::Left(unread) => Self::new(Exit::Failed, unread.to_string()),
            BuildProblem::Door(problem) => match problem.taken() {
                Some(door) => Self::new(Exit::Failed, occupant::taken(door, &given::environment())),
                None => Self::new(Exit::Failed, problem.to_string()),
            },
        }
    }
}

/// Runs a gateway until a signal ends it; `log` is the file its standard error goes to, if `start` started it.
///
/// # Errors
/// When the configuration is refused, or a door cannot be opened.
pub(super) fn run(talk: &Talk, given: Given, log: Option<PathBuf>) -> Outcome {
    Serving { talk, given, log }.run().map(|()| Exit::Done)
}

/// A gateway from its start to its end.
struct Serving<'t> {
    talk: &'t Talk,
    given: Given,
    log: Option<PathBuf>,
}

fn system(error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("The system gives no runtime or no signals: {error}."))
}

impl Serving<'_> {
    fn run(mut self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
        // Signals are heard before anybody is told that we are ready.
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new().map_err(system)?
        };
        let (house, seen, mut logs) = start(self.given.clone(), &runtime, self.talk.coloured())?;
        let world = house.world();
        let file = match &world.source {
            Source::File(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            Source::Environment | Source::Nothing => None,
        };
        let mut note = Note {
            folder: folders::notes_to_write(&self.given.environment),
            instance: Instance::this(house.view(seen.as_ref()), file, self.log.take()),
        };
        note.logs_to(&logs);
        note.write();
        // What was said so far stands before the first screen.
        logs.settle();
        self.welcome(&note.instance, &world.logging);
        notify(&[NotifyState::Ready]);
        runtime.block_on(until_stopped(&mut signals, &house, (&mut note, &mut logs), seen));
        notify(&[NotifyState::Stopping, more_time(house.world().server.timeouts.drain)]);
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
        note.forget();
        tracing::info!("stopped");
        Ok(())
    }

    /// The first screen, or one line of it where lines are JSON because somebody wrote so.
    fn welcome(&self, instance: &Instance, logging: &config::snapshot::Logging) {
        // In a log file the first screen would stand between lines for programs at every start.
        if logging.format == config::snapshot::LogFormat::Json || instance.log.is_some() {
            instance.view.log();
        } else {
            self.talk.say(&instance.view.first(self.talk));
        }
    }
}

/// The note about this gateway, for the other commands.
struct Note {
    folder: Option<PathBuf>,
    instance: Instance,
}

impl Note {
    fn write(&self) {
        if let Some(folder) = &self.folder {
            self.instance.note(folder);
        }
    }

    /// Writes it anew, with the configuration as it counts by now.
    fn renew(&mut self, house: &House, logs: &Logs, seen: Option<&Search>) {
        if let Some(last) = house.control().reload_status().last_read {
            let refused = (last.outcome == "refused").then(|| last.problems.join("\n"));
            (self.instance.notes, self.instance.refused) = (last.notes, refused);
        }
        self.logs_to(logs);
        self.instance.view = house.view(seen);
        self.write();
    }

    /// Notes the file lines go to.
    fn logs_to(&mut self, logs: &Logs) {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.instance.log_file = logs.file().map(whole);
    }

    fn forget(&self) {
        if let Some(folder) = &self.folder {
            self.instance.forget(folder);
        }
    }
}

/// Tells systemd, where it waits for that (`Type=notify`, sd_notify(3)).
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd does not hear us");
    }
}

/// A reload begins. With the time of it, `Type=notify-reload` (systemd 253) knows that this is the one it asked for.
fn notify_of_reload() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
}

/// Asks systemd for as long as a drain may take, whatever its unit says (`TimeoutStopSec=`).
fn more_time(drain: Duration) -> NotifyState<'static> {
    let wanted = drain.saturating_add(BESIDES_THE_DRAIN).as_micros();
    NotifyState::ExtendTimeoutUsec(u32::try_from(wanted).unwrap_or(u32::MAX))
}

/// What a stop takes beyond its drain: the doors stay open for a moment, the books are written.
const BESIDES_THE_DRAIN: Duration = Duration::from_secs(20);

/// Lays the foundation, loads, searches this computer if that is wanted, and builds.
fn start(given: Given, runtime: &Runtime, colour: bool) -> Result<(House, Option<Search>, Logs), Failure> {
    // Until it is known what was changed at run time, logging is what files say.
    let early =
        config::load(&given).ok().map(|files| Logs::start(&files.snapshot.logging, colour)).transpose()?;
    let mut foundation = Foundation::lay(given)?;
    let mut first = foundation.given();
    let loading = runtime.block_on(search::load(&mut first));
    let (loaded, seen) =
        loading.map_err(|problems| BuildProblem::Config(foundation::problems(&first, problems)))?;
    foundation.given.found = first.found;
    let logging = &loaded.snapshot.logging;
    let logs = match early {
        Some(mut logs) => {
            logs.apply(logging);
            logs
        }
        None => Logs::start(logging, colour)?,
    };
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    Ok((House::build(loaded.snapshot, foundation)?, seen, logs))
}

/// How often it is looked whether a port of this computer has opened, which costs next to nothing.
const LOOK: Duration = Duration::from_secs(1);
/// How often this computer is searched all the same: a server may have changed behind its port.
const AGAIN: Duration = Duration::from_secs(15);

async fn until_stopped(
    signals: &mut Signals,
    house: &House,
    (note, logs): (&mut Note, &mut Logs),
    mut seen: Option<Search>,
) {
    let control = house.control();
    let mut changes = control.changes();
    let mut following = pin!(control::follow(control.clone()));
    let mut ports = search::Ports::new(&house.ports());
    let mut searched = Instant::now();
    // Where providers are written, no port is anybody's business.
    let wanted = || config::load(&control.given()).is_ok_and(|loaded| loaded.search.is_some());
    let mut searching = wanted();
    loop {
        let asked = tokio::select! {
            asked = signals.next() => asked,
            never = &mut following => match never {},
            Ok(()) = changes.changed() => Asked::Note,
            () = tokio::time::sleep(LOOK), if searching => {
                match ports.opened().await || searched.elapsed() >= AGAIN {
                    true => Asked::Search,
                    false => continue,
                }
            }
        };
        match asked {
            Asked::Stop => return,
            Asked::Reload => {
                notify_of_reload();
                // Whoever moved the files away says so like this (logrotate), whatever becomes of the configuration.
                logs.reopen();
                note.instance.reloads_begun += 1;
                note.write();
                let reading = reload(control, Via::Signal, logs);
                if beside(&mut following, signals, reading).await.is_none() {
                    return;
                }
                note.instance.reloads = note.instance.reloads_begun;
                note.renew(house, logs, seen.as_ref());
                notify(&[NotifyState::Ready]);
            }
            Asked::Note => {
                searching = wanted();
                logs.apply(&house.world().logging);
                note.renew(house, logs, seen.as_ref());
            }
            Asked::Search => {
                searched = Instant::now();
                // The change it makes is told, and the note written then.
                let Some(found) = beside(&mut following, signals, search_again(house, logs)).await else {
                    return;
                };
                seen = found.or(seen);
            }
        }
    }
}

/// Does something while changes are followed, which may be at work on one and has to finish before anybody else's turn. `None`: it
/// was broken off, for we are to stop.
async fn beside<T>(
    following: &mut (impl Future<Output = Infallible> + Unpin),
    signals: &mut Signals,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        never = following => match never {},
        () = signals.stop() => None,
    }
}

async fn reload(control: &Control, via: Via, logs: &mut Logs) -> bool {
    match control.apply(&Actor::itself(via), Change::from(Proposal::Reread)).await {
        Ok(applied) => {
            logs.apply(&control.gateway().world().logging);
            for note in &applied.notes {
                tracing::warn!("{note}");
            }
            tracing::info!(revision = applied.revision, "configuration read anew");
            true
        }
        Err(refused) => {
            tracing::error!("the configuration is refused and nothing changed:\n{refused}");
            false
        }
    }
}

/// Takes in servers that have come, and returns what was seen if any has. One that has gone stays a provider: what was
/// meant for it goes nowhere else.
async fn search_again(house: &House, logs: &mut Logs) -> Option<Search> {
    let control = house.control();
    let mut given = control.given();
    let patience = config::load(&given).ok()?.search?;
    let search = search::search(patience, &house.ports()).await;
    let new = search::add(&mut given, search.found());
    if new.is_empty() {
        return None;
    }
    for server in &new {
        tracing::info!(name = server.name, at = server.base_url, "a server has come");
    }
    control.found(given.found);
    reload(control, Via::Search, logs).await.then_some(search)
}

/// The signals a gateway obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// We were started from a terminal.
    terminal: bool,
}

/// What there is to do.
enum Asked {
    Stop,
    Reload,
    /// The configuration is another one, or was refused: the note says so.
    Note,
    Search,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (hangup, terminal) = (signal(SignalKind::hangup())?, std::io::stderr().is_terminal());
        Ok(Self { terminate, interrupt, hangup, terminal })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => {
                // Nobody asks for a reload by closing the window we were started in.
                let gone = self.terminal && !std::io::stderr().is_terminal();
                if gone { Asked::Stop } else { Asked::Reload }
            }
        }
    }

    async fn stop(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}
