//! Which models a provider has, where that can be changed from here: brought there, copied, taken away.

use axum::Json;
use gateway::{NotStocked, Pull};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery, shown};
use super::exact::Open;
use super::objection::Objection;
use super::row::{Outcome, Reply};
use super::shown::no_provider;
use crate::Deed;

/// The longest name of a model, bytes.
const LONGEST: usize = 1024;

/// A model that is to come.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `model`")]
#[schema(as = WantedModel)]
pub(super) struct Wanted {
    /// Its name where it comes from, such as `llama3.2:3b`.
    #[schema(max_length = 1024)]
    model: String,
}

/// A second name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `to`")]
#[schema(as = ModelCopy)]
pub(super) struct Copy {
    /// The second name.
    #[schema(max_length = 1024)]
    to: String,
}

/// Models on their way, and the last that were.
#[derive(Serialize, ToSchema)]
pub(super) struct Pulls {
    /// Each, oldest first: `model`, `state` (`running`, `done`, `failed`, `stopped`), `status` in the server's own words, `completed` of
    /// `total` bytes of the piece that is being brought, `began` in seconds since 1970.
    data: Vec<Open>,
}

/// `GET /admin/v1/providers/{name}/pulls`
pub(super) async fn pulls(ask: Ask<NoQuery, NoBody>) -> Outcome<Pulls> {
    let name = ask.word("name");
    let pulls = ask.control.gateway().pulls(name).map_err(|no| objection(no, name))?;
    Ok(Reply::of(Pulls { data: pulls.iter().map(open).collect() }))
}

/// `POST /admin/v1/providers/{name}/pulls`
pub(super) async fn pull(ask: Ask<NoQuery, Json<Wanted>>) -> Outcome<Open> {
    let (name, model) = (ask.word("name"), ask.body.0.model.as_str());
    proper(model)?;
    let told = ask.control.gateway().pull(name, model).map_err(|no| objection(no, name))?;
    note(&ask, "model.pull", json!({"model": model})).await;
    Ok(Reply::of(open(&told)))
}

/// `DELETE /admin/v1/providers/{name}/pulls/{model}`
pub(super) async fn stop(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let (name, model) = (ask.word("name"), ask.word("model"));
    let Some(told) = ask.control.gateway().stop_pull(name, model) else {
        let detail = format!("No model `{}` is on its way to `{}`.", shown(model), shown(name));
        return Err(Objection::not_found(detail));
    };
    note(&ask, "model.pull_stop", json!({"model": model})).await;
    Ok(Reply::of(open(&told)))
}

/// `POST /admin/v1/providers/{name}/models/{model}/copy`
pub(super) async fn copy(ask: Ask<NoQuery, Json<Copy>>) -> Outcome<Open> {
    let (name, model, to) = (ask.word("name"), ask.word("model"), ask.body.0.to.as_str());
    proper(model)?;
    proper(to)?;
    ask.control.gateway().copy_model(name, model, to).await.map_err(|no| objection(no, name))?;
    done(&ask, "model.copy", json!({"model": model, "to": to})).await
}

/// `DELETE /admin/v1/providers/{name}/models/{model}`
pub(super) async fn delete(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let (name, model) = (ask.word("name"), ask.word("model"));
    proper(model)?;
    ask.control.gateway().delete_model(name, model).await.map_err(|no| objection(no, name))?;
    done(&ask, "model.delete", json!({"model": model})).await
}

/// What was done is noted, and is the answer.
async fn done<B>(ask: &Ask<NoQuery, B>, action: &str, detail: Value) -> Outcome<Open> {
    note(ask, action, detail.clone()).await;
    match detail {
        Value::Object(members) => Ok(Reply::of(Open(members))),
        _ => Ok(Reply::of(Open::default())),
    }
}

async fn note<B>(ask: &Ask<NoQuery, B>, action: &str, detail: Value) {
    let deed = Deed { action, subject: ask.word("name"), outcome: "done", detail };
    ask.control.audit(&ask.actor, deed).await;
}

fn open(told: &Pull) -> Open {
    match json!(told) {
        Value::Object(members) => Open(members),
        _ => Open::default(),
    }
}

/// A name that can be one of a model.
fn proper(model: &str) -> Result<(), Objection> {
    if model.trim().is_empty() || model.len() > LONGEST || model.contains(char::is_control) {
        return Err(Objection::impossible(
            "bad_model",
            "A model's name has at least one letter, at most 1024 bytes, and no control characters.",
        ));
    }
    Ok(())
}

fn objection(no: NotStocked, provider: &str) -> Objection {
    let name = shown(provider);
    match no {
        NotStocked::NoSuchProvider => no_provider(provider),
        NotStocked::NotIts => Objection::new(
            StatusCode::CONFLICT,
            "models_not_kept",
            format!(
                "The models of `{name}` cannot be changed from here: its kind of service keeps them itself."
            ),
        ),
        NotStocked::NoAnswer => Objection::new(
            StatusCode::BAD_GATEWAY,
            "no_answer",
            format!(
                "`{name}` did not answer. Why is in the log; see whether it runs: POST /instances/verify/{name}"
            ),
        ),
        NotStocked::Refused(status, words) => {
            let words = if words.is_empty() { format!("status {}", status.as_u16()) } else { shown(&words) };
            let status = if status == StatusCode::NOT_FOUND { status } else { StatusCode::BAD_GATEWAY };
            Objection::new(status, "refused_there", format!("`{name}` did not do it: {words}."))
        }
    }
}
