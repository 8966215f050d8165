//! An answer that is no success: what it means, and whom it is held against.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use protocol::frame::said;
use protocol::verdict::{Blames, Capability, FaultClass, UpstreamFault};

use super::super::answer::Answer;
use super::super::received::Withheld;
use super::super::trouble::key_refused;
use super::course::Course;
use super::patience::{LONGEST_REST, REST};
use super::tried::Tried;
use crate::route::Target;
use crate::standing::{Key, Lesson, Pass};

/// Who was asked, and with what.
pub(super) struct Refusing<'a> {
    pub(super) target: &'a Target,
    pub(super) key: Option<&'a Key>,
    /// The credential was not the caller's own.
    pub(super) stored: bool,
    /// The request's body, where it was whole.
    pub(super) asked: Bytes,
}

impl Course {
    /// It said no.
    pub(super) fn refused(
        &self,
        asking: Refusing<'_>,
        mut pass: Pass,
        (head, body): (&HeaderMap, &[u8]),
        answer: Answer,
    ) -> Tried {
        let Refusing { target, key, stored, asked } = asking;
        let mut fault = read(target, answer.status, (head, body), &asked);
        pass.taken.refused();
        if let Some(lacks) = fault.lacks {
            target.lane.learn_lack(lacks);
        }
        if let Some(key) = key {
            key.learn(&fault);
        }
        if !stored && concerns_account(fault.class) {
            // The caller's own account: others have another, and no other place knows it.
            if fault.class != FaultClass::Limited {
                fault.class = FaultClass::Request;
            }
            pass.ends(Lesson::Nothing);
            return Tried::Refused(fault, Box::new(answer));
        }
        pass.ends(match fault.class.consequence().blames {
            // It has waited for a caller.
            _ if !self.is_sent() => Lesson::Nothing,
            // It was there and knew what to say.
            Blames::Nothing => Lesson::Works,
            Blames::Breaker => Lesson::Fails,
            // The key rests, and not those beside it.
            Blames::Cooldown if !target.provider.keys.is_empty() => Lesson::Works,
            Blames::Cooldown => Lesson::Rest(fault.wait.unwrap_or(REST).min(LONGEST_REST)),
            Blames::Key if target.provider.keys.is_empty() => Lesson::Fails,
            Blames::Key => Lesson::Nothing,
        });
        Tried::Refused(fault, Box::new(answer))
    }

    /// Whether all of the request has left: while its caller is still sending, nothing is the target's fault.
    pub(super) fn is_sent(&self) -> bool {
        self.upload.as_ref().is_none_or(|upload| upload.is_whole())
    }
}

/// What it means. Words that may be the caller's own, told back, mean nothing: nobody is to put others' keys aside by them.
fn read(
    target: &Target,
    status: StatusCode,
    (head, body): (&HeaderMap, &[u8]),
    asked: &[u8],
) -> UpstreamFault {
    let vendor = target.vendor();
    let fault = vendor.read_fault(status, head, body, SystemTime::now());
    let unasked = fault.lacks == Some(Capability::Prefill) && !said::is_prefilled(asked);
    if !unasked && !vendor.echoes(status, body, asked) {
        return fault;
    }
    let status = if status.is_success() { StatusCode::BAD_REQUEST } else { status };
    UpstreamFault { wait: fault.wait, ..UpstreamFault::by_status(status) }
}

/// Its answer cannot be passed on. Where it refused our key, that is what counts, whatever its body is.
pub(super) fn unreadable(
    asking: Refusing<'_>,
    mut pass: Pass,
    refused: Option<(StatusCode, HeaderMap)>,
    Withheld { class, error }: Withheld,
) -> Tried {
    let Refusing { target, key, stored, .. } = asking;
    pass.ends(lesson_behind(class));
    let Some((status, head)) = refused else { return Tried::Failed(class, error) };
    let fault = target.provider.vendor.read_fault(status, &head, &[], SystemTime::now());
    if !matches!(fault.class, FaultClass::Auth | FaultClass::Billing) {
        return Tried::Failed(class, error);
    }
    if !stored {
        pass.ends(Lesson::Nothing);
        return Tried::Failed(FaultClass::Request, error);
    }
    if let Some(key) = key {
        key.learn(&fault);
        pass.ends(Lesson::Nothing);
    }
    Tried::Failed(fault.class, key_refused(&target.provider.name, fault.class))
}

fn concerns_account(class: FaultClass) -> bool {
    matches!(class, FaultClass::Auth | FaultClass::Billing | FaultClass::Limited | FaultClass::ModelAway)
}

/// What is learnt of who began to answer, and went wrong behind the head.
pub(super) fn lesson_behind(class: FaultClass) -> Lesson {
    match class.consequence().blames {
        Blames::Nothing => Lesson::Works,
        _ => Lesson::Fails,
    }
}
