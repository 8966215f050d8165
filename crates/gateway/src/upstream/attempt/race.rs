//! One attempt, and another beside it when it is late.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use protocol::verdict::FaultClass;

use super::ask::Asking;
use super::course::Course;
use super::spent::Spent;
use super::tried::Tried;
use crate::account::Step;
use crate::route::Target;
use crate::standing::Pass;

/// What came of an attempt, and who was asked beside.
pub(super) struct Raced<'t> {
    pub(super) tried: Tried,
    pub(super) step: Step,
    /// Who was asked beside, and whether it is the one this came from.
    pub(super) beside: Option<(&'t Target, bool)>,
}

impl Course {
    /// One attempt, and, when its first token is late, one beside it at the next target. Whoever has content first answers.
    pub(super) async fn race<'t>(
        &self,
        asking: Asking<'_>,
        rest: &[&'t Target],
        spent: &mut Spent,
    ) -> Raced<'t> {
        let step = self.trail.begins(asking.target, None);
        match self.patience(asking.target, rest) {
            None => Raced { tried: self.ask(asking, step).await, step, beside: None },
            // In a place of its own: hardly any attempt has room for two.
            Some(patience) => Box::pin(self.race_within(patience, (asking, step), rest, spent)).await,
        }
    }

    async fn race_within<'t>(
        &self,
        patience: Duration,
        (asking, step): (Asking<'_>, Step),
        rest: &[&'t Target],
        spent: &mut Spent,
    ) -> Raced<'t> {
        let target = asking.target;
        let mut first = pin!(self.ask(asking, step));
        let alone = |tried| Raced { tried, step, beside: None };
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
        let mut second = pin!(self.ask(asking, second_step));
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
}
