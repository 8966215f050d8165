//! A vendor on its bad days, and the one beside it that is well: sixteen faults, chosen by the model's name.
//!
//! `Pair` is two vendors on two ports. The primary does to each model what its scenario says; the fallback answers
//! whatever it is asked, and goes on from an assistant message that stands last (a prefill) exactly where it ends. Both
//! say one text of sixty words, no two alike, so that a lost, doubled or misplaced word shows. Both keep a ledger with
//! the instant of every try.

mod answering;
mod fault;
mod pace;
mod scenario;
mod text;

pub use answering::Answering;
pub use pace::Pace;
pub use scenario::{Case, Scenario};
pub use text::{PROMPT_TOKENS, TEXT, WORDS, pieces, same};

use crate::vendor::{Act, Entry, Seen, Vendor};
use fault::Faults;
use serde_json::{Value, json};

/// A primary with faults, and a fallback without.
pub struct Pair {
    /// The vendor whose day is bad.
    pub primary: Vendor,
    /// The vendor that is well.
    pub fallback: Vendor,
}

impl Pair {
    /// Starts both, on free ports.
    pub async fn start(pace: Pace) -> Pair {
        let faults = Faults::new(pace);
        let primary = Vendor::start(move |seen| faults.about(seen)).await;
        let fallback = Vendor::start(move |seen| well(seen, pace)).await;
        Pair { primary, fallback }
    }

    /// What the primary was asked for this case, in order.
    pub fn primary_tries(&self, case: Case) -> Vec<Entry> {
        tries(&self.primary, &case.model())
    }

    /// What the fallback was asked for this case, in order.
    pub fn fallback_tries(&self, case: Case) -> Vec<Entry> {
        tries(&self.fallback, &case.spare())
    }
}

/// The tries of one model, in order.
fn tries(vendor: &Vendor, model: &str) -> Vec<Entry> {
    vendor.ledger().entries_after(0, |entry| entry.seen.json()["model"] == model)
}

/// What the fallback does about a request: every model is well, but for the one that takes no prefill.
pub fn well(seen: &Seen, pace: Pace) -> Act {
    let mut body = seen.json();
    let Some(model) = body["model"].as_str() else { return models("spare") };
    let case = Case::of_spare(model);
    if case.is_some_and(|case| matches!(case.clothes, "anew" | "early")) {
        answering::forget_prefill(&mut body);
        return Answering::to(seen, &body, pace).whole();
    }
    let refuses = case.is_some_and(|case| case.scenario == Scenario::CutAndNoPrefill);
    if refuses && answering::prefill(&body).is_some() {
        return Act::json(
            400,
            &json!({"error": {
                "message": format!("The model `{model}` does not support assistant message prefill. The conversation must end with a user message."),
                "type": "invalid_request_error", "param": "messages", "code": null,
            }}),
        );
    }
    Answering::to(seen, &body, pace).whole()
}

fn models(name: &str) -> Act {
    let row = |id: String| json!({"id": id, "object": "model", "created": 1, "owned_by": name});
    let data: Vec<Value> = Case::all()
        .into_iter()
        .map(|case| row(if name == "spare" { case.spare() } else { case.model() }))
        .collect();
    Act::json(200, &json!({"object": "list", "data": data}))
}
