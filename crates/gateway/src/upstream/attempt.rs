//! One attempt at a target: compose, send, judge. Retries and fallback join here and nowhere else.
//!
//! An attempt owns what it needs, so that it can go on behind an answer that has begun: a stream whose upstream is silent
//! for longer than a heartbeat is promised to its caller, and awaited from then on (`promise.rs`).

use std::time::{Duration, Instant as Clock, SystemTime};

use config::Snapshot;
use config::snapshot::Credential;
use http::StatusCode;
use protocol::dialect::Dialect;
use protocol::fault::Kind;
use protocol::usage::Usage;
use protocol::verdict::FaultClass;
use tokio::time::Instant;

use super::answer::Promise;
use super::client::{Client, Reply};
use super::compose::{Outgoing, compose};
use super::received::Received;
use super::{Answer, promise, realtime};
use crate::Gateway;
use crate::account::{Meter, Unaccountable};
use crate::error::ApiError;
use crate::intake::{Call, Payload, Upload};
use crate::route::{Plan, Target};

/// Asks the plan's target.
///
/// # Errors
/// What the caller is told when no answer came, or none that may be passed on.
pub(crate) async fn attempt(
    gateway: &Gateway,
    world: &Snapshot,
    plan: Plan,
    mut call: Call,
    meter: &mut Meter,
) -> Result<Answer, ApiError> {
    let target = plan.first;
    meter.aims(&target).map_err(|Unaccountable| unaccounted())?;
    let upload = match &call.body {
        Payload::Flowing(body) => Some(body.notes()),
        Payload::Empty | Payload::Whole(_) => None,
    };
    let deadline = Instant::now() + target.provider.timeouts.total;
    let outgoing = compose(&mut call, &target)?;
    let heartbeat = world.server.heartbeat;
    let promised = heartbeat.filter(|_| is_sure_to_stream(&call)).map(|every| Promise {
        every,
        provider: target.provider.clone(),
        dialect: call.dialect,
        named: call.row.operation.names_events(),
    });
    let client = gateway.client.share();
    let attempt = Attempt { client, target, call, outgoing, upload, deadline, heartbeat };
    let Some(promised) = promised else { return attempt.run().await.told_to(meter) };
    let began = Clock::now();
    // In a place of its own, so that it can be handed on while it runs.
    let mut running = Box::pin(attempt.run());
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

/// A stream was asked for, and only a stream of events answers that.
fn is_sure_to_stream(call: &Call) -> bool {
    let events = matches!(call.dialect, Dialect::OpenAi | Dialect::Anthropic);
    events && call.streams && call.row.streams && call.row.operation.streams_events()
}

/// One attempt, ready to run.
struct Attempt {
    client: Client,
    target: Target,
    call: Call,
    outgoing: Outgoing,
    upload: Option<Upload>,
    deadline: Instant,
    heartbeat: Option<Duration>,
}

/// What became of it.
struct Run {
    /// Spent waiting for the upstream's head.
    waited: Duration,
    /// What the answer counts, where that is known before it is sent on.
    counted: Option<Usage>,
    answer: Result<Answer, ApiError>,
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

impl Attempt {
    async fn run(self) -> Run {
        let Self { client, target, mut call, outgoing, upload, deadline, heartbeat } = self;
        let Outgoing { message, asked_usage: hide_usage } = outgoing;
        let asked = Clock::now();
        let sent = client.send(&target.provider, message, deadline).await;
        let waited = asked.elapsed();
        let read = async {
            let reply = sent.map_err(|trouble| {
                // When the caller's own body broke off, that is what it is told.
                let theirs = upload.and_then(|upload| upload.take_failure());
                theirs.unwrap_or_else(|| trouble.into_error(&target.provider.name))
            })?;
            read(Received { reply, deadline, hide_usage, heartbeat }, &mut call, &target).await
        };
        match read.await {
            Ok((answer, counted)) => Run { waited, counted, answer: Ok(answer) },
            Err(error) => Run { waited, counted: None, answer: Err(error) },
        }
    }
}

/// Reads what came.
async fn read(
    received: Received,
    call: &mut Call,
    target: &Target,
) -> Result<(Answer, Option<Usage>), ApiError> {
    let status = received.reply.status;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok((realtime::agreed(received.reply, call)?, None));
    }
    judge(&received.reply, target)?;
    received.into_answer(call, target).await
}

/// Our own credential refused is ours to mend, never the caller's 401.
fn judge(reply: &Reply, target: &Target) -> Result<(), ApiError> {
    let status = reply.status;
    if status.is_success() {
        return Ok(());
    }
    let provider = &target.provider;
    let fault = provider.vendor.read_fault(status, &reply.head, &[], SystemTime::now());
    let ours = matches!(provider.credential, Credential::Stored(_));
    if ours && fault.class == FaultClass::Auth {
        let say = format!(
            "`{}` refused the key this gateway has for it (status {}). Its operator has to set a working one.",
            provider.name,
            status.as_u16()
        );
        return Err(ApiError::new(Kind::UpstreamAuth, say));
    }
    Ok(())
}
