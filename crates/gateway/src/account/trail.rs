//! The way a call took: each attempt, where, how it ended. Written by the attempts, read by the meter; they go on apart once a stream
//! has been promised.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::usage::Usage;
use store::usage_record::{Attempt, Tokens};

use crate::route::Target;

/// The way of one call. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail(Arc<Mutex<Steps>>);

/// An attempt on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step(usize);

/// The word of an attempt that answers.
pub(crate) const ANSWERED: &str = "answered";
/// The word of an attempt that was to go on with another's answer, and said something else.
pub(crate) const DIVERGED: &str = "diverged";
/// The word of an attempt that was given up because another answered sooner, or its caller left.
const GIVEN_UP: &str = "given_up";

#[derive(Debug, Default)]
struct Steps {
    attempts: Vec<Open>,
    /// Who answers.
    by: Option<usize>,
}

#[derive(Debug)]
struct Open {
    began: Instant,
    what: Attempt,
}

impl Trail {
    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A target is asked now. `how`: in a way of its own (`hedge`, `continuation`, `restart`).
    pub(crate) fn begins(&self, target: &Target, how: Option<&'static str>) -> Step {
        let what = Attempt {
            provider: target.provider.name.clone(),
            model: target.model.clone(),
            how: how.map(Cow::Borrowed),
            outcome: Cow::Borrowed(GIVEN_UP),
            ..Attempt::default()
        };
        let mut steps = self.steps();
        steps.attempts.push(Open { began: Instant::now(), what });
        Step(steps.attempts.len() - 1)
    }

    /// A drill has its hand in it.
    pub(crate) fn drilled(&self, step: Step) {
        self.change(step, |open| open.what.drill = true);
    }

    /// It read a part of the prompt only. `None`: the one that answers.
    pub(crate) fn cut(&self, step: Option<Step>) {
        let mut steps = self.steps();
        let at = step.map(|Step(at)| at).or(steps.by).or(steps.attempts.len().checked_sub(1));
        if let Some(open) = at.and_then(|at| steps.attempts.get_mut(at)) {
            open.what.cut = true;
        }
    }

    /// How it ended.
    pub(crate) fn ends(&self, step: Step, word: &'static str, status: Option<u16>) {
        self.change(step, |open| {
            open.what.outcome = Cow::Borrowed(word);
            open.what.status = status;
            open.what.duration_us = micros(open.began.elapsed());
        });
    }

    /// It is the one that answers.
    pub(crate) fn answers(&self, step: Step) {
        self.ends(step, ANSWERED, None);
        self.steps().by = Some(step.0);
    }

    /// What it counted; `estimated`: by us, for it never said.
    pub(crate) fn counted(&self, step: Step, usage: Usage, estimated: bool) {
        let Usage { input, output, cached, reasoning } = usage;
        self.change(step, |open| {
            open.what.tokens = Some(Tokens { input, output, cached, reasoning });
            open.what.estimated = estimated;
        });
    }

    fn change(&self, step: Step, change: impl FnOnce(&mut Open)) {
        if let Some(open) = self.steps().attempts.get_mut(step.0) {
            change(open);
        }
    }

    /// How many attempts there were, and the last of them or the one that answers.
    pub(super) fn head<T>(&self, look: impl FnOnce(u32, Option<&Attempt>) -> T) -> T {
        let steps = self.steps();
        let last = steps.by.or(steps.attempts.len().checked_sub(1)).and_then(|at| steps.attempts.get(at));
        look(u32::try_from(steps.attempts.len()).unwrap_or(u32::MAX), last.map(|open| &open.what))
    }

    /// All attempts, where there was more than one, or there is something to say of the only one.
    pub(super) fn take(&self) -> Vec<Attempt> {
        let mut steps = self.steps();
        if steps.attempts.len() < 2 && !steps.attempts.iter().any(|open| open.what.drill || open.what.cut) {
            return Vec::new();
        }
        steps.by = None;
        std::mem::take(&mut steps.attempts).into_iter().map(|open| open.what).collect()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
