//! What the caller is told when nobody answered: the truest of what was heard, and when it is worth asking again.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use protocol::fault::Kind;
use protocol::verdict::{FaultClass, UpstreamFault};

use super::super::answer::Answer;
use super::super::trouble::key_refused;
use super::tried::Tried;
use super::turn::{GaveUp, Turn};
use crate::error::ApiError;
use crate::route::Target;
use crate::standing::{Counter, KeysOut, Out};

/// Bounds of what is told as a wait (F-10).
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(10);

/// What was heard from those who did not answer.
#[derive(Default)]
pub(super) struct Spent {
    heard: Vec<(String, Heard)>,
    /// Those that were not asked, and for how long they take no calls.
    out: Vec<(Counter, Out)>,
    /// Waiting for them.
    pub(super) turn: Turn,
}

enum Heard {
    Refused(UpstreamFault, Box<Answer>),
    Failed(ApiError),
}

impl Spent {
    pub(super) fn refused(&mut self, target: &Target, fault: UpstreamFault, answer: Box<Answer>) {
        self.heard.push((target.provider.name.clone(), Heard::Refused(fault, answer)));
    }

    pub(super) fn failed(&mut self, target: &Target, error: ApiError) {
        self.heard.push((target.provider.name.clone(), Heard::Failed(error)));
    }

    /// What came of an attempt that was no answer.
    pub(super) fn take(&mut self, target: &Target, tried: Tried) {
        match tried {
            Tried::Refused(fault, answer) => self.refused(target, fault, answer),
            Tried::Failed(_, error) => self.failed(target, error),
            Tried::Answered(..) | Tried::Switched(..) | Tried::Ours(_) => {}
        }
    }

    /// It takes no calls.
    pub(super) fn out(&mut self, target: &Target, out: Out) {
        self.out.push((counter(target), out));
    }

    /// None of its keys takes calls, or no quota has room.
    pub(super) fn keys_out(&mut self, target: &Target, why: KeysOut) {
        let (left, whole) = match why {
            KeysOut::Resting(left) => (left, true),
            KeysOut::Full { left, whole } => (left, whole),
            KeysOut::Tried => return,
            KeysOut::Refused(class) => {
                return self.failed(target, key_refused(&target.provider.name, class));
            }
        };
        self.out(target, Out { left, rests: true, whole });
    }

    /// What to wait for, where somebody is at a limit: the first of them, and how long until one of them takes calls again.
    pub(super) fn resting(&self) -> Option<(Counter, Duration)> {
        let resting = || self.out.iter().filter(|(_, out)| out.rests);
        let (at, out) = resting().next()?;
        let model = at.model.clone().filter(|_| !out.whole);
        let left = resting().map(|(_, out)| out.left).min()?;
        Some((Counter { provider: at.provider.clone(), model }, left))
    }

    /// Whether it was not asked, and so is looked at again.
    pub(super) fn forget_out(&mut self, target: &Target) -> bool {
        let (before, it) = (self.out.len(), counter(target));
        self.out.retain(|(at, _)| *at != it);
        self.out.len() < before
    }

    /// What the caller is told.
    pub(super) fn told(mut self, asked: Option<&str>) -> Result<Answer, ApiError> {
        let waits = self.heard.iter().filter_map(|(_, heard)| match heard {
            Heard::Refused(fault, _) if fault.class == FaultClass::Limited => fault.wait,
            _ => None,
        });
        let wait = waits.chain(self.out.iter().map(|(_, out)| out.left)).min();
        // The request's own fault first: no other answer would be as useful. Then the last that was heard.
        let own = |(_, heard): &(String, Heard)| matches!(heard, Heard::Refused(fault, _) if is_the_requests(fault.class));
        let at = self.heard.iter().position(own).or(self.heard.len().checked_sub(1));
        let Some((provider, heard)) = at.map(|at| self.heard.swap_remove(at)) else {
            return Err(nobody(&self.out, self.turn.gave_up, asked));
        };
        match heard {
            Heard::Refused(fault, answer) if is_about_our_key(&fault, &answer) => {
                Err(key_refused(&provider, fault.class))
            }
            Heard::Refused(fault, answer) => Ok(advised(*answer, fault.class, wait)),
            Heard::Failed(error) => Err(error.later(self.heard.len() > 1)),
        }
    }
}

/// What it says may name our account, and is ours to mend.
fn is_about_our_key(fault: &UpstreamFault, answer: &Answer) -> bool {
    let refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    matches!(fault.class, FaultClass::Auth | FaultClass::Billing)
        || (refused && fault.class == FaultClass::ModelAway)
}

fn is_the_requests(class: FaultClass) -> bool {
    matches!(
        class,
        FaultClass::Request | FaultClass::ContextLength | FaultClass::ContentFilter | FaultClass::Capability
    )
}

/// A refusal in the upstream's own words, with what it did not say: when to ask again, and that asking at once is in vain, for we
/// have done so.
fn advised(mut answer: Answer, class: FaultClass, wait: Option<Duration>) -> Answer {
    let should_retry = HeaderName::from_static("x-should-retry");
    if class == FaultClass::Limited {
        if let Some(wait) = wait {
            let wait = wait.clamp(SHORTEST, LONGEST);
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            // Rounded up: whoever waits that long does not come too early.
            answer.head.entry(RETRY_AFTER).or_insert(HeaderValue::from(millis.div_ceil(1000)));
        }
    } else if answer.status.is_server_error() {
        answer.head.entry(should_retry).or_insert(HeaderValue::from_static("false"));
    }
    answer
}

/// A target, as it is waited for.
fn counter(target: &Target) -> Counter {
    Counter { provider: target.provider.name.clone(), model: target.model.clone() }
}

/// Everybody is left alone at this moment, or at a limit.
fn nobody(out: &[(Counter, Out)], gave_up: Option<GaveUp>, asked: Option<&str>) -> ApiError {
    let seconds = |left: &Duration| left.as_millis().div_ceil(1000).max(1);
    let places: Vec<String> = out
        .iter()
        .map(|(at, out)| format!("`{}` (again in {} s)", at.provider, seconds(&out.left)))
        .collect();
    let places = places.join(", ");
    let what = asked.map(|model| format!(" for `{}`", crate::intake::shown(model))).unwrap_or_default();
    let soonest = out.iter().map(|(_, out)| out.left).min();
    let full = !out.is_empty() && out.iter().all(|(_, out)| out.rests);
    if full {
        let waited = match gave_up {
            Some(GaveUp::Full(most)) => format!(" As many calls wait already as may ({most})."),
            Some(GaveUp::Late(longest)) => {
                format!(" None has room within the {} s a call waits.", seconds(&longest))
            }
            None => String::new(),
        };
        let say = format!("Every place{what} is at its limit: {places}.{waited}");
        // Less is never told than it takes to come back at all.
        return ApiError::new(Kind::UpstreamLimits, say).wait(soonest.unwrap_or(SHORTEST).max(SHORTEST));
    }
    let say =
        format!("No place{what} takes calls at this moment, because the last ones failed there: {places}.");
    let error = ApiError::new(Kind::NoHealthyTarget, say);
    match soonest {
        Some(wait) => error.wait(wait.max(Duration::from_millis(1))),
        None => error,
    }
}
