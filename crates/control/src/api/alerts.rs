//! Whether alerts arrive (`docs/alerts.md`).

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery};
use super::list::List;
use super::row::{Outcome, Reply};

/// What became of a message at one of those who are told.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertDelivery)]
pub(super) struct Delivery {
    /// Who, as under `alerts.to`.
    to: &'static str,
    /// Whether it was taken.
    taken: bool,
    /// Why not; null: it was taken.
    #[schema(required)]
    why: Option<String>,
}

/// `POST /admin/v1/alerts/test`
pub(super) async fn test(ask: Ask<NoQuery, NoBody>) -> Outcome<List<Delivery>> {
    let deliveries = ask.control.gateway().test_alerts().await;
    let taken = deliveries.iter().filter(|one| one.taken).count();
    let detail = json!({"sent": deliveries.len(), "taken": taken});
    let deed = crate::Deed { action: "alerts.test", subject: "alerts", outcome: "done", detail };
    ask.control.audit(&ask.actor, deed).await;
    let told = |one: gateway::Delivery| Delivery { to: one.to, taken: one.taken, why: one.why };
    Ok(Reply::of(List { data: deliveries.into_iter().map(told).collect(), next: None }))
}
