//! A call on its way to an answer: what it needs to ask, as often as it takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use config::Snapshot;
use http::HeaderValue;
use protocol::frame::said;
use tokio::time::Instant;

use super::super::client::Client;
use super::patience::Budget;
use crate::Gateway;
use crate::account::{Meter, Trail};
use crate::admit::Estimate;
use crate::intake::{Call, Payload, Upload};
use crate::route::{Plan, Target};
use crate::standing::{Out, Pass, Register};

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
    pub(super) call: Box<Call>,
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
    /// Who calls.
    pub(super) caller: String,
    /// Tokens it may come to.
    pub(super) estimate: u64,
}

impl Course {
    /// The way of a call that goes to the targets of a plan.
    pub(crate) fn new(
        gateway: &Gateway,
        world: Arc<Snapshot>,
        plan: Plan,
        mut call: Box<Call>,
        meter: &mut Meter,
    ) -> Box<Self> {
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
        Box::new(Self {
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
        })
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
    pub(super) async fn enter_again(&self, target: &Target, rest: &[&Target]) -> Option<Pass> {
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

    pub(super) fn enter_anyway(&self, target: &Target) -> Pass {
        target.lane.enter_anyway(&target.provider.breaker)
    }

    /// The body for another attempt; `None`: it flowed in an earlier one.
    pub(super) fn body(&self) -> Option<Payload> {
        let mut held = self.held();
        match held.as_ref()? {
            Payload::Empty => Some(Payload::Empty),
            Payload::Whole(bytes) => Some(Payload::Whole(bytes.clone())),
            Payload::Flowing(_) => held.take(),
        }
    }

    /// Makes it small, for it is to be kept while an answer flows: what it has of the request lies in the room that was read into, many
    /// times larger, and would hold all of that.
    pub(super) fn settles(&mut self) {
        let head = &mut self.call.head;
        for value in head.values_mut() {
            if let Ok(mut own) = HeaderValue::from_bytes(value.as_bytes()) {
                own.set_sensitive(value.is_sensitive());
                *value = own;
            }
        }
        if let Some(Payload::Whole(body)) = self.held().as_mut() {
            *body = Bytes::copy_from_slice(body);
        }
    }

    /// Its last message is the beginning of an answer.
    pub(super) fn is_prefilled(&self) -> bool {
        match self.held().as_ref() {
            Some(Payload::Whole(body)) => said::is_prefilled(body),
            _ => false,
        }
    }

    /// Whether there is a body for another attempt.
    pub(super) fn has_body(&self) -> bool {
        self.held().is_some()
    }

    fn held(&self) -> MutexGuard<'_, Option<Payload>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_flowed(&self) -> bool {
        self.upload.is_some()
    }
}
