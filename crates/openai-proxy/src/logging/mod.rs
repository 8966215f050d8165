//! Log lines, from the event to the places they go to: standard error, a file, and a file of the access log. No body and no
//! credential is ever handed to them.
//!
//! An event becomes a [`line::LogLine`] where it happens and is offered to each [`place::Place`], whose own thread shows and
//! writes it: nobody who logs waits for a disk, a pipe or a terminal. Levels, forms and places may change while all runs.

mod apache;
mod aside;
mod escape;
mod file;
mod filter;
mod flood;
mod form;
mod line;
mod place;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use config::snapshot::{AccessLog, LogFormat, Logging};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use file::LogFile;
use form::{AccessForm, Form};
use line::LogLine;
use place::{Place, Sink};

/// How long lines may take to be written before the program ends.
const LAST: Duration = Duration::from_secs(2);

/// The log of the process. When it is dropped, what was said is written.
pub(crate) struct Logs {
    filter: reload::Handle<Targets, Registry>,
    places: Arc<RwLock<Places>>,
    /// What they were made from.
    made_from: Logging,
    colour: bool,
}

/// Why the log cannot be kept where it was asked for.
#[derive(Debug)]
pub(crate) struct LogProblem {
    setting: &'static str,
    path: std::path::PathBuf,
    why: io::Error,
}

impl std::fmt::Display for LogProblem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { setting, path, why } = self;
        writeln!(out, "The log file {} cannot be written: {why}.", path.display())?;
        write!(out, "`{setting}` names it. Let this user write there, or name another file.")
    }
}

impl Logs {
    /// Starts logging for the process; `colour`: standard error is a terminal that may be coloured.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn start(logging: &Logging, colour: bool) -> Result<Self, LogProblem> {
        let places = Arc::new(RwLock::new(Places::open(logging, colour)?));
        let (layer, filter) = reload::Layer::new(filter::filter(logging));
        // A second start in one process (tests) keeps the first.
        let _ = tracing_subscriber::registry().with(layer).with(Lines(places.clone())).try_init();
        Ok(Self { filter, places, made_from: logging.clone(), colour })
    }

    /// Takes over other settings at once. Where a new file cannot be written, lines go where they went.
    pub(crate) fn apply(&mut self, logging: &Logging) {
        if *logging == self.made_from {
            return;
        }
        let _ = self.filter.reload(filter::filter(logging));
        self.made_from.levels = logging.levels.clone();
        if *logging == self.made_from {
            return;
        }
        match Places::open(logging, self.colour) {
            Ok(new) => {
                let old =
                    std::mem::replace(&mut *self.places.write().unwrap_or_else(PoisonError::into_inner), new);
                old.settle();
                self.made_from = logging.clone();
            }
            Err(problem) => tracing::error!("log lines go where they went before: {problem}"),
        }
    }

    /// Finds files again that somebody has moved away.
    pub(crate) fn reopen(&self) {
        self.places.read().unwrap_or_else(PoisonError::into_inner).all().for_each(Place::look);
    }

    /// Waits until what was said is written.
    pub(crate) fn settle(&self) {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner).clone();
        places.settle();
    }

    /// The file lines go to.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.made_from.file.as_deref()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.settle();
    }
}

/// Where lines go.
#[derive(Clone)]
struct Places {
    /// Standard error; none if it is closed.
    error: Option<Place>,
    file: Option<Place>,
    /// For lines about finished calls alone.
    access: Option<Place>,
}

impl Places {
    fn open(logging: &Logging, colour: bool) -> Result<Self, LogProblem> {
        let human = match logging.format {
            LogFormat::Auto => io::stderr().is_terminal(),
            LogFormat::Human => true,
            LogFormat::Json => false,
        };
        let form = if human { Form::Human { colour } } else { Form::Json };
        let filed =
            if logging.format == LogFormat::Human { Form::Human { colour: false } } else { Form::Json };
        let access = match logging.access_log {
            AccessLog::Off | AccessLog::Json => AccessForm::Json,
            AccessLog::Combined => AccessForm::Apache { combined: true },
            AccessLog::Common => AccessForm::Apache { combined: false },
        };
        let error = Sink::standard_error().and_then(|sink| Place::start(sink, form, access)).ok();
        let file = |setting, path: &Option<std::path::PathBuf>| {
            let Some(path) = path else { return Ok(None) };
            let opened = LogFile::open(path, logging.rotation);
            let place = opened
                .and_then(|file| Place::start(Sink::File(Box::new(file), error.clone()), filed, access));
            place.map(Some).map_err(|why| LogProblem { setting, path: path.clone(), why })
        };
        let lines = file("logging.file", &logging.file)?;
        let calls = file("logging.access_log_file", &logging.access_log_file)?;
        Ok(Self { error, file: lines, access: calls })
    }

    fn all(&self) -> impl Iterator<Item = &Place> {
        self.error.iter().chain(&self.file).chain(&self.access)
    }

    fn offer(&self, line: &Arc<LogLine>) {
        match &self.access {
            Some(access) if line.is_access() => access.offer(line.clone()),
            _ => self.error.iter().chain(&self.file).for_each(|place| place.offer(line.clone())),
        }
    }

    fn settle(&self) {
        let deadline = Instant::now() + LAST;
        // Files first: they may have a word to say on standard error.
        self.access.iter().chain(&self.file).chain(&self.error).for_each(|place| place.settle(deadline));
    }
}

/// Hears every event that passes the filter.
struct Lines(Arc<RwLock<Places>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = Arc::new(LogLine::of(event));
        self.0.read().unwrap_or_else(PoisonError::into_inner).offer(&line);
    }
}
