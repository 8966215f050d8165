//! Bringing a message to everybody: each has a few seconds, and a second try; nobody waits for the other.

use std::time::Duration;

use config::snapshot::Hook;
use futures_util::future::join_all;
use serde::Serialize;

use super::letter::{Letter, verdict};
use crate::upstream::visit::Visitor;

/// A hook has this long to take a message.
const DEADLINE: Duration = Duration::from_secs(5);
/// Before it is tried once more.
const BREATH: Duration = Duration::from_secs(1);
/// So much of an answer is read.
const MOST: usize = 64 * 1024;

/// What became of a message at one hook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Delivery {
    /// Its service, as under `alerts.to`.
    pub to: &'static str,
    /// Whether it was taken.
    pub taken: bool,
    /// Why not. It names the server and no more of the address, which is a secret.
    pub why: Option<String>,
}

/// Brings a message to all, at once.
pub(super) async fn to_all(hooks: &[Hook], letter: &Letter) -> Vec<Delivery> {
    join_all(hooks.iter().map(|hook| to_one(hook, letter))).await
}

async fn to_one(hook: &Hook, letter: &Letter) -> Delivery {
    let to = hook.service.word();
    let Err(first) = bring(hook, letter).await else { return Delivery { to, taken: true, why: None } };
    tokio::time::sleep(BREATH).await;
    let Err(why) = bring(hook, letter).await else { return Delivery { to, taken: true, why: None } };
    let at = hook.origin.authority.as_str();
    tracing::error!(to, at, why, first, "an alert could not be delivered");
    Delivery { to, taken: false, why: Some(format!("{at}: {why}")) }
}

/// One try.
async fn bring(hook: &Hook, letter: &Letter) -> Result<(), String> {
    let late = |_| format!("no answer within {} s", DEADLINE.as_secs());
    tokio::time::timeout(DEADLINE, ask(hook, letter)).await.map_err(late)?
}

async fn ask(hook: &Hook, letter: &Letter) -> Result<(), String> {
    let request = letter.request(hook).ok_or("its address cannot be sent")?;
    let mut visitor = Visitor::to(hook.origin.clone(), DEADLINE);
    let visit = visitor.ask(request).await.map_err(|problem| problem.cause())?;
    let status = visit.status;
    // A message goes where it was written, and nowhere it is sent on to.
    if !status.is_success() {
        return Err(format!("it answered with status {}", status.as_u16()));
    }
    let body = visit.whole(MOST).await.map_err(|problem| problem.cause())?;
    verdict(hook.service, &body)
}
