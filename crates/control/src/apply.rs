//! THE SECOND LINE: propose, check, record, publish, swap. Nothing else changes what a running gateway does.

use std::sync::Arc;

use config::{Difference, Problem, Sheet};
use serde_json::{Value as Json, json};
use store::{AuditEntry, NewRevision, Recorded, StoreProblem};

use crate::actor::{Actor, Via};
use crate::candidate::Candidate;
use crate::change::{Applied, Change, Proposal};
use crate::later::later;
use crate::refused::Refused;
use crate::status::now_us;
use crate::{Control, memory};

/// Something somebody did, or tried, for the audit trail.
#[derive(Clone, Debug)]
pub struct Deed<'d> {
    /// What kind of thing: `provider.pause`.
    pub action: &'d str,
    /// What it was done to.
    pub subject: &'d str,
    /// What came of it: `done`, `refused`, `unchanged`.
    pub outcome: &'d str,
    /// More of it; holds no secret.
    pub detail: Json,
}

/// How often a change that nobody bound to a revision is tried again when others are faster.
const TRIES: usize = 20;

impl Control {
    /// Makes a change. Doors stay as they are; calls that have begun keep the old configuration.
    ///
    /// # Errors
    /// Why it was not made. The running configuration is then untouched.
    pub async fn apply(&self, actor: &Actor, change: Change) -> Result<Applied, Refused> {
        let _turn = self.inner.turn.lock().await;
        // A configuration is much to hold on somebody else's stack.
        let outcome = Box::pin(self.change(actor, &change)).await;
        let reread = matches!(change.proposal, Proposal::Reread);
        self.now().status.take_down(actor, reread, &outcome);
        self.gateway().reloaded(outcome.is_ok(), self.revision());
        let (action, subject) = change.proposal.told();
        let deed = |outcome, detail| Deed { action, subject: &subject, outcome, detail };
        match &outcome {
            Err(refused) => self.audit(actor, deed("refused", json!({"why": refused.to_string()}))).await,
            Ok(applied) if !applied.changed && matches!(actor.via, Via::Api | Via::Command) => {
                self.audit(actor, deed("unchanged", json!({}))).await;
            }
            // A revision brings its entry with it.
            Ok(_) => {}
        }
        self.inner.told.send_modify(|times| *times += 1);
        outcome
    }

    /// What a change would make, and nothing happens.
    ///
    /// # Errors
    /// Why it would not be made.
    pub async fn plan(&self, actor: &Actor, proposal: &Proposal) -> Result<Applied, Refused> {
        let _turn = self.inner.turn.lock().await;
        let head = self.catch_up().await?;
        Ok(self.weigh(actor, proposal, head).await?.1)
    }

    /// What a proposal would make of revision `head`, and how that differs from what counts.
    async fn weigh(
        &self,
        actor: &Actor,
        proposal: &Proposal,
        head: u64,
    ) -> Result<(Candidate, Applied), Refused> {
        let candidate = self.candidate(actor, proposal, head).await?;
        // Without any, everything is new.
        let known = self.sheet().await.unwrap_or_default();
        let stored = memory::text(&self.now().given.stored) == candidate.layer;
        let applied = Applied {
            revision: head,
            changed: !(stored && known.text() == candidate.sheet.text()),
            differences: known.differences(&candidate.sheet),
            notes: self.notes(&candidate),
        };
        Ok((candidate, applied))
    }

    /// Notes in the audit trail what somebody did, or tried, that is no change of the configuration.
    pub async fn audit(&self, actor: &Actor, deed: Deed<'_>) {
        let Deed { action, subject, outcome, .. } = deed;
        let db = &self.books().db;
        // Whoever is refused first comes before the first revision, with which the key is made.
        let audited = match Box::pin(self.inner.strongbox.prepare(db)).await {
            Ok(()) => db.audit(&entry(actor, &deed)).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = audited {
            let actor = &actor.name;
            tracing::error!(
                action,
                subject,
                outcome,
                actor,
                "the audit trail has no entry of this: {problem}"
            );
        }
    }

    async fn change(&self, actor: &Actor, change: &Change) -> Result<Applied, Refused> {
        let left = self.now().left.clone();
        let first =
            self.revision() == 0 && (!left.is_empty() || !matches!(change.proposal, Proposal::Reread));
        if first && self.catch_up().await? == 0 {
            // What is to be changed is a revision, too, or nothing could lead back to it.
            let (via, proposal) = match left.is_empty() {
                true => (Via::Start, Proposal::Reread),
                false => (Via::Import, Proposal::Import(left)),
            };
            self.one(&Actor::itself(via), &Change::from(proposal)).await?;
        }
        self.now().left.clear();
        self.one(actor, change).await
    }

    async fn one(&self, actor: &Actor, change: &Change) -> Result<Applied, Refused> {
        for _ in 0..TRIES {
            let head = match self.catch_up().await {
                Err(Refused::Store(problem)) => return self.unrecorded(actor, change, problem).await,
                head => head?,
            };
            if let Some(expected) = change.expected.filter(|expected| *expected != head) {
                return Err(Refused::Conflict { expected, head });
            }
            let (candidate, applied) = self.weigh(actor, &change.proposal, head).await?;
            if head > 0 && !applied.changed {
                self.publish(head, candidate);
                return Ok(applied);
            }
            match self.record(actor, change, (head, &candidate), &applied.differences).await {
                Ok(Recorded::Done(revision)) => {
                    self.inner.copy.keep(revision, &candidate.layer);
                    self.publish(revision, candidate);
                    return Ok(Applied { revision, changed: true, ..applied });
                }
                Ok(Recorded::Moved(_)) => {}
                Err(problem) => return self.unrecorded(actor, change, problem).await,
            }
        }
        let head = self.revision();
        Err(Refused::Conflict { expected: change.expected.unwrap_or(head), head })
    }

    /// Reads files anew though that cannot be recorded. Whatever else was proposed is refused.
    async fn unrecorded(
        &self,
        actor: &Actor,
        change: &Change,
        problem: StoreProblem,
    ) -> Result<Applied, Refused> {
        if !matches!(change.proposal, Proposal::Reread) {
            return Err(problem.into());
        }
        tracing::warn!("not recorded as a revision: {problem}");
        let head = self.revision();
        let (candidate, applied) = self.weigh(actor, &change.proposal, head).await?;
        self.publish(head, candidate);
        Ok(Applied { changed: false, ..applied })
    }

    async fn record(
        &self,
        actor: &Actor,
        change: &Change,
        (head, candidate): (u64, &Candidate),
        differences: &[Difference],
    ) -> Result<Recorded, StoreProblem> {
        let changed = json!(differences.iter().map(told).collect::<Vec<_>>());
        let new = NewRevision {
            actor: actor.name.clone(),
            via: actor.via.name().to_owned(),
            reason: change.reason.clone().or_else(|| change.proposal.reason()),
            sheet: candidate.sheet.text(),
            layer: candidate.layer.clone(),
            changed: changed.to_string(),
        };
        let (action, subject) = change.proposal.told();
        let detail = json!({"revision": head + 1, "reason": change.reason, "changed": changed});
        let deed = Deed { action, subject: &subject, outcome: "done", detail };
        self.books().db.record_revision(head, &new, &entry(actor, &deed)).await
    }

    /// The same as [`Self::catch_up`], when it is nobody else's turn.
    pub(crate) async fn take_in(&self) -> Result<u64, Refused> {
        let _turn = self.inner.turn.lock().await;
        let before = self.revision();
        let revision = self.catch_up().await?;
        if revision != before {
            self.inner.told.send_modify(|times| *times += 1);
        }
        Ok(revision)
    }

    /// Takes in what other gateways that share the database have changed, and returns the newest revision.
    pub(crate) async fn catch_up(&self) -> Result<u64, Refused> {
        let db = &self.books().db;
        self.inner.strongbox.prepare(db).await?;
        let known = self.now().given.pepper.is_some();
        if !known {
            // The database was away at the start: callers whose keys it has are known from now on.
            let pepper = self.inner.strongbox.pepper(db).await?;
            self.now().given.pepper = Some(pepper);
        }
        let head = db.head_number().await?;
        if known && head == self.revision() {
            return Ok(head);
        }
        // Where nothing was recorded yet, no key of a caller was either.
        let Some(newest) = db.head().await? else { return Ok(0) };
        let mut given = config::frozen(&self.given())?;
        memory::take(db, &self.inner.strongbox, &newest, &mut given).await?;
        let below = config::sheet(&given.without_changes())?;
        let candidate = self.checked(given, below, false).await?;
        self.inner.copy.keep(newest.number, &newest.layer);
        self.publish(newest.number, candidate);
        Ok(newest.number)
    }

    fn notes(&self, candidate: &Candidate) -> Vec<Problem> {
        let mut notes = candidate.loaded.notes.clone();
        notes.extend(later(&self.inner.opened, &candidate.loaded.snapshot));
        notes.extend(self.overridden(candidate));
        notes
    }

    /// Swaps.
    fn publish(&self, revision: u64, candidate: Candidate) {
        let Candidate { given, loaded, sheet, files, .. } = candidate;
        self.gateway().publish(loaded.snapshot);
        let mut now = self.now();
        // What was found meanwhile stays found.
        let found = std::mem::take(&mut now.given.found);
        now.given = config::Given { found, frozen: None, ..given };
        now.revision = revision;
        now.sheet = Some(sheet);
        now.files = Some(files);
    }

    /// What is written, as it counts now; secrets sealed.
    ///
    /// # Errors
    /// When nothing was read since the start, and the database is away.
    pub async fn sheet(&self) -> Result<Arc<Sheet>, Refused> {
        let known = self.now().sheet.clone();
        match known {
            Some(sheet) => Ok(sheet),
            // Nothing was read since the start: what was recorded last counts.
            None => self.sheet_of(self.revision()).await.map(Arc::new),
        }
    }
}

fn entry(actor: &Actor, deed: &Deed<'_>) -> AuditEntry {
    AuditEntry {
        at_us: now_us(),
        actor: actor.name.clone(),
        role: actor.role.name().to_owned(),
        address: actor.address.clone(),
        action: deed.action.to_owned(),
        subject: deed.subject.to_owned(),
        outcome: deed.outcome.to_owned(),
        detail: deed.detail.to_string(),
    }
}

fn told(difference: &Difference) -> Json {
    json!({"path": difference.path, "was": difference.was, "is": difference.is})
}
