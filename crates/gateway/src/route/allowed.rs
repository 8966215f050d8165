//! What a caller's key allows: by the name the caller uses, and by the name of every place that would be asked (T-18), so that
//! no alias, pattern or stand-in leads where the key does not.

use config::snapshot::{AllowedModels, Chosen, Provider};
use http::Method;
use protocol::fault::Kind;
use protocol::operation::{ModelAt, Operation};

use super::plan::Wish;
use crate::error::ApiError;
use crate::identify::Caller;
use crate::intake::{Call, shown};

/// What belongs to an account and runs no model by itself.
const RUNS_NOTHING: [Operation; 5] = [
    Operation::Files,
    Operation::Uploads,
    Operation::Conversations,
    Operation::StoredResponses,
    Operation::StoredChats,
];

/// What may run other models than the one it names: in a file, in what was set up before, or by a path nobody here knows.
const RUNS_OTHERS: [Operation; 6] = [
    Operation::Other,
    Operation::Native,
    Operation::Generate,
    Operation::Batches,
    Operation::Evals,
    Operation::Agents,
];

/// Whether a caller may ask for what they named, and named what they may.
///
/// # Errors
/// `model_not_found` for a name that is not theirs, `missing_model` where nobody could say which model would run.
pub(super) fn asked(caller: &Caller, call: &Call) -> Result<(), ApiError> {
    if *caller.models() == AllowedModels::All {
        return Ok(());
    }
    match &call.model {
        Some(model) if !caller.models().has(model) => Err(denied(caller, model)),
        _ if looks(call) => Ok(()),
        // What can be asked in any language runs the model it names; a batch in Gemini's repeats it, and no other is taken there.
        Some(_) if call.row.asks(&call.rest).is_some() || call.row.about(&call.rest).is_some() => Ok(()),
        Some(_) if !RUNS_OTHERS.contains(&call.row.operation) => Ok(()),
        None if call.row.model == ModelAt::Nowhere && RUNS_NOTHING.contains(&call.row.operation) => Ok(()),
        _ => Err(untold(caller)),
    }
}

/// Whether a caller may be led to a place.
///
/// # Errors
/// `model_not_found`, as for a name that is not theirs.
pub(super) fn led(
    caller: &Caller,
    provider: &Provider,
    chosen: &Chosen,
    wish: &Wish<'_>,
) -> Result<(), ApiError> {
    let own = chosen.model.as_deref().or(wish.model);
    match (own, wish.model) {
        (Some(own), Some(asked)) if !has(caller.models(), provider, own) => Err(denied(caller, asked)),
        _ => Ok(()),
    }
}

/// Whether a list has a provider's model: by its own name, or with the provider's before it.
pub(crate) fn has(models: &AllowedModels, provider: &Provider, own: &str) -> bool {
    match models {
        AllowedModels::All => true,
        AllowedModels::Only(_) => models.has(own) || models.has(&format!("{}/{own}", provider.name)),
    }
}

/// Looking at things and taking them away runs no model; a socket does. What is taken away in other languages may be a model, or what
/// others keep there.
fn looks(call: &Call) -> bool {
    let takes = call.method == Method::DELETE && !call.row.stands_beside();
    (takes || matches!(call.method, Method::GET | Method::HEAD)) && call.upgrade.is_none()
}

/// The same words whether there is such a model or not: whoever may not use it need not know.
pub(crate) fn denied(caller: &Caller, model: &str) -> ApiError {
    let say = format!(
        "Model `{}` is not one that the key `{}` may use. Those it may use are listed at /v1/models.",
        shown(model),
        caller.name()
    );
    ApiError::new(Kind::ModelNotFound, say).param("model")
}

fn untold(caller: &Caller) -> ApiError {
    let say = format!(
        "The key `{}` may use some models only, and which would run here cannot be told. Where the operation has a `model`, name it, before any file.",
        caller.name()
    );
    ApiError::new(Kind::MissingModel, say).param("model")
}
