//! What a call would meet that nobody makes: every target in the order it would be asked, and nothing of it changes anything.

use config::Snapshot;
use config::snapshot::Strategy;
use http::HeaderMap;

use super::fallback::{self, Asked};
use super::open::{Choice, choose, order, rule};
use super::plan::{Reason, Wish};
use super::target::{Known, Plan};
use crate::error::ApiError;
use crate::identify::Caller;

/// What a call would meet.
pub(crate) struct Outlook {
    /// Why it would go where it would go.
    pub(crate) reason: Reason,
    /// How one of several is chosen.
    pub(crate) strategy: Strategy,
    /// How many targets are places of the call itself; those behind them stand in.
    pub(crate) own: usize,
    /// The targets.
    pub(crate) plan: Plan,
}

/// What a call would meet of a caller of whom nothing is known, without headers. Nobody's turn is taken by it.
///
/// # Errors
/// As for [`choose`].
pub(crate) fn outlook(world: &Snapshot, known: Known<'_>, wish: &Wish<'_>) -> Result<Outlook, ApiError> {
    let turns = known.turns.copy_of(rule(world, wish));
    let known = Known { turns: &turns, ..known };
    let choice = choose(world, known, wish)?;
    let Choice { reason, strategy, .. } = choice;
    let targets = order(world, known, choice, wish, None);
    let own = targets.len();
    let mut targets = targets.into_iter();
    let first = targets.next().ok_or_else(ApiError::mistake)?;
    let mut plan = Plan { first, others: targets.collect(), longer: Vec::new(), laxer: Vec::new() };
    let (caller, head) = (Caller::open(), HeaderMap::new());
    fallback::append(&mut plan, world, known, Asked { caller: &caller, wish: *wish, head: &head });
    Ok(Outlook { reason, strategy, own, plan })
}
