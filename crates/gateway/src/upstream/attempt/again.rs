//! Whether it is worth trying again, where, and how long to wait for it.

use std::time::Duration;

use config::snapshot::{Failure, RetryOn};
use http::Method;
use protocol::verdict::{Again, Capability, Elsewhere, FaultClass};
use tokio::time::Instant;

use super::course::Course;
use super::patience::back_off;
use crate::route::Target;

/// So long a rest is waited for at one place while another could answer.
const SHORT: Duration = Duration::from_millis(2500);

impl Course {
    /// How long to wait before the same target is asked again; `None`: it is not.
    pub(super) fn wait_for(
        &self,
        target: &Target,
        class: FaultClass,
        hint: Option<Duration>,
        (attempts, elsewhere): (u32, bool),
    ) -> Option<Duration> {
        let routing = &self.world.routing;
        let again = match &routing.retry_on {
            RetryOn::ByClass => class.consequence().again,
            RetryOn::Only(failures) if failures.iter().any(|failure| is_a(*failure, class)) => Again::BackOff,
            RetryOn::Only(_) => Again::No,
        };
        let sent = class != FaultClass::TransportBeforeSend && class != FaultClass::Limited;
        if attempts >= routing.retries || (sent && !self.is_safe()) || self.has_flowed() {
            return None;
        }
        let wait = match again {
            Again::No => return None,
            Again::AtOnce | Again::Once if attempts > 0 => return None,
            Again::AtOnce => Duration::ZERO,
            // Whoever broke off once is asked anew after a breath.
            Again::Once => back_off(0),
            Again::AfterHint => match hint {
                // Where somebody else could answer, only a short rest is waited for, and only once (S01).
                Some(hint) if elsewhere && (hint > SHORT || attempts > 0) => return None,
                Some(hint) if hint <= target.provider.retry_after_max => jittered(hint),
                Some(_) => return None,
                None => back_off(attempts),
            },
            Again::BackOff => back_off(attempts),
        };
        let fits = Instant::now() + wait < self.deadline;
        (fits && self.budget.take(routing.retry_budget)).then_some(wait)
    }

    /// Leaves of those not asked yet the ones that may be asked after a failure of this kind; whether those may, too,
    /// that are waited for.
    pub(super) fn narrow<'t>(
        &'t self,
        queue: &mut Vec<&'t Target>,
        at: usize,
        (class, lacks): (FaultClass, Option<Capability>),
    ) -> bool {
        let after_send = !matches!(
            class,
            FaultClass::TransportBeforeSend | FaultClass::Limited | FaultClass::Auth | FaultClass::Billing
        );
        if after_send && !self.is_safe() {
            queue.truncate(at);
            return false;
        }
        let failed = at.checked_sub(1).and_then(|at| queue.get(at).copied());
        match class.consequence().elsewhere {
            Elsewhere::Yes => {}
            Elsewhere::No => queue.truncate(at),
            // The same model reads no more elsewhere; what another one can, nobody has told us.
            Elsewhere::Larger => {
                let others = queue.split_off(at.min(queue.len()));
                add(queue, &self.plan.longer);
                queue.extend(
                    others
                        .into_iter()
                        .filter(|other| failed.is_none_or(|failed| other.model != failed.model)),
                );
            }
            Elsewhere::Able => {
                let others = queue.split_off(at.min(queue.len()));
                queue.extend(
                    others.into_iter().filter(|other| lacks.is_none_or(|lacks| !other.lane.lacks(lacks))),
                );
            }
            Elsewhere::IfWritten => {
                queue.truncate(at);
                add(queue, &self.plan.laxer);
            }
        }
        class.consequence().elsewhere == Elsewhere::Yes
    }

    /// Whether doing it twice does no more than doing it once, but for what it costs.
    pub(super) fn is_safe(&self) -> bool {
        self.call.row.usage || matches!(self.call.method, Method::GET | Method::HEAD)
    }
}

/// Puts those behind the others that do not stand there yet: nobody is asked for the same twice.
fn add<'t>(queue: &mut Vec<&'t Target>, more: &'t [Target]) {
    for target in more {
        if !queue.iter().any(|other| other.is(target)) {
            queue.push(target);
        }
    }
}

/// A wait, and up to a tenth more, so that those who wait for one target do not come back at one instant.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + fastrand::f64() * 0.1)
}

/// Whether a failure somebody named is of this kind.
fn is_a(failure: Failure, class: FaultClass) -> bool {
    match failure {
        Failure::Connect => class == FaultClass::TransportBeforeSend,
        Failure::Timeout => {
            matches!(class, FaultClass::HeadersLate | FaultClass::FirstTokenLate | FaultClass::StreamStall)
        }
        Failure::Client => matches!(class, FaultClass::Limited),
        Failure::Server => class == FaultClass::Server,
        Failure::Status(status) => match class {
            FaultClass::Limited => status == 429,
            FaultClass::Server => status >= 500,
            _ => false,
        },
    }
}
