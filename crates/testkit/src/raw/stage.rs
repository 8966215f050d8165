//! The vendor behind the gateway while cases run: it answers like a small OpenAI, except where a case says which
//! bytes to answer with.

use crate::vendor::{Act, Ledger, Seen, Vendor};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

type Planned = Arc<Mutex<HashMap<String, Act>>>;

/// A vendor whose answers can be set run by run.
pub struct Stage {
    vendor: Vendor,
    planned: Planned,
}

impl Stage {
    /// Starts it. The gateway under test is to have it as its only provider.
    pub async fn start() -> Stage {
        let planned = Planned::default();
        let answers = planned.clone();
        let vendor = Vendor::start(move |seen| {
            let planned = answers.lock().expect("no panic while the plans are held");
            id_of(seen).and_then(|id| planned.get(&id).cloned()).unwrap_or_else(|| usual(seen))
        })
        .await;
        Stage { vendor, planned }
    }

    /// Its vendor.
    pub fn vendor(&self) -> &Vendor {
        &self.vendor
    }

    pub(super) fn plans(&self) -> Plans {
        Plans { planned: self.planned.clone(), ledger: self.vendor.ledger() }
    }
}

/// What a run needs of the stage.
#[derive(Clone)]
pub(super) struct Plans {
    planned: Planned,
    pub(super) ledger: Ledger,
}

impl Plans {
    pub(super) fn answer(&self, id: &str, act: Act) {
        self.planned.lock().expect("no panic while the plans are held").insert(id.to_owned(), act);
    }
}

/// The run a request belongs to: from the header, or from the query where a case leaves the header out.
fn id_of(seen: &Seen) -> Option<String> {
    let query = || seen.target.split_once("id=").and_then(|(_, rest)| rest.get(..16));
    seen.header("x-case").or_else(query).map(str::to_owned)
}

fn usual(seen: &Seen) -> Act {
    if seen.method != "POST" {
        return Act::json(200, &json!({"object": "list", "data": [], "has_more": false}));
    }
    Act::json(
        200,
        &json!({
            "id": "chatcmpl-testkit", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        }),
    )
}
