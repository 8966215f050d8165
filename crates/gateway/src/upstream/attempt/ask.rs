//! One attempt: compose, send, read, judge.

use bytes::Bytes;
use config::snapshot::Credential;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use protocol::codec::Exchange;
use protocol::verdict::FaultClass;
use tokio::time::Instant;

use super::super::answer::{Answer, AnswerBody};
use super::super::coding::{Coding, in_the_clear};
use super::super::compose::Shown;
use super::super::passage::{Translated, translated};
use super::super::received::{Received, withhold_secrets};
use super::super::trouble::Trouble;
use super::begin::{Begun, begin};
use super::course::Course;
use super::quota;
use super::refusal::{Refusing, lesson_behind, unreadable};
use super::send::{Sending, Unsent};
use super::tried::Tried;
use crate::account::Step;
use crate::intake::Payload;
use crate::route::Target;
use crate::shelf::Scribe;
use crate::standing::{Key, Lesson, Pass};

/// What is asked for in an attempt.
pub(super) struct Asking<'a> {
    pub(super) target: &'a Target,
    /// One of the provider's keys; `None`: the credential it has.
    pub(super) key: Option<&'a Key>,
    pub(super) body: Payload,
    pub(super) pass: Pass,
}

impl Course {
    /// One attempt at one target, which is this step of the trail.
    pub(super) async fn ask(&self, asking: Asking<'_>, step: Step) -> Tried {
        let Asking { target, key, body, mut pass } = asking;
        let asked = match &body {
            Payload::Whole(body) => body.clone(),
            Payload::Empty | Payload::Flowing(_) => Bytes::new(),
        };
        let secret = key.map(|key| &key.secret);
        // Without any credential a refusal is not the caller's affair either.
        let stored = secret.is_some() || !matches!(target.provider.credential, Credential::Passthrough);
        let translated = match translated(&self.call, &body, target) {
            Ok(translated) => translated,
            // Somebody else may speak its language, or can be asked for it.
            Err(error) => {
                pass.taken.unsent();
                return Tried::Failed(FaultClass::Capability, error);
            }
        };
        let began = Instant::now();
        let sending = Sending { target, body, translated: translated.as_deref(), step };
        let sent = match (&target.purse, secret) {
            // In a place of its own, as hardly any attempt needs it.
            (Some(purse), None) => Box::pin(self.send_with_grant(sending, purse)).await,
            (_, Some(key)) => self.send(sending, Shown::Key(key)).await,
            (None, None) => self.send(sending, Shown::Own).await,
        };
        let (reply, asked_usage) = match sent {
            Ok(sent) => sent,
            Err(Unsent::Ours(error)) => {
                pass.taken.unsent();
                return Tried::Ours(error);
            }
            Err(Unsent::Ungranted(error)) => {
                pass.ends(Lesson::Fails);
                pass.taken.unsent();
                return Tried::Failed(FaultClass::Auth, error);
            }
            Err(Unsent::Trouble(trouble)) => {
                // When the caller's own body broke off, that is what it is told.
                if let Some(theirs) = self.upload.as_ref().and_then(|upload| upload.take_failure()) {
                    return Tried::Ours(theirs);
                }
                pass.ends(if self.is_sent() { lesson_of(&trouble) } else { Lesson::Nothing });
                if is_before_sending(&trouble) {
                    pass.taken.unsent();
                }
                return Tried::Failed(class_of(&trouble), trouble.into_error(&target.provider.name));
            }
        };
        if reply.status == StatusCode::SWITCHING_PROTOCOLS {
            pass.ends(Lesson::Works);
            return Tried::Switched(reply, std::mem::take(&mut pass.taken));
        }
        if stored && reply.status != StatusCode::TOO_MANY_REQUESTS {
            quota::heed(target, key, &reply.head);
        }
        let asking = Refusing { target, key, stored, asked: asked.clone() };
        let refused = (!reply.status.is_success()).then(|| (reply.status, reply.head.clone()));
        let keeping = self.call.keeping.as_deref();
        let keeping = keeping.filter(|keeping| translated.is_some() || keeping.is_remembered());
        let exchange = translated.as_ref().map(|translated| &translated.exchange);
        let received = Received {
            reply,
            deadline: self.deadline,
            hide_usage: asked_usage,
            heartbeat: self.heartbeat,
            exchange,
        };
        let (mut answer, counted) = match received.into_answer(&self.call, target).await {
            Ok(read) => read,
            Err(withheld) => return unreadable(asking, pass, refused, withheld),
        };
        if let Some((_, head)) = refused {
            let body = match &answer.body {
                AnswerBody::Whole(body) => in_the_clear(Coding::of(&head), body).unwrap_or_default(),
                _ => Bytes::new(),
            };
            if let Some(exchange) = exchange {
                answer = said_in(exchange, answer, &body);
            }
            return self.refused(asking, pass, (&head, &body), answer);
        }
        if let (Some(keeping), AnswerBody::Whole(body)) = (keeping, &answer.body)
            && let Ok(response) = serde_json::from_slice(body)
        {
            keeping.keeps(&asked, response);
        }
        if let AnswerBody::Flowing(flowing) = &mut answer.body {
            flowing.scribe = keeping.map(|keeping| Box::new(Scribe::new(keeping, &asked)));
            if flowing.begins() && self.world.routing.rescue.late_commit {
                match begin(flowing).await {
                    Begun::Content => {}
                    Begun::Error(data) => {
                        if let Err(error) = withhold_secrets(&data, target.whose()) {
                            return unreadable(asking, pass, None, error.into());
                        }
                        // It is passed on as it came, if nobody does better.
                        flowing.fails = true;
                        let head = answer.head.clone();
                        return self.refused(asking, pass, (&head, &data), answer);
                    }
                    Begun::Broken(class, trouble) => {
                        pass.ends(lesson_behind(class));
                        return Tried::Failed(class, trouble.into_error(&target.provider.name));
                    }
                }
            }
            pass.lane().pace.began(self.size, began.elapsed());
            // Told now: a stream may flow for long. It may break yet.
            pass.begins();
            flowing.pass = Some(pass);
        } else {
            pass.lane().pace.began(self.size, began.elapsed());
            pass.ends(Lesson::Works);
            if let Some(counted) = counted {
                pass.taken.settle(counted.input.saturating_add(counted.output));
            }
        }
        if let Some(translated) = &translated {
            translated.tell(&mut answer.head);
        }
        if let Some(read) = exchange.zip(counted).and_then(|(exchange, counted)| exchange.cut(counted)) {
            Translated::tell_cut(read, &mut answer.head);
            self.trail.cut(Some(step));
            target.lane.cut(read);
        }
        Tried::Answered(Box::new(answer), counted)
    }
}

/// A refusal in its caller's words.
fn said_in(exchange: &Exchange, answer: Answer, body: &[u8]) -> Answer {
    let mut head = answer.head;
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    head.remove(CONTENT_ENCODING);
    if let Some((name, value)) = exchange.refusal_header(answer.status) {
        head.insert(name, HeaderValue::from_static(value));
    }
    Answer::ours(answer.status, head, exchange.refusal(answer.status, body).into())
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
        Trouble::Unfit(_) => FaultClass::AnswerUnfit,
        Trouble::Cut(_) => FaultClass::TransportAfterSend,
    }
}

fn lesson_of(trouble: &Trouble) -> Lesson {
    match trouble {
        Trouble::Unreachable(_) | Trouble::ConnectTimeout | Trouble::FirstByteTimeout => Lesson::Nobody,
        _ => Lesson::Fails,
    }
}
