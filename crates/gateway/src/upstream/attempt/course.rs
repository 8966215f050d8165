//! The order of attempts: the same target again where that may help, its other keys, a second one beside it when it is late, then the
//! next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use config::Snapshot;
use protocol::frame::said;
use protocol::usage::Usage;
use protocol::verdict::{Capability, FaultClass};
use tokio::time::Instant;

use super::super::answer::{Answer, AnswerBody};
use super::super::client::{Client, Reply};
use super::super::realtime;
use super::Run;
use super::again::jittered;
use super::ask::{Asking, Tried};
use super::patience::Budget;
use super::race::Raced;
use super::rescue::Rescue;
use super::spent::Spent;
use crate::Gateway;
use crate::account::{Step, Trail};
use crate::error::ApiError;
use crate::intake::{Call, Payload, Upload};
use crate::route::{Plan, Target};
use crate::standing::{Out, Pass, Picked, Register};

/// Where nobody else can answer, somebody finds out this soon whether a target that failed is back (F-17); one beside us, where
/// asking costs nothing, sooner.
const EARLY: Duration = Duration::from_secs(5);
const EARLY_HERE: Duration = Duration::from_secs(1);
/// So short a rest is waited for between two attempts.
const MOMENT: Duration = Duration::from_secs(1);

/// A call on its way to an answer.
pub(crate) struct Course {
    pub(super) client: Client,
    pub(super) world: Arc<Snapshot>,
    pub(super) plan: Plan,
    /// Without its body.
    pub(super) call: Call,
    body: Mutex<Option<Payload>>,
    pub(super) trail: Trail,
    pub(super) register: Arc<Register>,
    pub(super) budget: Arc<Budget>,
    pub(super) upload: Option<Upload>,
    /// When everything must be over.
    pub(super) deadline: Instant,
    pub(super) heartbeat: Option<Duration>,
    /// Of the request, bytes.
    pub(super) size: u64,
}

/// What came of all of it.
enum Reached {
    Answer(Box<Good>),
    Switched(Box<Reply>),
    Refusal(Box<Answer>),
}

/// An answer, and what it counts if that is known already.
struct Good {
    answer: Answer,
    counted: Option<Usage>,
    /// The try, and who answers.
    by: (Step, Target),
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

impl Course {
    pub(super) fn new(
        gateway: &Gateway,
        world: Arc<Snapshot>,
        plan: Plan,
        mut call: Call,
        trail: Trail,
    ) -> Self {
        let upload = match &call.body {
            Payload::Flowing(body) => Some(body.notes()),
            Payload::Empty | Payload::Whole(_) => None,
        };
        let size = match &call.body {
            Payload::Whole(body) => body.len() as u64,
            Payload::Empty | Payload::Flowing(_) => 0,
        };
        gateway.budget.call();
        let body = std::mem::replace(&mut call.body, Payload::Empty);
        Self {
            client: gateway.client.share(),
            register: gateway.register.clone(),
            budget: gateway.budget.clone(),
            upload,
            deadline: Instant::now() + plan.first.provider.timeouts.total,
            heartbeat: world.server.heartbeat,
            size,
            world,
            plan,
            call,
            body: Mutex::new(Some(body)),
            trail,
        }
    }

    /// Asks until somebody answers, or nobody is left.
    pub(super) async fn run(mut self) -> Run {
        let began = Clock::now();
        let ended = self.walk().await;
        let waited = began.elapsed();
        let (answer, counted) = match ended {
            Ok(Reached::Answer(good)) => {
                let Good { mut answer, counted, by } = *good;
                if let AnswerBody::Flowing(flowing) = &mut answer.body {
                    flowing.rescue = Rescue::of(self, flowing, by);
                }
                (Ok(answer), counted)
            }
            Ok(Reached::Switched(reply)) => (realtime::agreed(*reply, &mut self.call), None),
            Ok(Reached::Refusal(answer)) => (Ok(*answer), None),
            Err(error) => (Err(error), None),
        };
        Run { waited, counted, answer }
    }

    async fn walk(&self) -> Result<Reached, ApiError> {
        let mut spent = Spent::default();
        let mut queue: Vec<&Target> = std::iter::once(&self.plan.first).chain(&self.plan.others).collect();
        let mut at = 0;
        let mut waited = false;
        while let Some(target) = queue.get(at).copied() {
            at += 1;
            let rest = queue.get(at..).unwrap_or_default();
            if !rest.is_empty() && target.lane.lacks(Capability::Prefill) && self.is_prefilled() {
                continue;
            }
            match self.enter(target, rest.iter().all(|other| other.shut_for().is_some())) {
                Ok(pass) => match self.try_target(target, pass, rest, &mut spent).await {
                    Fate::Over(reached) => return reached,
                    Fate::Next { class, lacks, beside } => {
                        // Whoever was asked beside it is not asked again.
                        queue.retain(|other| beside.is_none_or(|beside| !other.is(beside)));
                        self.narrow(&mut queue, at, (class, lacks));
                    }
                },
                Err(out) => spent.out(target, out),
            }
            // Whoever asked for a moment's rest is waited for, where nobody else answers.
            let resting = spent.resting().filter(|_| at >= queue.len() && !waited);
            if let Some(wait) = resting.filter(|wait| self.is_worth(*wait, target)) {
                tokio::time::sleep(jittered(wait)).await;
                queue.retain(|target| spent.forget_out(target));
                (at, waited) = (0, true);
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
        loop {
            let next = Fate::Next { class: FaultClass::Server, lacks: None, beside: None };
            let key = match self.register.keys.pick(&target.provider, &keys) {
                Picked::Own => None,
                Picked::Key(key) => Some(key),
                Picked::Exhausted(out) => {
                    spent.keys_out(target, out);
                    return next;
                }
            };
            // A body that flowed has flowed: nobody else can be asked.
            let Some(body) = self.body() else { return next };
            let asking = Asking { target, key: key.as_ref(), body, pass };
            let Raced { tried, step, beside } = self.race(asking, rest, spent).await;
            let (class, wait, lacks) = match tried {
                Tried::Answered(answer, counted) => {
                    self.trail.answers(step);
                    let by = beside.filter(|(_, by_it)| *by_it).map_or(target, |(other, _)| other).clone();
                    let good = Good { answer: *answer, counted, by: (step, by) };
                    return Fate::Over(Ok(Reached::Answer(Box::new(good))));
                }
                Tried::Switched(reply) => {
                    self.trail.answers(step);
                    return Fate::Over(Ok(Reached::Switched(reply)));
                }
                Tried::Ours(error) => return Fate::Over(Err(error)),
                Tried::Refused(fault, answer) => {
                    self.trail.ends(step, fault.class.word(), Some(answer.status.as_u16()));
                    if let Some(key) = &key {
                        key.learn(&fault);
                    }
                    if let Some(lacks) = fault.lacks {
                        target.lane.learn_lack(lacks);
                    }
                    spent.refused(target, fault, answer);
                    (fault.class, fault.wait, fault.lacks)
                }
                Tried::Failed(class, error) => {
                    self.trail.ends(step, class.word(), None);
                    spent.failed(target, class, error);
                    (class, None, None)
                }
            };
            let over = Fate::Next { class, lacks, beside: beside.map(|(other, _)| other) };
            if beside.is_some() {
                return over;
            }
            let another = key.filter(|_| class.consequence().next_key);
            let wait = match another {
                // With another key at once; there are only so many.
                Some(key) => {
                    keys.push(key.place);
                    Some(Duration::ZERO)
                }
                None => self.wait_for(target, class, wait, attempts),
            };
            let Some(wait) = wait else { return over };
            attempts += u32::from(keys.is_empty());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            pass = match self.enter_again(target, rest).await {
                Some(pass) => pass,
                None if !keys.is_empty() => self.enter_anyway(target),
                None => return over,
            };
        }
    }

    /// Leave to ask a target. `alone`: nobody else could answer.
    pub(super) fn enter(&self, target: &Target, alone: bool) -> Result<Pass, Out> {
        if target.forced {
            return Ok(self.enter_anyway(target));
        }
        let early = if target.provider.local { EARLY_HERE } else { EARLY };
        target.lane.enter(&target.provider.breaker, alone.then_some(early))
    }

    /// The same for one that was asked a moment ago: a short rest it asked for is waited for.
    async fn enter_again(&self, target: &Target, rest: &[&Target]) -> Option<Pass> {
        let alone = || rest.iter().all(|other| other.shut_for().is_some());
        match self.enter(target, alone()) {
            Ok(pass) => Some(pass),
            Err(out) if out.rests && out.left <= MOMENT => {
                tokio::time::sleep(out.left).await;
                self.enter(target, alone()).ok()
            }
            Err(_) => None,
        }
    }

    fn enter_anyway(&self, target: &Target) -> Pass {
        target.lane.enter_anyway(&target.provider.breaker)
    }

    /// The body for another try; `None`: it flowed in an earlier one.
    pub(super) fn body(&self) -> Option<Payload> {
        let mut held = self.held();
        match held.as_ref()? {
            Payload::Empty => Some(Payload::Empty),
            Payload::Whole(bytes) => Some(Payload::Whole(bytes.clone())),
            Payload::Flowing(_) => held.take(),
        }
    }

    /// Its last message is the beginning of an answer.
    fn is_prefilled(&self) -> bool {
        match self.held().as_ref() {
            Some(Payload::Whole(body)) => said::is_prefilled(body),
            _ => false,
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Payload>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_flowed(&self) -> bool {
        self.upload.is_some()
    }
}
