//! Where a request would go, and why: nothing of it is sent.

use axum::Json;
use gateway::Question;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody, NoQuery};
use super::exact::Open;
use super::objection::Objection;
use super::row::{Outcome, Reply};

/// A request that is not made.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Its method; without it POST, or GET where the path knows no POST.
    method: Option<String>,
    /// Its path, in any spelling; without it `/v1/chat/completions`.
    path: Option<String>,
    /// The model it names.
    model: Option<String>,
}

/// A request that is not made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = ExplainedRequest)]
pub(super) struct Request {
    /// Its method; without it POST, or GET where the path knows no POST.
    method: Option<String>,
    /// Its path, in any spelling; without it `/v1/chat/completions`.
    path: Option<String>,
    /// The model it names, where no body says so.
    model: Option<String>,
    /// Its body.
    body: Option<Value>,
}

/// What is asked about when nobody says.
const USUAL: &str = "/v1/chat/completions";

/// `GET /admin/v1/explain`
pub(super) async fn look(ask: Ask<Asked, NoBody>) -> Outcome<Open> {
    let Asked { method, path, model } = &ask.query;
    told(&ask.control, (method.as_deref(), path.as_deref()), model.as_deref(), None).await
}

/// `POST /admin/v1/explain`
pub(super) async fn explain(ask: Ask<NoQuery, Json<Request>>) -> Outcome<Open> {
    let Request { method, path, model, body } = &ask.body.0;
    let body = body.as_ref().map(Value::to_string);
    let body = body.as_deref().map(str::as_bytes);
    told(&ask.control, (method.as_deref(), path.as_deref()), model.as_deref(), body).await
}

async fn told(
    control: &crate::Control,
    (method, path): (Option<&str>, Option<&str>),
    model: Option<&str>,
    body: Option<&[u8]>,
) -> Outcome<Open> {
    let target = path.unwrap_or(USUAL);
    let method = match method {
        None => Question::usual_method(target),
        Some(word) => Method::from_bytes(word.to_ascii_uppercase().as_bytes())
            .map_err(|_| Objection::malformed("`method` is none. Write GET or POST."))?,
    };
    let question = Question { method: &method, target, model, body };
    let gateway = control.gateway();
    let explained = gateway.explain(&question).await;
    match explained.told(&question, &gateway.world().source) {
        Value::Object(members) => Ok(Reply::of(Open(members))),
        _ => Ok(Reply::of(Open::default())),
    }
}
