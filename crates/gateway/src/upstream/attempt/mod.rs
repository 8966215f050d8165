//! Asking a plan's targets until one answers. Retries and fallback live in this folder and nowhere else.
//!
//! `course.rs` is a call on its way, `walk.rs` the order of attempts, `ask.rs` one of them (`send.rs` its request, `refusal.rs` where it said no), `race.rs` one with another beside it,
//! `begin.rs` what of a stream is read before its caller gets any of it, `again.rs` and `patience.rs` whether and when one more is
//! made, `quota.rs` what one takes of quotas, `turn.rs` waiting where everybody is at a limit, `rescue.rs` what is done when a
//! stream breaks, `spent.rs` what the caller is told when nobody answers.
//!
//! A course owns what it needs, so that it can go on behind an answer that has begun: a stream whose upstream is silent
//! for longer than a heartbeat is promised to its caller, and awaited from then on (`promise.rs`). It stays where it was made, and
//! what is rare has places of its own: whatever is moved into a waiting step is copied with all the room that step has.

mod again;
mod ask;
mod begin;
mod course;
mod patience;
mod quota;
mod race;
mod refusal;
mod rescue;
mod send;
mod spent;
mod tried;
mod turn;
mod walk;

use std::time::{Duration, Instant as Clock};

use protocol::dialect::Dialect;
use protocol::fault::Kind;

use walk::Run;

use super::answer::Promise;
use super::{Answer, promise};
use crate::account::{Meter, Unaccountable};
use crate::error::ApiError;
use crate::intake::Call;

pub(crate) use course::Course;
pub(crate) use patience::Budget;

/// Asks a plan's targets.
///
/// # Errors
/// What the caller is told when no answer came, or none that may be passed on.
pub(crate) async fn attempt(course: Box<Course>, meter: &mut Meter) -> Result<Answer, ApiError> {
    let Course { world, plan, call, .. } = &*course;
    // Once for the call, whoever is asked in the end: its record then says who.
    meter.aims(&plan.first).await.map_err(|Unaccountable| unaccounted())?;
    let promised = world.server.heartbeat.filter(|_| is_sure_to_stream(call)).map(|every| Promise {
        every,
        provider: plan.first.provider.clone(),
        purse: plan.first.purse.clone(),
        dialect: call.dialect,
        named: call.row.operation.names_events(),
        array: call.array,
    });
    let Some(promised) = promised else { return course.run().await.told_to(meter) };
    let began = Clock::now();
    // In a place of its own, so that it can be handed on while it runs.
    let mut running = Box::pin(course.run());
    match tokio::time::timeout(promised.every, running.as_mut()).await {
        Ok(run) => run.told_to(meter),
        Err(_silence) => {
            meter.waited(began.elapsed());
            Ok(promise::answer(promised, async { running.await.answer }))
        }
    }
}

/// What cannot be booked is not bought (D-23).
fn unaccounted() -> ApiError {
    let say = "This gateway cannot record what the call would cost: its disk and its database take nothing. Nothing was sent.";
    ApiError::new(Kind::AccountingUnavailable, say).wait(Duration::from_secs(5))
}

/// A stream was asked for, and only a stream answers that: of events, or one array, in which white space says nothing either.
fn is_sure_to_stream(call: &Call) -> bool {
    let events = matches!(call.dialect, Dialect::OpenAi | Dialect::Anthropic);
    let events = events && call.streams && call.row.streams && call.row.operation.streams_events();
    events || call.array
}

impl Run {
    fn told_to(self, meter: &mut Meter) -> Result<Answer, ApiError> {
        meter.waited(self.waited);
        if let Some(counted) = self.counted {
            meter.counted(counted);
        }
        self.answer
    }
}
