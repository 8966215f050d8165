//! How providers stand: what their last attempts tell, and what an operator says by hand, for a while or until it is taken back.

use std::time::{Duration, SystemTime};

use axum::Json;
use gateway::{Override, OverrideKind};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery};
use super::exact::Open;
use super::objection::Objection;
use super::row::{Outcome, Reply};
use super::shown::no_provider;
use crate::Control;

/// What is said of a provider's breaker.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an `action`")]
pub(super) struct Breaker {
    /// What to do.
    action: BreakerAction,
    /// For how long; without it until it is taken back.
    #[schema(minimum = 1, maximum = 31_536_000)]
    for_seconds: Option<u64>,
    /// Why.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BreakerAction {
    /// Nothing is sent to it.
    ForceOpen,
    /// It is always tried.
    ForceClosed,
    /// What was said by hand is taken back, and what its last attempts told is forgotten.
    Reset,
}

/// Whether a provider is used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an `action`")]
pub(super) struct Pause {
    /// What to do.
    action: PauseAction,
    /// For how long; without it until it is resumed.
    #[schema(minimum = 1, maximum = 31_536_000)]
    for_seconds: Option<u64>,
    /// Why.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PauseAction {
    /// Nothing is sent to it.
    Pause,
    /// It is used again.
    Resume,
}

/// What one word says of how a provider stands: what was said by hand, else its health.
pub(super) fn status(control: &Control, provider: &str) -> String {
    let told = told(control, provider);
    let word = told.pointer("/override/kind").or_else(|| told.get("health"));
    word.and_then(Value::as_str).unwrap_or("unknown").to_owned()
}

/// How a provider stands; null: there is none of that name.
pub(super) fn told(control: &Control, provider: &str) -> Value {
    control.gateway().standing(provider).map_or(Value::Null, |standing| json!(standing))
}

/// `GET /admin/v1/providers/{name}/breaker`, and `/pause`, and of its keys
pub(super) async fn one(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    match told(&ask.control, ask.word("name")) {
        Value::Object(told) => Ok(Reply::of(Open(told))),
        _ => Err(no_provider(ask.word("name"))),
    }
}

/// `POST /admin/v1/providers/{name}/breaker`
pub(super) async fn breaker(ask: Ask<NoQuery, Json<Breaker>>) -> Outcome<Open> {
    let Breaker { action, for_seconds, reason } = &ask.body.0;
    let kind = match action {
        BreakerAction::ForceOpen => Some(OverrideKind::ForcedOpen),
        BreakerAction::ForceClosed => Some(OverrideKind::ForcedClosed),
        BreakerAction::Reset => None,
    };
    say(&ask, kind, *for_seconds, reason.as_deref().unwrap_or_default()).await
}

/// `POST /admin/v1/providers/{name}/pause`
pub(super) async fn pause(ask: Ask<NoQuery, Json<Pause>>) -> Outcome<Open> {
    let Pause { action, for_seconds, reason } = &ask.body.0;
    let kind = match action {
        PauseAction::Pause => Some(OverrideKind::Paused),
        PauseAction::Resume => None,
    };
    say(&ask, kind, *for_seconds, reason.as_deref().unwrap_or_default()).await
}

/// The longest an override lasts by itself: a year.
const LONGEST: u64 = 31_536_000;

async fn say<B>(
    ask: &Ask<NoQuery, B>,
    kind: Option<OverrideKind>,
    for_seconds: Option<u64>,
    why: &str,
) -> Outcome<Open> {
    let provider = ask.word("name");
    if for_seconds.is_some_and(|seconds| !(1..=LONGEST).contains(&seconds)) {
        return Err(Objection::impossible(
            "bad_time",
            "`for_seconds` is a number from 1 to 31536000, a year.",
        ));
    }
    if why.chars().count() > 1000 {
        return Err(Objection::malformed("`reason` has at most 1000 letters."));
    }
    let said = kind.map(|kind| Override {
        kind,
        by: ask.actor.name.clone(),
        why: why.to_owned(),
        since: SystemTime::now(),
        lasts: for_seconds.map(Duration::from_secs),
    });
    let standing = match ask.control.say(provider, said).await? {
        Some(standing) => standing,
        None => return Err(no_provider(provider)),
    };
    let action = kind.map_or("provider.reset", |kind| match kind {
        OverrideKind::Paused => "provider.pause",
        OverrideKind::ForcedOpen => "breaker.force_open",
        OverrideKind::ForcedClosed => "breaker.force_closed",
    });
    let detail = json!({"for_seconds": for_seconds, "reason": why});
    ask.control.audit(&ask.actor, crate::Deed { action, subject: provider, outcome: "done", detail }).await;
    match json!(standing) {
        Value::Object(told) => Ok(Reply::of(Open(told))),
        _ => Err(no_provider(provider)),
    }
}
