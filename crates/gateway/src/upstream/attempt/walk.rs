//! The order of attempts: the same target again where that may help, its other keys, a second one beside it when it is late, then the
//! next one.

use std::time::{Duration, Instant as Clock};

use protocol::usage::Usage;
use protocol::verdict::{Capability, FaultClass};
use tokio::time::Instant;

use super::super::answer::{Answer, AnswerBody};
use super::super::client::Reply;
use super::super::passage::mentions_schema;
use super::super::realtime;
use super::ask::Asking;
use super::course::Course;
use super::race::Raced;
use super::rescue;
use super::spent::Spent;
use super::tried::Tried;
use crate::account::Step;
use crate::error::ApiError;
use crate::intake::Payload;
use crate::route::Target;
use crate::standing::{Pass, Picked, Reservation};

/// What came of all of it.
enum Reached {
    Answer(Box<Good>),
    Switched(Box<Reply>, Reservation),
    Refusal(Box<Answer>),
}

/// An answer, and what it counts if that is known already.
struct Good {
    answer: Answer,
    counted: Option<Usage>,
    /// The attempt, and who answers; of one that flows, for it may have to be gone on with.
    by: Option<(Step, Target)>,
}

/// What came of one target.
enum Fate<'t> {
    Over(Result<Reached, ApiError>),
    /// Nothing.
    Next {
        class: FaultClass,
        lacks: Option<Capability>,
        beside: Option<&'t Target>,
    },
}

/// What became of a course.
pub(super) struct Run {
    /// Spent waiting: for heads, and between attempts.
    pub(super) waited: Duration,
    /// What the answer counts, where that is known before it is sent on.
    pub(super) counted: Option<Usage>,
    pub(super) answer: Result<Answer, ApiError>,
}

impl Course {
    /// Asks until somebody answers, or nobody is left.
    pub(super) async fn run(mut self: Box<Self>) -> Run {
        let began = Clock::now();
        let ended = self.walk().await;
        let waited = began.elapsed();
        let (answer, counted) = match ended {
            Ok(Reached::Answer(good)) => {
                let Good { mut answer, counted, by } = *good;
                if let (AnswerBody::Flowing(flowing), Some(by)) = (&mut answer.body, by) {
                    flowing.rescue = rescue::of(self, flowing, by);
                }
                (Ok(answer), counted)
            }
            Ok(Reached::Switched(reply, taken)) => (realtime::agreed(*reply, &mut self.call, taken), None),
            Ok(Reached::Refusal(answer)) => (Ok(*answer), None),
            Err(error) => (Err(error), None),
        };
        Run { waited, counted, answer }
    }

    async fn walk(&self) -> Result<Reached, ApiError> {
        let mut spent = Spent::default();
        let mut queue: Vec<&Target> = std::iter::once(&self.plan.first).chain(&self.plan.others).collect();
        let mut at = 0;
        let mut ended = false;
        while let Some(target) = queue.get(at).copied() {
            at += 1;
            let rest = queue.get(at..).unwrap_or_default();
            if !rest.is_empty() && target.lane.lacks(Capability::Prefill) && self.is_prefilled() {
                continue;
            }
            match self.enter_in_turn(target, rest, &spent.turn) {
                Ok(pass) => match self.try_target(target, pass, rest, &mut spent).await {
                    Fate::Over(reached) => return reached,
                    Fate::Next { class, lacks, beside } => {
                        // Whoever was asked beside it is not asked again.
                        queue.retain(|other| beside.is_none_or(|beside| !other.is(beside)));
                        ended |= !self.narrow(&mut queue, at, (class, lacks));
                        well_first(queue.get_mut(at..).unwrap_or_default(), target);
                        if let Some(next) = queue.get(at) {
                            let (id, why) = (self.call.id.as_str(), class.word());
                            let (from, to) = (target.provider.name.as_str(), next.provider.name.as_str());
                            tracing::info!(id, from, to, why, "another place is asked");
                        }
                    }
                },
                Err(out) => spent.out(target, out),
            }
            // Whoever is at a limit is waited for, where nobody else answers.
            let resting = spent.resting().filter(|_| at >= queue.len() && !ended && self.has_body());
            if let Some((counter, wait)) = resting
                && spent.turn.comes(self, counter, wait).await
            {
                queue.retain(|target| spent.forget_out(target));
                at = 0;
            }
            if Instant::now() >= self.deadline {
                break;
            }
        }
        spent.told(self.call.model.as_deref()).map(|answer| Reached::Refusal(Box::new(answer)))
    }

    /// All that is worth trying at one target.
    async fn try_target<'t>(
        &self,
        target: &Target,
        pass: Pass,
        rest: &[&'t Target],
        spent: &mut Spent,
    ) -> Fate<'t> {
        let mut pass = pass;
        let mut attempts = 0;
        let mut keys = Vec::new();
        let shaped = |body: Option<Payload>| body.as_ref().is_some_and(mentions_schema);
        let formless = target.lane.lacks(Capability::Form);
        loop {
            // Nothing was sent.
            let next = || Fate::Next { class: FaultClass::TransportBeforeSend, lacks: None, beside: None };
            let (key, taken) = match self.pick(target, &keys) {
                Picked::Own(taken) => (None, taken),
                Picked::Key(key, taken) => (Some(key), taken),
                Picked::Exhausted(out) => {
                    spent.keys_out(target, out);
                    return next();
                }
            };
            pass.taken = taken;
            spent.turn.pass_on();
            // A body that flowed has flowed: nobody else can be asked.
            let Some(body) = self.body() else {
                pass.taken.unsent();
                return next();
            };
            let asking = Asking { target, key: key.as_ref(), body, pass };
            let Raced { tried, step, beside } = self.race(asking, rest, spent).await;
            // Where somebody else was asked beside, it may be from there.
            let by = beside.filter(|(_, is_it)| *is_it).map_or(target, |(other, _)| other);
            let (class, wait, lacks) = match tried {
                Tried::Answered(answer, counted) => {
                    self.trail.answers(step);
                    let flows = matches!(answer.body, AnswerBody::Flowing(_));
                    let by = flows.then(|| (step, by.clone()));
                    let good = Good { answer: *answer, counted, by };
                    return Fate::Over(Ok(Reached::Answer(Box::new(good))));
                }
                Tried::Switched(reply, taken) => {
                    self.trail.answers(step);
                    return Fate::Over(Ok(Reached::Switched(reply, taken)));
                }
                Tried::Ours(error) => return Fate::Over(Err(error)),
                Tried::Refused(fault, answer) => {
                    self.trail.ends(step, fault.class.word(), Some(answer.status.as_u16()));
                    spent.refused(by, fault, answer);
                    (fault.class, fault.wait, fault.lacks)
                }
                Tried::Failed(class, error) => {
                    self.trail.ends(step, class.word(), None);
                    spent.failed(by, error);
                    (class, None, None)
                }
            };
            let over = Fate::Next { class, lacks, beside: beside.map(|(other, _)| other) };
            if beside.is_some() {
                return over;
            }
            let rotates = key.is_some() && class.consequence().next_key;
            let another = key.filter(|_| class.consequence().next_key);
            let wait = match another {
                // With another key at once; there are only so many.
                Some(key) => {
                    keys.push(key.place);
                    Some(Duration::ZERO)
                }
                // It has said just now that it knows no form: a tool stands for one from here on.
                None if lacks == Some(Capability::Form)
                    && !formless
                    && attempts == 0
                    && shaped(self.body()) =>
                {
                    Some(Duration::ZERO)
                }
                None => {
                    let elsewhere = rest.iter().any(|other| other.shut_for().is_none());
                    self.wait_for(target, class, wait, (attempts, elsewhere))
                }
            };
            let Some(wait) = wait else { return over };
            attempts += u32::from(!rotates);
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            pass = match self.enter_again(target, rest).await {
                Some(pass) => pass,
                None if rotates => self.enter_anyway(target),
                None => return over,
            };
        }
    }
}

/// Who was failed once is not to be failed again: of the next places with the same model, those come first that have failed nobody of
/// late. So one call finds out about one place at most.
fn well_first(next: &mut [&Target], failed: &Target) {
    let same = next.iter().take_while(|other| other.model == failed.model).count();
    if let Some(same) = next.get_mut(..same) {
        // Each is looked at once: what changes meanwhile would put them in no order at all.
        same.sort_by_cached_key(|other| other.failed_lately());
    }
}
