//! One request of an attempt: composed, with what is shown there, and sent.

use std::sync::Arc;

use super::super::client::Reply;
use super::super::compose::{Outgoing, Shown, compose};
use super::super::exchange;
use super::super::passage::Translated;
use super::super::trouble::Trouble;
use super::course::Course;
use crate::account::Step;
use crate::error::ApiError;
use crate::intake::Payload;
use crate::route::Target;
use crate::standing::{Moment, Purse};

/// What is sent, and where.
pub(super) struct Sending<'a> {
    pub(super) target: &'a Target,
    pub(super) body: Payload,
    /// In the target's own words, where those are not the caller's.
    pub(super) translated: Option<&'a Translated>,
    pub(super) step: Step,
}

/// Why no answer came.
pub(super) enum Unsent {
    /// The request cannot be composed.
    Ours(ApiError),
    /// Nothing was given that could be shown.
    Ungranted(ApiError),
    Trouble(Trouble),
}

impl Course {
    /// Composes a request and sends it; the answer's head, and whether we asked for a usage chunk.
    pub(super) async fn send(
        &self,
        sending: Sending<'_>,
        shown: Shown<'_>,
    ) -> Result<(Box<Reply>, bool), Unsent> {
        let Sending { target, body, translated, step } = sending;
        let Outgoing { message, asked_usage } =
            compose(&self.call, body, target, shown, translated).map_err(Unsent::Ours)?;
        let models = [target.model.as_deref(), self.call.model.as_deref()];
        let sent = match self.register.drills.strike(&target.provider.name, models) {
            None => self.client.send(&target.provider, message, self.deadline).await,
            Some(fault) => {
                self.trail.drilled(step);
                // In a place of its own: hardly any attempt needs it.
                Box::pin(self.client.send_drilled(fault, &target.provider, message, self.deadline)).await
            }
        };
        sent.map(|reply| (reply, asked_usage)).map_err(Unsent::Trouble)
    }

    /// The same where a grant is shown. One that holds no more, though its time is not over, is given up, and the next one shown: once.
    pub(super) async fn send_with_grant(
        &self,
        sending: Sending<'_>,
        purse: &Arc<Purse>,
    ) -> Result<(Box<Reply>, bool), Unsent> {
        let (provider, identity) = (&sending.target.provider, purse.identity());
        let again = sending.again();
        let grant = exchange::granted(purse, provider, self.deadline).await.map_err(Unsent::Ungranted)?;
        let mut sent = self.send(sending, Shown::Grant(identity, &grant)).await?;
        let (status, head) = (sent.0.status, &sent.0.head);
        let spent = identity.who.is_spent(status, head) && purse.give_up(&grant, Moment::now());
        let Some(again) = again.filter(|_| spent) else {
            sent.0.rest.answers(grant);
            return Ok(sent);
        };
        let provider = &again.target.provider;
        tracing::info!(provider = %provider.name, status = status.as_u16(), "a grant holds no more; the next is asked for");
        drop(sent);
        let grant = exchange::granted(purse, provider, self.deadline).await.map_err(Unsent::Ungranted)?;
        let mut sent = self.send(again, Shown::Grant(identity, &grant)).await?;
        sent.0.rest.answers(grant);
        Ok(sent)
    }
}

impl Sending<'_> {
    /// The same once more; `None`: its body flows, and has flowed then.
    fn again(&self) -> Option<Self> {
        let body = match &self.body {
            Payload::Empty => Payload::Empty,
            Payload::Whole(bytes) => Payload::Whole(bytes.clone()),
            Payload::Flowing(_) => return None,
        };
        Some(Self { body, ..*self })
    }
}
