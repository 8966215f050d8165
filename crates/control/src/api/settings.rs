//! The configuration as a document: read whole or at a path, changed by a merge patch, tried out, read anew.

use axum::Json;
use config::{Edit, What};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody, NoQuery, Why, shown};
use super::exact::{Exact, Open};
use super::objection::Objection;
use super::row::{Outcome, Reply};
use super::shown::{Changed, effective};
use crate::Proposal;

/// `GET /config`, `GET /admin/config/effective`
pub(super) async fn counts(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let revision = ask.control.revision();
    match effective(&ask.control)? {
        Value::Object(members) => Ok(Reply::of(Open(members)).at(revision)),
        _ => Ok(Reply::of(Open::default()).at(revision)),
    }
}

/// `GET /admin/v1/config`
pub(super) async fn written(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let revision = ask.control.revision();
    match ask.control.sheet().await?.shown() {
        Value::Object(members) => Ok(Reply::of(Open(members)).at(revision)),
        _ => Ok(Reply::of(Open::default()).at(revision)),
    }
}

/// One setting.
#[derive(Serialize, ToSchema)]
pub(super) struct Setting {
    /// Its path.
    path: String,
    /// What is written; secrets hidden.
    value: Exact,
}

/// `GET /admin/v1/config/{path}`
pub(super) async fn at_path(ask: Ask<NoQuery, NoBody>) -> Outcome<Setting> {
    let revision = ask.control.revision();
    let words = path(&ask).await?;
    let whole = ask.control.sheet().await?.shown();
    let found = words.iter().try_fold(&whole, |value, word| value.get(word));
    match found {
        Some(value) => {
            Ok(Reply::of(Setting { path: words.join("."), value: Exact(value.clone()) }).at(revision))
        }
        None => Err(Objection::not_found(format!(
            "Nothing is written at `{}`. What counts by itself is shown by GET /admin/config/effective",
            shown(ask.word("path"))
        ))),
    }
}

/// The words of the path that is asked for; one that stands on the sheet may hold dots.
async fn path<Q, B>(ask: &Ask<Q, B>) -> Result<Vec<String>, Objection> {
    let path = ask.word("path");
    let words = ask.control.sheet().await?.words(path);
    match words.iter().any(String::is_empty) || words.len() > 32 {
        true => Err(Objection::not_found(format!(
            "`{}` is no path of a setting, like server.listen.",
            shown(path)
        ))),
        false => Ok(words),
    }
}

/// `PATCH /admin/v1/config`
pub(super) async fn patch(ask: Ask<Why, Json<Open>>) -> Outcome<Changed> {
    let proposal = Proposal::Edits(edits(&ask.body.0));
    ask.propose(proposal, ask.query.reason.as_ref(), ask.expected).await
}

/// A merge patch (RFC 7396) as changes, one a section.
fn edits(Open(patch): &Open) -> Vec<Edit> {
    let edit = |(key, value): (&String, &Value)| {
        let what = if value.is_null() { What::Remove } else { What::Set(value.clone()) };
        Edit { path: vec![key.clone()], what }
    };
    patch.iter().map(edit).collect()
}

/// `PUT /admin/v1/config/{path}`
pub(super) async fn put(ask: Ask<Why, Json<Exact>>) -> Outcome<Changed> {
    let Exact(value) = &ask.body.0;
    let what = if value.is_null() { What::Remove } else { What::Replace(value.clone()) };
    one(&ask, what).await
}

/// `DELETE /admin/v1/config/{path}`
pub(super) async fn reset(ask: Ask<Why, NoBody>) -> Outcome<Changed> {
    one(&ask, What::Reset).await
}

async fn one<B>(ask: &Ask<Why, B>, what: What) -> Outcome<Changed> {
    let proposal = Proposal::Edits(vec![Edit { path: path(ask).await?, what }]);
    ask.propose(proposal, ask.query.reason.as_ref(), ask.expected).await
}

/// `POST /admin/v1/plan`
pub(super) async fn plan(ask: Ask<NoQuery, Json<Open>>) -> Outcome<Changed> {
    let edits = edits(&ask.body.0);
    let proposal = if edits.is_empty() { Proposal::Reread } else { Proposal::Edits(edits) };
    let proposal = super::shown::proper(proposal)?;
    Ok(super::shown::changed(ask.control.plan(&ask.actor, &proposal).await?))
}

/// Which revision is to count again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `revision`")]
#[schema(as = Rollback)]
pub(super) struct Back {
    /// Its number.
    revision: u64,
}

/// How to go back.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// Only say what it would change.
    #[param(default = false)]
    dry_run: Option<bool>,
    /// Why; kept with the new revision.
    #[param(max_length = 1000)]
    reason: Option<String>,
}

/// `POST /admin/v1/rollback`
pub(super) async fn rollback(ask: Ask<How, Json<Back>>) -> Outcome<Changed> {
    let proposal = Proposal::Rollback(ask.body.revision);
    if ask.query.dry_run == Some(true) {
        return Ok(super::shown::changed(ask.control.plan(&ask.actor, &proposal).await?));
    }
    ask.propose(proposal, ask.query.reason.as_ref(), ask.expected).await
}

/// `POST /config/reload`, `POST /admin/config/reload`
pub(super) async fn reload(ask: Ask<Why, NoBody>) -> Outcome<Changed> {
    ask.propose(Proposal::Reread, ask.query.reason.as_ref(), ask.expected).await
}

/// `GET /admin/v1/reload`
pub(super) async fn reload_status(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    match json!({"revision": ask.control.revision(), "changes": ask.control.reload_status()}) {
        Value::Object(status) => Ok(Reply::of(Open(status))),
        _ => Ok(Reply::of(Open::default())),
    }
}
