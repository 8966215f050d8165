//! The routing policy as JSON: read, replaced, patched while calls run; with a published schema.

use axum::Json;
use config::{Edit, What};
use serde_json::{Value, json};

use super::ask::{Ask, NoBody, NoQuery, Why};
use super::exact::Open;
use super::row::{Outcome, Reply};
use super::shown::{Changed, effective};
use crate::Proposal;

const SECTION: &str = "routing";

/// `GET /admin/v1/routing`
pub(super) async fn policy(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let revision = ask.control.revision();
    let policy = effective(&ask.control)?.get(SECTION).and_then(Value::as_object).cloned();
    Ok(Reply::of(Open(policy.unwrap_or_default())).at(revision))
}

/// `GET /admin/v1/routing/schema`
pub(super) async fn schema(_: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let whole = config::schema();
    let mut schema =
        whole.pointer("/properties/routing").and_then(Value::as_object).cloned().unwrap_or_default();
    for key in ["$schema", "$defs"] {
        if let Some(value) = whole.get(key) {
            schema.insert(key.to_owned(), value.clone());
        }
    }
    schema.insert("title".to_owned(), json!("Routing policy of openai-proxy"));
    Ok(Reply::of(Open(schema)))
}

/// `PUT /admin/v1/routing`
pub(super) async fn replace(ask: Ask<Why, Json<Open>>) -> Outcome<Changed> {
    let policy = Value::Object(ask.body.0.0.clone());
    change(&ask, What::Replace(policy)).await
}

/// `PATCH /admin/v1/routing`
pub(super) async fn patch(ask: Ask<Why, Json<Open>>) -> Outcome<Changed> {
    let policy = Value::Object(ask.body.0.0.clone());
    change(&ask, What::Set(policy)).await
}

async fn change(ask: &Ask<Why, Json<Open>>, what: What) -> Outcome<Changed> {
    let edit = Edit { path: vec![SECTION.to_owned()], what };
    ask.propose(Proposal::Edits(vec![edit]), ask.query.reason.as_ref(), ask.expected).await
}
