//! Recorded changes of the configuration. What their texts say is the business of those who record them.

use crate::text;

use crate::audit::AuditKey;
use crate::problem::StoreProblem;

/// One recorded change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Its number: one more than that of the one before it, and never used again.
    pub number: u64,
    /// When it was made, microseconds since 1970.
    pub made_us: u64,
    /// Who made it.
    pub actor: String,
    /// By which way: the API, the command line, a file.
    pub via: String,
    /// Why, if they said so.
    pub reason: Option<String>,
    /// What was in force from then on.
    pub sheet: String,
    /// What was stored from then on.
    pub layer: String,
    /// What it changed.
    pub changed: String,
    /// That all this is as it was recorded, by whoever has the key of the audit.
    pub(crate) seal: String,
}

/// The same for lists, without its long texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevisionLine {
    /// Its number.
    pub number: u64,
    /// When it was made, microseconds since 1970.
    pub made_us: u64,
    /// Who made it.
    pub actor: String,
    /// By which way.
    pub via: String,
    /// Why, if they said so.
    pub reason: Option<String>,
    /// What it changed.
    pub changed: String,
}

/// One that is to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRevision {
    /// Who makes it.
    pub actor: String,
    /// By which way.
    pub via: String,
    /// Why, if they say so.
    pub reason: Option<String>,
    /// What is in force from now on.
    pub sheet: String,
    /// What is stored from now on.
    pub layer: String,
    /// What it changes.
    pub changed: String,
}

/// What became of one that was to be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It is there, under this number.
    Done(u64),
    /// Somebody was faster: this is the number of the newest one now; 0: there is none.
    Moved(u64),
}

impl NewRevision {
    /// Makes it one that both databases hold; its other texts have to be kept as they are.
    pub(crate) fn fit(mut self) -> Self {
        [&mut self.actor, &mut self.via].into_iter().chain(&mut self.reason).for_each(text::without_nul);
        self
    }

    /// It as a row.
    pub(crate) fn numbered(self, number: u64, made_us: u64) -> Revision {
        let Self { actor, via, reason, sheet, layer, changed } = self;
        Revision { number, made_us, actor, via, reason, sheet, layer, changed, seal: String::new() }
    }
}

impl Revision {
    /// It with its seal.
    pub(crate) fn sealed(mut self, key: &AuditKey) -> Self {
        self.seal = self.seal_by(key);
        self
    }

    fn seal_by(&self, key: &AuditKey) -> String {
        let Self { number, made_us, actor, via, reason, sheet, layer, changed, seal: _ } = self;
        let reason = reason.as_deref().unwrap_or_default();
        key.hash("revision", &[*number, *made_us], &[actor, via, reason, sheet, layer, changed])
    }

    /// It, if it is as it was recorded. Whoever can only write rows cannot make one that is (docs/adr/0019).
    pub(crate) fn trusted(self, key: &AuditKey) -> Result<Self, StoreProblem> {
        if self.seal_by(key) == self.seal {
            return Ok(self);
        }
        Err(StoreProblem::Damaged {
            place: format!("revision {}", self.number),
            why: "it is not as it was recorded, or the key of the audit is not the one it was recorded with"
                .to_owned(),
        })
    }
}

impl From<&Revision> for RevisionLine {
    fn from(whole: &Revision) -> Self {
        let Revision { number, made_us, actor, via, reason, changed, .. } = whole.clone();
        Self { number, made_us, actor, via, reason, changed }
    }
}
