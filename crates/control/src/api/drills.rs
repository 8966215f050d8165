//! Drills: faults made on purpose at a provider, for a share of its attempts and for a while (docs/drills.md).

use std::time::Duration;

use axum::Json;
use gateway::{Drill, DrillStanding, Fault, LONGEST_DRILL, NoDrill};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery};
use super::exact::Open;
use super::objection::Objection;
use super::row::{Outcome, Reply};
use super::shown::no_provider;
use crate::Deed;

/// A drill as it is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `provider`, a `fault` and `for_seconds`")]
pub(super) struct Wanted {
    /// At which provider.
    provider: String,
    /// At which of its models, by its own name or the one callers use; without it at all.
    model: Option<String>,
    /// What is done: `refuse`, `reset`, `hang`, `garbage`, `503`, `429?retry_after=5s`, `slow=2s`, `cut?after=3`, `stall?after=3`.
    fault: String,
    /// To how many attempts of a hundred.
    #[schema(minimum = 1, maximum = 100, default = 100)]
    share_percent: Option<u8>,
    /// For how long.
    #[schema(minimum = 1, maximum = 3600)]
    for_seconds: u64,
    /// Why.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Those that run.
#[derive(Serialize, ToSchema)]
pub(super) struct Drills {
    /// Each, oldest first.
    data: Vec<Open>,
}

/// `GET /admin/v1/drills`
pub(super) async fn all(ask: Ask<NoQuery, NoBody>) -> Outcome<Drills> {
    let data = ask.control.gateway().drills().iter().map(open).collect();
    Ok(Reply::of(Drills { data }))
}

/// `POST /admin/v1/drills`
pub(super) async fn begin(ask: Ask<NoQuery, Json<Wanted>>) -> Outcome<Open> {
    let Wanted { provider, model, fault, share_percent, for_seconds, reason } = &ask.body.0;
    let fault: Fault =
        fault.parse().map_err(|wrong: String| Objection::impossible("bad_fault", format!("{wrong}.")))?;
    let why = reason.clone().unwrap_or_default();
    if why.chars().count() > 1000 {
        return Err(Objection::malformed("`reason` has at most 1000 letters."));
    }
    let drill = Drill {
        provider: provider.clone(),
        model: model.clone(),
        fault,
        share_percent: share_percent.unwrap_or(100),
        lasts: Duration::from_secs(*for_seconds),
        by: ask.actor.name.clone(),
        why,
    };
    let told = ask.control.gateway().begin_drill(drill).map_err(|no| objection(no, provider))?;
    note(&ask, "drill.begin", &told).await;
    Ok(Reply::of(open(&told)))
}

/// `DELETE /admin/v1/drills/{number}`
pub(super) async fn end(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let ended = ask.word("number").parse().ok().and_then(|id| ask.control.gateway().end_drill(id));
    let Some(told) = ended else {
        return Err(Objection::not_found(
            "No drill of this number runs. Those that do: GET /admin/v1/drills",
        ));
    };
    note(&ask, "drill.end", &told).await;
    Ok(Reply::of(open(&told)))
}

/// `DELETE /admin/v1/drills`
pub(super) async fn end_all(ask: Ask<NoQuery, NoBody>) -> Outcome<Drills> {
    let mut data = Vec::new();
    for drill in ask.control.gateway().drills() {
        // One whose time came meanwhile has ended by itself.
        if let Some(told) = ask.control.gateway().end_drill(drill.id) {
            note(&ask, "drill.end", &told).await;
            data.push(open(&told));
        }
    }
    Ok(Reply::of(Drills { data }))
}

async fn note<B>(ask: &Ask<NoQuery, B>, action: &str, told: &DrillStanding) {
    let detail = json!({
        "id": told.id,
        "model": told.model,
        "fault": told.fault,
        "share_percent": told.share_percent,
        "seconds_left": told.seconds_left,
        "attempts": told.attempts,
        "struck": told.struck,
        "reason": told.why,
    });
    ask.control.audit(&ask.actor, Deed { action, subject: &told.provider, outcome: "done", detail }).await;
}

fn open(told: &DrillStanding) -> Open {
    match json!(told) {
        Value::Object(members) => Open(members),
        _ => Open::default(),
    }
}

fn objection(no: NoDrill, provider: &str) -> Objection {
    match no {
        NoDrill::NoSuchProvider => no_provider(provider),
        NoDrill::Unbounded => Objection::impossible(
            "unbounded_drill",
            format!(
                "A drill has bounds: `share_percent` is a number from 1 to 100, `for_seconds` one from 1 to {}, an hour.",
                LONGEST_DRILL.as_secs()
            ),
        ),
        NoDrill::TooMany => Objection::new(
            StatusCode::CONFLICT,
            "too_many_drills",
            "As many drills run as may. End one: DELETE /admin/v1/drills/{number}",
        ),
    }
}
