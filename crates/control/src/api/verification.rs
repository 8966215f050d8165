//! Trying out whether a provider works, step by step (`docs/verification.md`).

use std::time::Duration;

use gateway::{Calls, VerifyOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody};
use super::exact::Open;
use super::row::{Outcome, Reply};
use super::shown::no_provider;

/// How much is tried out.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// Which models are asked for a token, which costs money where tokens do: none, one or each; each is usual.
    #[param(inline)]
    calls: Option<Asked>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Asked {
    None,
    One,
    Each,
}

/// Each check has this long, and all together a little less than an answer of this API may take.
const EACH: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(25);

/// `POST /instances/verify/{name}`, and `GET` as it was asked before
pub(super) async fn verify(ask: Ask<How, NoBody>) -> Outcome<Open> {
    let name = ask.word("name");
    let calls = match ask.query.calls {
        Some(Asked::None) => Calls::None,
        Some(Asked::One) => Calls::One,
        Some(Asked::Each) | None => Calls::Each,
    };
    let options = VerifyOptions { calls, each: EACH, whole: WHOLE, ..VerifyOptions::default() };
    let Ok(found) = Box::pin(ask.control.gateway().verify(name, options)).await else {
        return Err(no_provider(name));
    };
    ask.control
        .audit(
            &ask.actor,
            crate::Deed {
                action: "provider.verify",
                subject: name,
                outcome: "done",
                detail: json!({"result": found.result}),
            },
        )
        .await;
    match json!(found) {
        Value::Object(members) => Ok(Reply::of(Open(members))),
        _ => Err(no_provider(name)),
    }
}
