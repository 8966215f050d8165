//! What is done when a stream breaks after its caller has had some of it (features.md 3.6): go on elsewhere from where it broke, or
//! begin anew elsewhere and keep back what the caller already has. Only where that is an answer, and nothing else, so far: of a
//! tool call, of thinking, of several answers at once nobody can go on in the middle.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use protocol::envelope;
use protocol::frame::said::{self, Heard, Joiner, Said};
use protocol::operation::Operation;
use protocol::usage::Usage;
use protocol::verdict::{Capability, FaultClass};
use tokio::time::Instant;

use super::super::answer::{AnswerBody, Flowing, Rescue, Resumed, Resuming};
use super::super::received::withhold_secrets;
use super::ask::Asking;
use super::course::Course;
use super::tried::Tried;
use crate::account::{DIVERGED, Step};
use crate::intake::Payload;
use crate::route::Target;

/// Bytes: what is shorter is begun anew.
const SHORT: usize = 8;
/// What came in this time is made small, so that a slow stream keeps little; a fast one has better things to do.
const SLOW: Duration = Duration::from_secs(5);
/// So often for one answer.
const OFTEN: usize = 3;

/// A stream that can be gone on with.
struct Lifeline {
    course: Box<Course>,
    /// Who is answering.
    target: Target,
    step: Step,
    /// What its caller has had.
    heard: Heard,
    /// When that was last made small.
    condensed: Instant,
    /// Who broke this answer, in turn.
    broke: Vec<Target>,
}

/// For a stream that begins now, if it is one that can be gone on with.
pub(super) fn of(
    mut course: Box<Course>,
    flowing: &Flowing,
    (step, target): (Step, Target),
) -> Option<Box<dyn Rescue>> {
    let switches = course.world.routing.rescue;
    let on = switches.continuation || switches.restart;
    let text = matches!(
        course.call.row.operation,
        Operation::Chat | Operation::Completions | Operation::Messages | Operation::Responses
    );
    let able =
        on && text && flowing.events && flowing.says_end && matches!(course.body(), Some(Payload::Whole(_)));
    let heard = Heard::new(course.call.row.operation, course.call.dialect);
    if able {
        course.settles();
    }
    let condensed = Instant::now();
    able.then(|| {
        Box::new(Lifeline { course, target, step, heard, condensed, broke: Vec::new() }) as Box<dyn Rescue>
    })
}

impl Rescue for Lifeline {
    fn sends(&mut self, events: &[u8], now: Instant) {
        self.heard.add(events);
        // A fast stream is over by then, or has so many bytes that they are made small anyway.
        if now.saturating_duration_since(self.condensed) > SLOW {
            self.condensed = now;
            self.heard.condense();
        }
    }

    fn is_single(&self) -> bool {
        self.course.call.envelope.as_ref().is_none_or(|envelope| envelope.answers.unwrap_or(1) == 1)
    }

    fn may(&self) -> bool {
        self.said().is_some()
    }

    fn means(&self, status: StatusCode, event: &[u8]) -> FaultClass {
        let data = said::failure(event).unwrap_or_default();
        let vendor = self.target.provider.vendor;
        vendor.read_fault(status, &HeaderMap::new(), &data, SystemTime::now()).class
    }

    fn repeats_secrets(&self, event: &[u8]) -> bool {
        withhold_secrets(event, self.target.whose()).is_err()
    }

    fn gap(&self) -> Option<Duration> {
        // Only where it can be gone on with from here: anew, another model seldom says the same, and this one may yet go on.
        let said = self.said()?;
        let could = |other: &&Target| {
            !other.is(&self.target)
                && other.shut_for().is_none()
                && self.body_for(other, How::Continuation, &said).is_some()
        };
        self.places().find(could).map(|_| self.target.provider.timeouts.gap)
    }

    fn diverges(&mut self) {
        self.course.trail.ends(self.step, DIVERGED, None);
    }

    fn resume(self: Box<Self>, class: FaultClass, counted: Option<Usage>) -> Resuming {
        Box::pin(self.go_on(class, counted))
    }
}

impl Lifeline {
    /// What the caller has had, if it can be gone on with.
    fn said(&self) -> Option<Said> {
        if self.broke.len() >= OFTEN {
            return None;
        }
        let said = self.heard.said();
        (said.plain && !said.finished).then_some(said)
    }

    /// Everybody who could go on.
    fn places(&self) -> impl Iterator<Item = &Target> {
        let plan = &self.course.plan;
        std::iter::once(&plan.first).chain(&plan.others)
    }

    async fn go_on(mut self: Box<Self>, class: FaultClass, counted: Option<Usage>) -> Option<Resumed> {
        let said = self.said()?;
        let course = &self.course;
        course.trail.ends(self.step, class.word(), None);
        let estimated = counted.is_none();
        let counted = counted.unwrap_or_else(|| estimate(course.size, &said));
        course.trail.counted(self.step, counted, estimated);
        let broken = self.target.clone();
        let mut places: Vec<Target> = self.places().filter(|other| !other.is(&broken)).cloned().collect();
        // Who has broken this answer already is asked behind those who have not, or two would hand it to and fro.
        places.sort_by_key(|place| self.broke.iter().any(|earlier| earlier.is(place)));
        if class != FaultClass::StreamStall && course.world.routing.retries > 0 {
            places.push(broken.clone());
        }
        self.broke.push(broken);
        for target in places {
            for how in [How::Continuation, How::Restart] {
                if Instant::now() >= self.course.deadline {
                    return None;
                }
                // The same place once more is a retry like any other.
                if target.is(&self.target) && !self.course.budget.take(self.course.world.routing.retry_budget)
                {
                    continue;
                }
                if let Some((flowing, step)) = self.try_at(&target, how, &said).await {
                    return self.resumed(flowing, (target, step), how, &said);
                }
            }
        }
        None
    }

    fn resumed(
        mut self: Box<Self>,
        mut flowing: Box<Flowing>,
        (target, step): (Target, Step),
        how: How,
        said: &Said,
    ) -> Option<Resumed> {
        let call = &self.course.call;
        let joiner = match how {
            How::Continuation => Joiner::continuing(call.row.operation, call.dialect, said),
            How::Restart => Joiner::verifying(call.row.operation, call.dialect, said),
        }?;
        self.course.trail.answers(step);
        let (id, from, to) =
            (self.course.call.id.as_str(), self.target.provider.name.as_str(), target.provider.name.as_str());
        tracing::warn!(id, from, to, how = how.word(), "a stream that broke goes on");
        (self.target, self.step) = (target, step);
        flowing.rescue = Some(self);
        Some(Resumed { flowing, joiner })
    }

    /// What would be asked for at one place; `None`: it may not, or cannot, be asked for in this way.
    fn body_for(&self, target: &Target, how: How, said: &Said) -> Option<Bytes> {
        let switches = self.course.world.routing.rescue;
        let Some(Payload::Whole(asked)) = self.course.body() else { return None };
        let call = &self.course.call;
        match how {
            // Of a word or two nobody can tell whether it was gone on with or said again.
            How::Continuation if said.text.len() < SHORT => None,
            How::Continuation if !switches.continuation || target.lane.lacks(Capability::Prefill) => None,
            How::Continuation => {
                let prefill = target.vendor().prefill();
                said::continued_by(prefill, (call.dialect, call.row.operation), &asked, said)
            }
            How::Restart => Some(asked).filter(|_| switches.restart),
        }
    }

    /// One attempt to go on at one place.
    async fn try_at(&mut self, target: &Target, how: How, said: &Said) -> Option<(Box<Flowing>, Step)> {
        let body = self.body_for(target, how, said)?;
        let mut pass = self.course.enter(target, false).ok()?;
        let key = self.course.pick_one(target, &mut pass)?;
        // Its places are those of this body.
        self.course.call.envelope = envelope::read(&body).ok();
        let course = &self.course;
        let step = course.trail.begins(target, Some(how.word()));
        let asking = Asking { target, key: key.as_ref(), body: Payload::Whole(body), pass };
        match course.ask(asking, step).await {
            Tried::Answered(answer, counted) => match answer.body {
                AnswerBody::Flowing(flowing) if flowing.events => return Some((flowing, step)),
                _ => {
                    course.trail.ends(step, FaultClass::StreamMalformed.word(), None);
                    if let Some(counted) = counted {
                        course.trail.counted(step, counted, false);
                    }
                }
            },
            Tried::Refused(fault, answer) => {
                course.trail.ends(step, fault.class.word(), Some(answer.status.as_u16()));
            }
            tried => course.trail.ends(step, tried.word(), None),
        }
        None
    }
}

/// How a stream is gone on with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// What was said goes along as the beginning of the answer.
    Continuation,
    /// The same request again; what the caller already has is kept back while it is the same.
    Restart,
}

impl How {
    fn word(self) -> &'static str {
        match self {
            Self::Continuation => "continuation",
            Self::Restart => "restart",
        }
    }
}

/// What a stream that broke will have cost: nobody counted it, so a token is taken for four bytes.
fn estimate(size: u64, said: &Said) -> Usage {
    let tokens = |bytes: u64| bytes.div_ceil(4);
    Usage { input: tokens(size), output: tokens(said.text.len() as u64), ..Usage::default() }
}
