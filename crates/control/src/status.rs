//! How reading the configuration anew went.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::actor::Actor;
use crate::change::Applied;
use crate::refused::Refused;

/// How it went, since the start.
#[derive(Clone, Default, Serialize, Debug)]
pub struct ReloadStatus {
    /// How often something was proposed.
    pub proposed: u64,
    /// How often that was refused.
    pub refused: u64,
    /// The last time.
    pub last: Option<Last>,
    /// The last time files were read anew, by themselves or because somebody said so; a change by hand that is refused says
    /// nothing against them.
    pub last_read: Option<Last>,
}

/// The last time.
#[derive(Clone, Serialize, Debug)]
pub struct Last {
    /// When, microseconds since 1970.
    pub at_us: u64,
    /// Who proposed it.
    pub actor: String,
    /// By which way.
    pub via: &'static str,
    /// `applied`, `unchanged` or `refused`.
    pub outcome: &'static str,
    /// Why it was refused, one entry a problem.
    pub problems: Vec<String>,
    /// What was noticed and is not wrong.
    pub notes: Vec<String>,
}

impl ReloadStatus {
    /// Takes down how one went.
    pub(crate) fn take_down(&mut self, actor: &Actor, reread: bool, outcome: &Result<Applied, Refused>) {
        self.proposed += 1;
        let (word, problems, notes) = match outcome {
            Ok(applied) => {
                let word = if applied.changed { "applied" } else { "unchanged" };
                (word, Vec::new(), applied.notes.iter().map(ToString::to_string).collect())
            }
            Err(refused) => {
                self.refused += 1;
                ("refused", refused.to_string().lines().map(str::to_owned).collect(), Vec::new())
            }
        };
        let (actor, via) = (actor.name.clone(), actor.via.name());
        let last = Last { at_us: now_us(), actor, via, outcome: word, problems, notes };
        if reread || outcome.is_ok() {
            self.last_read = Some(last.clone());
        }
        self.last = Some(last);
    }
}

/// This moment, microseconds since 1970.
pub(crate) fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
