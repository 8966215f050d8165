//! `config reset` and `rollback` with `--offline`: what was changed at run time is changed without a gateway, so that one that
//! does not start because of it starts again.

use std::sync::Arc;

use config::snapshot::Database;
use config::{Edit, What};
use control::{Actor, Change, Control, Proposal, Refused, Via};
use gateway::Gateway;
use serde_json::{Value, json};
use store::upkeep;

use crate::command::{changed, reach};
use crate::exit::{Exit, Failure, Outcome};
use crate::foundation::Foundation;
use crate::given::{Named, refused};
use crate::talk::{Mark, Talk};

/// What is to be changed.
pub(super) enum Deed<'a> {
    /// What was set at this path is forgotten.
    Reset(&'a str),
    /// This revision counts again.
    Rollback(u64),
}

/// Changes it in the database no gateway uses; it counts from the next start on.
pub(super) fn change(talk: &Talk, deed: &Deed<'_>, reason: Option<String>) -> Outcome {
    let given = Named::default().given(Vec::new())?;
    let storage = config::storage(&given).map_err(|problems| refused(&problems))?;
    if let Database::File(file) = &storage.database {
        upkeep::nobody_uses(file)?;
    }
    let foundation = Foundation::lay(given)?;
    // What was set at run time may be what does not fit: then files alone are enough to begin with.
    let loaded =
        config::load(&foundation.given()).or_else(|_| config::load(&foundation.given.without_changes()));
    let world = loaded.map_err(|problems| refused(&problems))?.snapshot;
    let Foundation { books, given, remembered } = foundation;
    let control = Control::new(Arc::new(Gateway::new(world, books.clone())), books, given, remembered);
    let done = reach::run(async {
        let proposal = match deed {
            Deed::Reset(path) => {
                let path = control.sheet().await.unwrap_or_default().words(path);
                Proposal::Edits(vec![Edit { path, what: What::Reset }])
            }
            Deed::Rollback(number) => Proposal::Rollback(*number),
        };
        let change = Change { proposal, reason, expected: None };
        control.apply(&Actor::itself(Via::Command), change).await.map_err(why_not)
    })?;
    let told = |one: &config::Difference| json!({"path": one.path, "was": one.was, "is": one.is});
    let differences: Value = done.differences.iter().map(told).collect();
    if talk.json() {
        talk.print_json(
            &json!({"revision": done.revision, "changed": done.changed, "differences": differences}),
        );
        return Ok(Exit::Done);
    }
    talk.print(&changed::lines(&differences));
    talk.say(&match done.changed {
        true => {
            format!("{} Revision {} counts from the next start on.", talk.mark(Mark::Good), done.revision)
        }
        false => format!("Nothing changed: revision {} says so already.", done.revision),
    });
    Ok(Exit::Done)
}

fn why_not(refused: Refused) -> Failure {
    let exit = match refused {
        Refused::Problems(_) | Refused::FilesOnly(_) => Exit::Refused,
        Refused::ReadOnly => Exit::NotAllowed,
        Refused::Conflict { .. } => Exit::Conflict,
        Refused::NoRevision(_) | Refused::Store(_) => Exit::Failed,
    };
    Failure::new(exit, refused.to_string())
}
