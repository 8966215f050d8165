//! What the caller is told when nobody answered: the truest of what was heard, and when it is worth asking again.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use protocol::fault::Kind;
use protocol::verdict::{FaultClass, UpstreamFault};

use super::super::answer::Answer;
use super::ask::Tried;
use crate::error::ApiError;
use crate::route::Target;
use crate::standing::{KeysOut, Out};

/// Bounds of what is told as a wait (F-10).
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(10);

/// What was heard from those who did not answer.
#[derive(Default)]
pub(super) struct Spent {
    heard: Vec<(String, Heard)>,
    /// Those that were not asked, and for how long they take no calls.
    out: Vec<(String, Out)>,
}

enum Heard {
    Refused(UpstreamFault, Box<Answer>),
    Failed(FaultClass, ApiError),
}

impl Spent {
    pub(super) fn refused(&mut self, target: &Target, fault: UpstreamFault, answer: Box<Answer>) {
        self.heard.push((target.provider.name.clone(), Heard::Refused(fault, answer)));
    }

    pub(super) fn failed(&mut self, target: &Target, class: FaultClass, error: ApiError) {
        self.heard.push((target.provider.name.clone(), Heard::Failed(class, error)));
    }

    /// What came of a try that was no answer.
    pub(super) fn take(&mut self, target: &Target, tried: Tried) {
        match tried {
            Tried::Refused(fault, answer) => self.refused(target, fault, answer),
            Tried::Failed(class, error) => self.failed(target, class, error),
            Tried::Answered(..) | Tried::Switched(_) | Tried::Ours(_) => {}
        }
    }

    /// It takes no calls.
    pub(super) fn out(&mut self, target: &Target, out: Out) {
        self.out.push((target.provider.name.clone(), out));
    }

    /// None of its keys takes calls.
    pub(super) fn keys_out(&mut self, target: &Target, why: KeysOut) {
        let name = &target.provider.name;
        match why {
            KeysOut::Resting(left) => self.out(target, Out { left, rests: true }),
            KeysOut::Refused(class) => self.failed(target, class, key_refused(name, class)),
        }
    }

    /// When the first of those that asked to be left alone takes calls again.
    pub(super) fn resting(&self) -> Option<Duration> {
        self.out.iter().filter(|(_, out)| out.rests).map(|(_, out)| out.left).min()
    }

    /// Whether it was not asked, and so is looked at again.
    pub(super) fn forget_out(&mut self, target: &Target) -> bool {
        let before = self.out.len();
        self.out.retain(|(name, _)| *name != target.provider.name);
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
            return Err(nobody(&self.out, asked));
        };
        match heard {
            Heard::Refused(fault, _) if matches!(fault.class, FaultClass::Auth | FaultClass::Billing) => {
                Err(key_refused(&provider, fault.class))
            }
            Heard::Refused(fault, answer) => Ok(advised(*answer, fault.class, wait)),
            Heard::Failed(_, error) => Err(error.later(self.heard.len() > 1)),
        }
    }
}

fn is_the_requests(class: FaultClass) -> bool {
    matches!(
        class,
        FaultClass::Request | FaultClass::ContextLength | FaultClass::ContentFilter | FaultClass::Capability
    )
}

/// Our own credential refused is ours to mend, never the caller's 401.
pub(super) fn key_refused(provider: &str, class: FaultClass) -> ApiError {
    let why = match class {
        FaultClass::Billing => "says that the account of this gateway's key has nothing left",
        _ => "refused the key this gateway has for it",
    };
    let say = format!("`{provider}` {why}. Its operator has to set a working one.");
    ApiError::new(Kind::UpstreamAuth, say)
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

/// Everybody is left alone at this moment.
fn nobody(out: &[(String, Out)], asked: Option<&str>) -> ApiError {
    let seconds = |left: &Duration| left.as_millis().div_ceil(1000).max(1);
    let places: Vec<String> = out
        .iter()
        .map(|(provider, out)| format!("`{provider}` (again in {} s)", seconds(&out.left)))
        .collect();
    let what = asked.map(|model| format!(" for `{}`", crate::intake::shown(model))).unwrap_or_default();
    let places = places.join(", ");
    let error = if out.iter().all(|(_, out)| out.rests) {
        let say = format!("Every place{what} is at its limit at this moment: {places}.");
        ApiError::new(Kind::UpstreamLimits, say)
    } else {
        let say = format!(
            "No place{what} takes calls at this moment, because the last ones failed there: {places}."
        );
        ApiError::new(Kind::NoHealthyTarget, say)
    };
    let soonest = out.iter().map(|(_, out)| out.left).min();
    match soonest {
        Some(wait) => error.wait(wait.max(Duration::from_millis(1))),
        None => error,
    }
}
