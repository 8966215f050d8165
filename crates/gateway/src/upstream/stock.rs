//! Which models a provider has in stock, where that can be changed from here: brought there, copied, taken away. It is administration:
//! no call, and no record but in the audit trail.
//!
//! A model may take long to come, so it is brought in a task of its own; who wants to know asks how far it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use config::snapshot::Provider;
use http::StatusCode;
use protocol::vendor::stock::{self, Step, Wish};
use serde::Serialize;
use tokio::task::AbortHandle;

use super::compose::Shown;
use super::inspect;
use super::visit::{Visit, Visitor};
use crate::catalogue::Catalogue;
use crate::spawn;

/// A server that says nothing for so long has forgotten what it was asked for.
const SILENCE: Duration = Duration::from_secs(300);
/// To answer a wish that is done at once.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest line of progress, and the longest answer that is read.
const LONGEST: usize = 256 * 1024;
/// So many are remembered.
const MANY: usize = 64;

/// How a model fares on its way to a provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Pull {
    /// Where it goes.
    pub provider: String,
    /// The model, by the provider's own name for it.
    pub model: String,
    /// How it is.
    pub state: PullState,
    /// What is being done, in the server's own words.
    pub status: String,
    /// Bytes that have come of the piece that is being brought.
    pub completed: u64,
    /// Bytes of that piece; 0: not known yet.
    pub total: u64,
    /// When it was begun, seconds since 1970.
    pub began: u64,
}

/// Whether a model is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// It is.
    Running,
    /// It has come.
    Done,
    /// It will not come; `status` says why.
    Failed,
    /// Somebody stopped it.
    Stopped,
}

/// Why a provider's stock is as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotStocked {
    /// There is no provider of that name.
    NoSuchProvider,
    /// Its kind of service has models nobody can change from here.
    NotIts,
    /// No answer came; why is in the log.
    NoAnswer,
    /// It said no: the status, and its words.
    Refused(StatusCode, String),
}

/// What is on its way, newest last.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<Vec<Arrival>>);

struct Arrival {
    told: Pull,
    task: AbortHandle,
}

impl Arrivals {
    /// All that is remembered of a provider.
    pub(crate) fn of(&self, provider: &str) -> Vec<Pull> {
        self.held().iter().map(|one| &one.told).filter(|told| told.provider == provider).cloned().collect()
    }

    /// Begins to bring a model; one that is on its way already is not asked for twice.
    pub(crate) fn begin(
        self: &Arc<Self>,
        provider: Arc<Provider>,
        model: &str,
        catalogue: Arc<Catalogue>,
    ) -> Pull {
        let mut all = self.held();
        let is_it = |one: &Arrival| one.told.provider == provider.name && one.told.model == model;
        if let Some(running) = all.iter().find(|one| is_it(one) && one.told.state == PullState::Running) {
            return running.told.clone();
        }
        all.retain(|one| !is_it(one));
        if all.len() >= MANY
            && let Some(ended) = all.iter().position(|one| one.told.state != PullState::Running)
        {
            all.remove(ended);
        }
        let told = Pull {
            provider: provider.name.clone(),
            model: model.to_owned(),
            state: PullState::Running,
            status: "asked for".to_owned(),
            completed: 0,
            total: 0,
            began: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        };
        let (arrivals, name) = (self.clone(), (provider.name.clone(), model.to_owned()));
        let task = spawn::detached(async move {
            let came = bring(&provider, &name.1, |step| arrivals.heard(&name, step)).await;
            if came.is_ok() {
                catalogue.forget(&provider.name);
            }
            arrivals.ended(&name, came);
        });
        all.push(Arrival { told: told.clone(), task: task.abort_handle() });
        told
    }

    /// Stops bringing a model; none: it is not on its way.
    pub(crate) fn stop(&self, provider: &str, model: &str) -> Option<Pull> {
        let mut all = self.held();
        let running = all.iter_mut().find(|one| {
            one.told.provider == provider && one.told.model == model && one.told.state == PullState::Running
        })?;
        running.task.abort();
        running.told.state = PullState::Stopped;
        running.told.status = "stopped".to_owned();
        Some(running.told.clone())
    }

    fn held(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is told of one that is on its way.
    fn tell(&self, (provider, model): &(String, String), change: impl FnOnce(&mut Pull)) {
        let mut all = self.held();
        let running = all.iter_mut().map(|one| &mut one.told).find(|told| {
            told.provider == *provider && told.model == *model && told.state == PullState::Running
        });
        if let Some(told) = running {
            change(told);
        }
    }

    fn heard(&self, name: &(String, String), step: Step) {
        self.tell(name, |told| {
            told.status = step.status;
            told.completed = step.completed.unwrap_or_default();
            told.total = step.total.unwrap_or_default();
        });
    }

    fn ended(&self, name: &(String, String), came: Result<(), String>) {
        let (provider, model) = name;
        match &came {
            Ok(()) => tracing::info!(provider, model, "a model has come"),
            Err(why) => tracing::warn!(provider, model, why, "a model does not come"),
        }
        self.tell(name, |told| match came {
            Ok(()) => told.state = PullState::Done,
            Err(why) => (told.state, told.status) = (PullState::Failed, why),
        });
    }
}

/// Brings a model, and tells each step.
async fn bring(provider: &Arc<Provider>, model: &str, tell: impl Fn(Step)) -> Result<(), String> {
    let mut visit = asked(provider, Wish::Pull(model)).await.map_err(|no| no.words())?;
    let mut line = Vec::new();
    loop {
        let piece = tokio::time::timeout(SILENCE, visit.piece()).await;
        let piece = piece.map_err(|_elapsed| "it says nothing any more".to_owned())?;
        let Some(piece) = piece.map_err(|_| "its connection broke".to_owned())? else {
            return Err("it ended before the model was there".to_owned());
        };
        let mut ends = piece.split(|byte| *byte == b'\n');
        let begun = ends.next_back().unwrap_or_default();
        for end in ends {
            line.extend_from_slice(end);
            let told = std::mem::take(&mut line);
            if told.trim_ascii().is_empty() {
                continue;
            }
            let step = stock::step(&told)?;
            let is_last = step.is_last();
            tell(step);
            if is_last {
                return Ok(());
            }
        }
        line.extend_from_slice(begun);
        if line.len() > LONGEST {
            return Err("its progress cannot be read".to_owned());
        }
    }
}

/// Has a wish done that is done at once.
///
/// # Errors
/// When it is not done.
pub(crate) async fn done(provider: &Arc<Provider>, wish: Wish<'_>) -> Result<(), NotStocked> {
    let visit = asked(provider, wish).await?;
    // The connection may be kept by nobody: what is left of the answer says nothing.
    drop(visit);
    Ok(())
}

/// The answer to a wish that was not refused.
async fn asked(provider: &Arc<Provider>, wish: Wish<'_>) -> Result<Visit, NotStocked> {
    let (method, path, body) = wish.request();
    let name = &provider.name;
    let request =
        inspect::request(provider, Shown::Own, (method, path), None, Bytes::from(body)).map_err(|why| {
            tracing::warn!(provider = name, why, "its stock of models cannot be asked about");
            NotStocked::NoAnswer
        })?;
    let mut visitor = Visitor::to(provider.origin.clone(), provider.timeouts.connect);
    let visit = match tokio::time::timeout(PATIENCE, visitor.ask(request)).await {
        Ok(Ok(visit)) => visit,
        Ok(Err(problem)) => {
            tracing::warn!(provider = name, why = problem.cause(), "no answer about its stock of models");
            return Err(NotStocked::NoAnswer);
        }
        Err(_elapsed) => {
            tracing::warn!(provider = name, "no answer about its stock of models in time");
            return Err(NotStocked::NoAnswer);
        }
    };
    if visit.status.is_success() {
        return Ok(visit);
    }
    let status = visit.status;
    let body = tokio::time::timeout(PATIENCE, visit.whole(LONGEST)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    Err(NotStocked::Refused(status, stock::error(&body).unwrap_or_default()))
}

impl NotStocked {
    /// In a few words, without anything that is only for the log.
    fn words(self) -> String {
        match self {
            Self::NoSuchProvider => "there is no such provider".to_owned(),
            Self::NotIts => "its models cannot be changed from here".to_owned(),
            Self::NoAnswer => "it did not answer".to_owned(),
            Self::Refused(status, words) if words.is_empty() => {
                format!("it answered with status {}", status.as_u16())
            }
            Self::Refused(_, words) => words,
        }
    }
}
