//! One try: compose, send, read, judge.

use std::time::SystemTime;

use bytes::Bytes;
use config::snapshot::Credential;
use http::StatusCode;
use protocol::fault::Kind;
use protocol::usage::Usage;
use protocol::verdict::{Blames, FaultClass, UpstreamFault};
use tokio::time::Instant;

use super::super::answer::{Answer, AnswerBody};
use super::super::client::Reply;
use super::super::compose::{Outgoing, compose};
use super::super::received::Received;
use super::super::trouble::{Trouble, key_refused};
use super::begin::{Begun, begin};
use super::course::Course;
use super::patience::{LONGEST_REST, REST};
use super::quota;
use crate::account::{ANSWERED, Step};
use crate::error::ApiError;
use crate::intake::Payload;
use crate::route::Target;
use crate::standing::{Key, Lesson, Pass, Reservation};

/// What became of a try.
pub(super) enum Tried {
    /// It answers; with what the answer counts, if that is known already.
    Answered(Box<Answer>, Option<Usage>),
    /// It agreed to a WebSocket, which keeps what the try has taken.
    Switched(Box<Reply>, Reservation),
    /// It said no: why, and its own words, which may be passed on.
    Refused(UpstreamFault, Box<Answer>),
    /// Nothing came that may be passed on.
    Failed(FaultClass, ApiError),
    /// It is not the target's doing: nobody else is asked.
    Ours(ApiError),
}

impl Tried {
    /// Whether it is an answer.
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Answered(..) | Self::Switched(..))
    }

    /// Its word on the trail.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Answered(..) | Self::Switched(..) => ANSWERED,
            Self::Refused(fault, _) => fault.class.word(),
            Self::Failed(class, _) => class.word(),
            Self::Ours(_) => "ours",
        }
    }
}

/// What is asked for in a try.
pub(super) struct Asking<'a> {
    pub(super) target: &'a Target,
    /// One of the provider's keys; `None`: the credential it has.
    pub(super) key: Option<&'a Key>,
    pub(super) body: Payload,
    pub(super) pass: Pass,
}

impl Course {
    /// One try at one target, which is this step of the trail.
    pub(super) async fn ask(&self, asking: Asking<'_>, step: Step) -> Tried {
        let Asking { target, key, body, mut pass } = asking;
        let secret = key.map(|key| &key.secret);
        let stored = secret.is_some() || matches!(target.provider.credential, Credential::Stored(_));
        let Outgoing { message, asked_usage } = match compose(&self.call, body, target, secret) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                pass.taken.unsent();
                return Tried::Ours(error);
            }
        };
        let began = Instant::now();
        let models = [target.model.as_deref(), self.call.model.as_deref()];
        let sent = match self.register.drills.strike(&target.provider.name, models) {
            None => self.client.send(&target.provider, message, self.deadline).await,
            Some(fault) => {
                self.trail.drilled(step);
                // In a place of its own: hardly any attempt needs it.
                Box::pin(self.client.send_drilled(fault, &target.provider, message, self.deadline)).await
            }
        };
        let reply = match sent {
            Ok(reply) => reply,
            Err(trouble) => {
                // When the caller's own body broke off, that is what it is told.
                if let Some(theirs) = self.upload.as_ref().and_then(|upload| upload.take_failure()) {
                    return Tried::Ours(theirs);
                }
                pass.ends(lesson_of(&trouble));
                if is_before_sending(&trouble) {
                    pass.taken.unsent();
                }
                return Tried::Failed(class_of(&trouble), trouble.into_error(&target.provider.name));
            }
        };
        if reply.status == StatusCode::SWITCHING_PROTOCOLS {
            pass.ends(Lesson::Works);
            return Tried::Switched(Box::new(reply), std::mem::take(&mut pass.taken));
        }
        if stored && reply.status != StatusCode::TOO_MANY_REQUESTS {
            quota::heed(target, key, &reply.head);
        }
        let refused = (!reply.status.is_success()).then(|| (reply.status, reply.head.clone()));
        let received =
            Received { reply, deadline: self.deadline, hide_usage: asked_usage, heartbeat: self.heartbeat };
        let (mut answer, counted) = match received.into_answer(&self.call, target).await {
            Ok(read) => read,
            Err(error) => {
                pass.ends(Lesson::Fails);
                let class = class_of_kind(error.kind);
                let Some((status, head)) = refused.filter(|_| stored) else {
                    return Tried::Failed(class, error);
                };
                // Whatever its body is, a refused key is one.
                let fault = target.provider.vendor.read_fault(status, &head, &[], SystemTime::now());
                return match fault.class {
                    FaultClass::Auth | FaultClass::Billing => {
                        Tried::Failed(fault.class, key_refused(&target.provider.name, fault.class))
                    }
                    _ => Tried::Failed(class, error),
                };
            }
        };
        if let Some((_, head)) = refused {
            let body = match &answer.body {
                AnswerBody::Whole(body) => body.clone(),
                _ => Bytes::new(),
            };
            let status = answer.status;
            let fault = target.provider.vendor.read_fault(status, &head, &body, SystemTime::now());
            return refuse((target, key), stored, pass, fault, answer);
        }
        if let AnswerBody::Flowing(flowing) = &mut answer.body {
            if flowing.events && self.world.routing.rescue.late_commit {
                match begin(flowing).await {
                    Begun::Content => {}
                    Begun::Error(data) => {
                        let vendor = target.provider.vendor;
                        let fault = vendor.read_fault(answer.status, &answer.head, &data, SystemTime::now());
                        // It is passed on as it came, if nobody does better.
                        return refuse((target, key), stored, pass, fault, answer);
                    }
                    Begun::Broken(class, trouble) => {
                        pass.ends(Lesson::Fails);
                        return Tried::Failed(class, trouble.into_error(&target.provider.name));
                    }
                }
            }
            pass.lane().pace.began(self.size, began.elapsed());
            // Until it breaks.
            pass.ends(Lesson::Works);
            flowing.pass = Some(pass);
        } else {
            pass.lane().pace.began(self.size, began.elapsed());
            pass.ends(Lesson::Works);
            if let Some(counted) = counted {
                pass.taken.settle(counted.input.saturating_add(counted.output));
            }
        }
        Tried::Answered(Box::new(answer), counted)
    }
}

/// It said no: what that teaches of the target depends on whose credential it was.
fn refuse(
    (target, key): (&Target, Option<&Key>),
    stored: bool,
    mut pass: Pass,
    mut fault: UpstreamFault,
    answer: Answer,
) -> Tried {
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

fn concerns_account(class: FaultClass) -> bool {
    matches!(class, FaultClass::Auth | FaultClass::Billing | FaultClass::Limited | FaultClass::ModelAway)
}

/// Nothing of the request has left.
fn is_before_sending(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::ConnectTimeout) || class_of(trouble) == FaultClass::TransportBeforeSend
}

fn class_of(trouble: &Trouble) -> FaultClass {
    match trouble {
        Trouble::Unreachable(_) | Trouble::Denied(_) | Trouble::Proxy(_) | Trouble::Tls(_) => {
            FaultClass::TransportBeforeSend
        }
        Trouble::ConnectTimeout | Trouble::FirstByteTimeout | Trouble::TotalTimeout => {
            FaultClass::HeadersLate
        }
        Trouble::GapTimeout => FaultClass::StreamStall,
        Trouble::Protocol(_) => FaultClass::StreamMalformed,
        Trouble::Cut(_) => FaultClass::TransportAfterSend,
    }
}

fn lesson_of(trouble: &Trouble) -> Lesson {
    match trouble {
        Trouble::Unreachable(_) | Trouble::ConnectTimeout | Trouble::FirstByteTimeout => Lesson::Nobody,
        _ => Lesson::Fails,
    }
}

/// The class of what went wrong behind an answer's head.
fn class_of_kind(kind: Kind) -> FaultClass {
    match kind {
        Kind::UpstreamTimeout => FaultClass::StreamStall,
        Kind::UpstreamInterrupted => FaultClass::StreamCut,
        _ => FaultClass::StreamMalformed,
    }
}
