//! The order of tries: the same target again where that may help, its other keys, a second one beside it when it is late, then the
//! next one.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use config::Snapshot;
use config::snapshot::{Failure, RetryOn};
use http::Method;
use protocol::usage::Usage;
use protocol::verdict::{Again, Elsewhere, FaultClass};
use tokio::time::Instant;

use super::super::answer::{Answer, AnswerBody};
use super::super::client::{Client, Reply};
use super::super::realtime;
use super::Run;
use super::ask::{Asking, Tried};
use super::patience::{Budget, back_off};
use super::rescue::Rescue;
use super::spent::Spent;
use super::turn::Turn;
use crate::Gateway;
use crate::account::{Meter, Step, Trail};
use crate::admit::Estimate;
use crate::error::ApiError;
use crate::intake::{Call, Payload, Upload};
use crate::route::{Plan, Target};
use crate::standing::{Key, Out, Pass, Picked, Register, Reservation, Want};

/// Where nobody else can answer, somebody finds out this soon whether a target that failed is back (F-17); one beside us, where
/// asking costs nothing, sooner.
const EARLY: Duration = Duration::from_secs(5);
const EARLY_HERE: Duration = Duration::from_secs(1);
/// Nobody knows how long those take who wait before one: so much is told.
const OTHERS_FIRST: Duration = Duration::from_secs(1);

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
    budget: Arc<Budget>,
    pub(super) upload: Option<Upload>,
    /// When everything must be over.
    pub(super) deadline: Instant,
    pub(super) heartbeat: Option<Duration>,
    /// Of the request, bytes.
    pub(super) size: u64,
    /// Who calls.
    pub(super) caller: String,
    /// Tokens it may come to.
    estimate: u64,
}

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
    /// The try, and who answers.
    by: (Step, Target),
}

/// What came of one target.
enum Fate<'t> {
    Over(Result<Reached, ApiError>),
    /// Nothing.
    Next {
        class: FaultClass,
        beside: Option<&'t Target>,
    },
}

/// What came of a try, and who was asked beside.
struct Raced<'t> {
    tried: Tried,
    step: Step,
    /// Who was asked beside, and whether it is the one this came from.
    beside: Option<(&'t Target, bool)>,
}

impl Course {
    pub(super) fn new(
        gateway: &Gateway,
        world: Arc<Snapshot>,
        plan: Plan,
        mut call: Call,
        meter: &Meter,
    ) -> Self {
        let estimate = Estimate::of(&call).whole();
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
            trail: meter.trail(),
            caller: meter.caller().to_owned(),
            estimate,
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
            Ok(Reached::Switched(reply, taken)) => {
                (realtime::agreed(*reply, &mut self.call, taken), None)
            }
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
            match self.enter_in_turn(target, rest, &spent.turn) {
                Ok(pass) => match self.try_target(target, pass, rest, &mut spent).await {
                    Fate::Over(reached) => return reached,
                    Fate::Next { class, beside } => {
                        // Whoever was asked beside it is not asked again.
                        queue.retain(|other| beside.is_none_or(|beside| !other.is(beside)));
                        ended |= !self.narrow(&mut queue, at, class);
                    }
                },
                Err(out) => spent.out(target, out),
            }
            // Whoever is at a limit is waited for, where nobody else answers.
            let resting = spent.resting().filter(|_| at >= queue.len() && !ended && self.held().is_some());
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
        let mut tries = 0;
        let mut keys = Vec::new();
        loop {
            // Nothing was sent.
            let next = Fate::Next { class: FaultClass::TransportBeforeSend, beside: None };
            let (key, taken) = match self.pick(target, &keys) {
                Picked::Own(taken) => (None, taken),
                Picked::Key(key, taken) => (Some(key), taken),
                Picked::Exhausted(out) => {
                    spent.keys_out(target, out);
                    return next;
                }
            };
            pass.taken = taken;
            spent.turn.pass_on();
            // A body that flowed has flowed: nobody else can be asked.
            let Some(body) = self.body() else {
                pass.taken.unsent();
                return next;
            };
            let asking = Asking { target, key: key.as_ref(), body, pass };
            let Raced { tried, step, beside } = self.race(asking, rest, spent).await;
            let (class, wait) = match tried {
                Tried::Answered(answer, counted) => {
                    self.trail.answers(step);
                    let by = beside.filter(|(_, by_it)| *by_it).map_or(target, |(other, _)| other).clone();
                    let good = Good { answer: *answer, counted, by: (step, by) };
                    return Fate::Over(Ok(Reached::Answer(Box::new(good))));
                }
                Tried::Switched(reply, taken) => {
                    self.trail.answers(step);
                    return Fate::Over(Ok(Reached::Switched(reply, taken)));
                }
                Tried::Ours(error) => return Fate::Over(Err(error)),
                Tried::Refused(fault, answer) => {
                    self.trail.ends(step, fault.class.word(), Some(answer.status.as_u16()));
                    if let Some(key) = &key {
                        key.learn(&fault);
                    }
                    spent.refused(target, fault, answer);
                    (fault.class, fault.wait)
                }
                Tried::Failed(class, error) => {
                    self.trail.ends(step, class.word(), None);
                    spent.failed(target, class, error);
                    (class, None)
                }
            };
            let over = Fate::Next { class, beside: beside.map(|(other, _)| other) };
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
                None => self.wait_for(target, class, wait, tries),
            };
            let Some(wait) = wait else { return over };
            tries += u32::from(keys.is_empty());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            pass = match self.enter(target, rest.iter().all(|other| other.shut_for().is_some())) {
                Ok(pass) => pass,
                Err(_) if !keys.is_empty() => self.enter_anyway(target),
                Err(_) => return over,
            };
        }
    }

    /// One try, and, when its first token is late, one beside it at the next target. Whoever has content first answers.
    async fn race<'t>(&self, asking: Asking<'_>, rest: &[&'t Target], spent: &mut Spent) -> Raced<'t> {
        let target = asking.target;
        let step = self.trail.begins(target, None);
        let mut first = pin!(self.ask(asking));
        let alone = |tried| Raced { tried, step, beside: None };
        let Some(patience) = self.patience(target, rest) else { return alone(first.await) };
        if let Ok(tried) = tokio::time::timeout(patience, first.as_mut()).await {
            return alone(tried);
        }
        let Some((other, mut pass)) = self.beside(rest) else { return alone(first.await) };
        let Some(body) = self.body() else { return alone(first.await) };
        let Some(key) = self.pick_one(other, &mut pass) else { return alone(first.await) };
        tracing::info!(
            id = self.call.id,
            late = target.provider.name,
            beside = other.provider.name,
            "hedged"
        );
        let second_step = self.trail.begins(other, Some("hedge"));
        let asking = Asking { target: other, key: key.as_ref(), body, pass };
        let mut second = pin!(self.ask(asking));
        let (tried, step, mut left, left_step) = tokio::select! {
            tried = first.as_mut() => (tried, step, second.as_mut() as Pin<&mut (dyn Future<Output = Tried> + Send)>, second_step),
            tried = second.as_mut() => (tried, second_step, first.as_mut() as Pin<&mut (dyn Future<Output = Tried> + Send)>, step),
        };
        if tried.is_good() {
            if step == second_step {
                target.lane.blame(&target.provider.breaker);
                self.trail.ends(left_step, FaultClass::FirstTokenLate.word(), None);
            }
            let beside = Some((other, step == second_step));
            return Raced { tried, step, beside };
        }
        // One has failed: the other is all there is.
        let failed = if step == second_step { other } else { target };
        self.trail.ends(step, tried.word(), None);
        spent.take(failed, tried);
        let tried = left.as_mut().await;
        Raced { tried, step: left_step, beside: Some((other, left_step == second_step)) }
    }

    /// How long a first token may take before somebody else is asked beside; `None`: for as long as it takes.
    fn patience(&self, target: &Target, rest: &[&Target]) -> Option<Duration> {
        let hedges = self.world.routing.rescue.hedge && self.call.streams && self.is_safe();
        let open = rest.iter().any(|other| other.shut_for().is_none());
        let late = target.lane.pace.late(self.size).unwrap_or_default();
        (hedges && open).then(|| target.provider.timeouts.first_token.max(late))
    }

    /// The next target that takes a call now, if one more may be asked at all.
    fn beside<'t>(&self, rest: &[&'t Target]) -> Option<(&'t Target, Pass)> {
        if !self.budget.take(self.world.routing.retry_budget) {
            return None;
        }
        rest.iter().find_map(|other| Some((*other, self.enter(other, false).ok()?)))
    }

    /// Leave to ask a target, when nobody who waits for it is before this call.
    fn enter_in_turn(&self, target: &Target, rest: &[&Target], turn: &Turn) -> Result<Pass, Out> {
        let queue = &self.register.queue;
        let waited_for = || queue.waited_for(&target.provider.name, target.model.as_deref());
        if !target.forced && !turn.is_ours() && let Some(whole) = waited_for() {
            return Err(Out { left: OTHERS_FIRST, rests: true, whole });
        }
        self.enter(target, rest.iter().all(|other| other.shut_for().is_some()))
    }

    /// What a try is made with, of what was not tried yet.
    fn pick(&self, target: &Target, tried: &[usize]) -> Picked {
        let (provider, lane, queue) = (&*target.provider, &*target.lane, &self.register.queue);
        self.register.keys.pick(&Want { provider, lane, tried, tokens: self.estimate, queue })
    }

    /// The same for a single try: `Some(None)` where the provider has one credential, `None` where nothing is left.
    pub(super) fn pick_one(&self, target: &Target, pass: &mut Pass) -> Option<Option<Key>> {
        let (key, taken) = match self.pick(target, &[]) {
            Picked::Own(taken) => (None, taken),
            Picked::Key(key, taken) => (Some(key), taken),
            Picked::Exhausted(_) => return None,
        };
        pass.taken = taken;
        Some(key)
    }

    /// Leave to ask a target. `alone`: nobody else could answer.
    pub(super) fn enter(&self, target: &Target, alone: bool) -> Result<Pass, Out> {
        if target.forced {
            return Ok(self.enter_anyway(target));
        }
        let early = if target.provider.local { EARLY_HERE } else { EARLY };
        target.lane.enter(&target.provider.breaker, alone.then_some(early))
    }

    fn enter_anyway(&self, target: &Target) -> Pass {
        target.lane.enter_anyway(&target.provider.breaker)
    }

    /// How long to wait before the same target is asked again; `None`: it is not.
    fn wait_for(
        &self,
        target: &Target,
        class: FaultClass,
        hint: Option<Duration>,
        tries: u32,
    ) -> Option<Duration> {
        let routing = &self.world.routing;
        let again = match &routing.retry_on {
            RetryOn::ByClass => class.consequence().again,
            RetryOn::Only(failures) if failures.iter().any(|failure| is_a(*failure, class)) => Again::BackOff,
            RetryOn::Only(_) => Again::No,
        };
        let sent = class != FaultClass::TransportBeforeSend && class != FaultClass::Limited;
        if tries >= routing.retries || (sent && !self.is_safe()) || self.has_flowed() {
            return None;
        }
        let wait = match again {
            Again::No => return None,
            Again::AtOnce | Again::Once if tries > 0 => return None,
            Again::AtOnce => Duration::ZERO,
            // Whoever broke off once is asked anew after a breath.
            Again::Once => back_off(0),
            Again::AfterHint => match hint {
                Some(hint) if hint <= target.provider.retry_after_max => jittered(hint),
                Some(_) => return None,
                None => back_off(tries),
            },
            Again::BackOff => back_off(tries),
        };
        let fits = Instant::now() + wait < self.deadline;
        (fits && self.budget.take(routing.retry_budget)).then_some(wait)
    }

    /// Leaves of those not asked yet the ones that may be asked after a failure of this kind; whether anybody may, those
    /// that are waited for, too.
    fn narrow<'t>(&'t self, queue: &mut Vec<&'t Target>, at: usize, class: FaultClass) -> bool {
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
                queue.extend(&self.plan.longer);
                queue.extend(
                    others
                        .into_iter()
                        .filter(|other| failed.is_none_or(|failed| other.model != failed.model)),
                );
            }
            Elsewhere::Able => {
                let others = queue.split_off(at.min(queue.len()));
                queue.extend(
                    others
                        .into_iter()
                        .filter(|other| failed.is_none_or(|failed| other.model != failed.model)),
                );
            }
            Elsewhere::IfWritten => {
                queue.truncate(at);
                queue.extend(&self.plan.laxer);
            }
        }
        class.consequence().elsewhere == Elsewhere::Yes
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

    fn held(&self) -> MutexGuard<'_, Option<Payload>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_flowed(&self) -> bool {
        self.upload.is_some()
    }

    /// Whether doing it twice does no more than doing it once, but for what it costs.
    pub(super) fn is_safe(&self) -> bool {
        self.call.row.usage || matches!(self.call.method, Method::GET | Method::HEAD)
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
