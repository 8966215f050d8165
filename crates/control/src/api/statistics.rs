//! What was asked for lately, and how it ended (`docs/statistics.md` says what each figure means).

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery};
use super::exact::Open;
use super::list::List;
use super::row::{Outcome, Reply};
use super::standing::told;

/// Some counted thing, as its figures.
fn open(value: Value) -> Open {
    match value {
        Value::Object(members) => Open(members),
        _ => Open::default(),
    }
}

/// `GET /stats`
pub(super) async fn overall(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let gateway = ask.control.gateway();
    let counted = gateway.statistics().house;
    Ok(Reply::of(open(json!({
        "since_unix_ms": counted.since_unix_ms,
        "total": counted.total,
        "last_call_unix_ms": counted.last_call_unix_ms,
        "last_error": counted.last_error,
        "running_calls": gateway.life().calls(),
        "providers": gateway.standings().summary,
    }))))
}

/// `GET /stats/windows`
pub(super) async fn windows(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let statistics = ask.control.gateway().statistics();
    let (step, counted) = (statistics.step_seconds, statistics.house);
    Ok(Reply::of(open(json!({
        "step_seconds": step,
        "since_unix_ms": counted.since_unix_ms,
        "windows": counted.windows,
    }))))
}

/// `GET /stats/instances`
pub(super) async fn instances(ask: Ask<NoQuery, NoBody>) -> Outcome<List<Open>> {
    let one = |provider: gateway::ProviderStatistics| {
        let name = provider.provider.clone();
        let mut shown = open(json!(provider));
        shown.0.insert("name".to_owned(), name.as_str().into());
        shown.0.insert("health".to_owned(), told(&ask.control, &name));
        shown
    };
    let data = ask.control.gateway().statistics().providers.into_iter().map(one).collect();
    Ok(Reply::of(List { data, next: None }))
}

/// Whether callers are served.
#[derive(Serialize, ToSchema)]
#[schema(as = StatisticsHealth)]
pub(super) struct Health {
    /// `healthy`: no provider is known to fail, and all take calls. `degraded`: some fail or take none. `down`: none takes calls.
    status: &'static str,
    /// How many providers stand how.
    summary: Open,
    /// Each provider.
    providers: Vec<Open>,
}

/// `GET /stats/health`
pub(super) async fn health(ask: Ask<NoQuery, NoBody>) -> Outcome<Health> {
    let standings = ask.control.gateway().standings();
    let all = standings.providers.len();
    let takes = standings.providers.iter().filter(|one| one.takes_calls).count();
    let status = match () {
        () if takes == 0 => "down",
        () if takes < all || standings.summary.degraded > 0 => "degraded",
        () => "healthy",
    };
    let providers = standings.providers.iter().map(|one| open(json!(one))).collect();
    Ok(Reply::of(Health { status, summary: open(json!(standings.summary)), providers }))
}

/// That counting began anew.
#[derive(Serialize, ToSchema)]
#[schema(as = StatisticsReset)]
pub(super) struct Reset {
    /// When; milliseconds since 1970.
    since_unix_ms: u64,
}

/// `POST /stats/reset`
pub(super) async fn reset(ask: Ask<NoQuery, NoBody>) -> Outcome<Reset> {
    ask.control.gateway().reset_statistics();
    ask.control
        .audit(
            &ask.actor,
            crate::Deed {
                action: "statistics.reset",
                subject: "statistics",
                outcome: "done",
                detail: json!({}),
            },
        )
        .await;
    let since_unix_ms = ask.control.gateway().statistics().house.since_unix_ms;
    Ok(Reply::of(Reset { since_unix_ms }))
}
