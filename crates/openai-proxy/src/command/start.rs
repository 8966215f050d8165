//! `start` and `restart`: the gateway in the background. It is the same `serve`, detached, with its log in a file; nothing
//! else is installed or left behind.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use config::snapshot::Source;

use super::reach::Where;
use super::serve::Serve;
use super::stop;
use crate::exit::{Exit, Failure, Outcome};
use crate::folders;
use crate::foundation;
use crate::given::{environment, refused};
use crate::instance::{self, Instance};
use crate::talk::{Mark, Talk};

/// Start the gateway in the background on the host.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy start\n  openai-proxy start --config openai-proxy.yaml\n  openai-proxy start --listen 127.0.0.1:8080",
    after_help = "Its log: openai-proxy logs -f. Starting one that runs already changes nothing.\nExit codes: 0 it runs and is ready, 1 it did not start, 78 configuration refused."
)]
pub(super) struct Start {
    #[command(flatten)]
    serve: Serve,
}

/// Stop the gateway and start it again as it was started.
#[derive(Args)]
#[command(before_help = "Examples:\n  openai-proxy restart")]
pub(super) struct Restart {
    #[command(flatten)]
    place: Where,
}

/// How long a gateway may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(20);
/// A log file longer than this is put aside when a gateway starts.
const LONGEST_LOG: u64 = 5 * 1024 * 1024;

impl Start {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let given = self.serve.given()?;
        let mut loaded = config::load(&given).map_err(|problems| refused(&problems))?;
        if !matches!(loaded.snapshot.source, Source::File(_)) {
            super::init::offer_example(talk, &given)?;
            loaded = config::load(&given).map_err(|problems| refused(&problems))?;
        }
        let wanted = super::reach::urls_of(&loaded.snapshot.server);
        let running = instance::all(&given.environment);
        if let Some(one) = running.iter().find(|one| one.urls().iter().any(|url| wanted.contains(url))) {
            talk.say(&format!("Running already: {}/v1   pid {}, {}", one.url(), one.pid, one.view.source));
            if !self.serve.arguments().is_empty() {
                talk.say("What was asked for now is not taken over: openai-proxy stop, then start.");
            }
            return Ok(Exit::Done);
        }
        launch(talk, &self.serve.arguments(), Path::new("."))
    }
}

impl Restart {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let Some(old) = stop::one(&self.place)? else {
            return Err(Failure::new(
                Exit::NotRunning,
                "No gateway runs here. Start one: openai-proxy start",
            ));
        };
        if old.log.is_none() {
            let say = format!(
                "The gateway with pid {} was not started by `openai-proxy start`. Restart it where it was started.",
                old.pid
            );
            return Err(Failure::new(Exit::NotAllowed, say));
        }
        let detached = old.arguments.iter().position(|argument| argument == "--detached");
        let arguments = &old.arguments[..detached.unwrap_or(old.arguments.len())];
        let arguments: Vec<String> = arguments.iter().filter(|word| *word != "serve").cloned().collect();
        would_start(&arguments, &old.folder)?;
        stop::end(talk, &old, false)?;
        launch(talk, &arguments, &old.folder)
    }
}

/// Whether a gateway would start like this: one that runs is not stopped for one that does not.
fn would_start(arguments: &[String], folder: &Path) -> Result<(), Failure> {
    let gone =
        |error| Failure::new(Exit::Failed, format!("{} cannot be entered: {error}.", folder.display()));
    std::env::set_current_dir(folder).map_err(gone)?;
    let unread = |error: clap::Error| Failure::new(Exit::Failed, error.to_string());
    let given = Serve::of(arguments).map_err(unread)?.given()?;
    // With what was changed at run time, as the next start has it; where that is not known, without.
    let given = foundation::looked(&given).unwrap_or(given);
    let loaded = config::load(&given).map(|_| ());
    loaded.map_err(|problems| refused(&foundation::problems(&given, problems)))
}

/// Starts `serve` with these arguments, detached, and waits until it is ready.
fn launch(talk: &Talk, arguments: &[String], folder: &Path) -> Outcome {
    let environment = environment();
    let no_home =
        || Failure::new(Exit::Failed, "There is no folder for the log. Set HOME or XDG_STATE_HOME.");
    let path = folders::log(&environment).ok_or_else(no_home)?;
    let (log, begins) = open_log(&path).map_err(|error| {
        Failure::new(Exit::Failed, format!("The log {} cannot be written: {error}.", path.display()))
    })?;
    let mut child = spawn(arguments, folder, &path, log)
        .map_err(|error| Failure::new(Exit::Failed, format!("The gateway cannot be started: {error}.")))?;
    let working = talk.working("starting");
    let ready = wait(&mut child, &environment)?;
    drop(working);
    match ready {
        Ok(instance) => {
            let mark = talk.mark(Mark::Good);
            talk.say(&format!("{mark} Started  {}/v1   pid {}", instance.url(), instance.pid));
            talk.more(&format!("log: {}", path.display()));
            Ok(Exit::Done)
        }
        Err(code) => {
            let exit = if code == Some(Exit::Refused as i32) { Exit::Refused } else { Exit::Failed };
            Err(Failure::new(exit, format!("It did not start.\n{}", told_since(&path, begins))))
        }
    }
}

/// The log file, where it ends now, and a long one of earlier days put aside.
fn open_log(path: &Path) -> std::io::Result<(File, u64)> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        folders::make_private(folder)?;
    }
    if std::fs::metadata(path).is_ok_and(|data| data.len() > LONGEST_LOG) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    if std::fs::metadata(path).is_ok_and(|data| !data.is_file()) {
        return Err(std::io::Error::other("it is no file"));
    }
    let log = File::options().create(true).append(true).mode(0o600).open(path)?;
    let ends = log.metadata()?.len();
    Ok((log, ends))
}

fn spawn(arguments: &[String], folder: &Path, path: &Path, log: File) -> std::io::Result<Child> {
    let second = log.try_clone()?;
    Command::new(std::env::current_exe()?)
        .arg("serve")
        .args(arguments)
        .arg("--detached")
        .arg(path)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(second)
        .stderr(log)
        .spawn()
}

/// Waits until the gateway has written itself down, which it does when it is ready, or has ended: then its exit code.
fn wait(
    child: &mut Child,
    environment: &std::collections::BTreeMap<String, String>,
) -> Result<Result<Instance, Option<i32>>, Failure> {
    let began = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Ok(Err(status.code()));
        }
        let found = instance::all(environment).into_iter().find(|one| one.pid == child.id());
        if let Some(instance) = found {
            return Ok(Ok(instance));
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::new(
                Exit::Failed,
                "It was not ready within 30 s and was ended. See: openai-proxy logs",
            ));
        }
        std::thread::sleep(LOOK);
    }
}

/// What a log tells since a place in it; at most the last twenty lines.
fn told_since(path: &PathBuf, begins: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(begins))?;
        let mut text = String::new();
        file.take(64 * 1024).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
