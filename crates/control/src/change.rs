//! What can be proposed, and what comes of it.

use config::{Difference, Edit, Problem, Stored};

/// What is to become of the configuration.
#[derive(Clone, Debug)]
pub enum Proposal {
    /// What files, and the database, say now.
    Reread,
    /// Some settings are to be others.
    Edits(Vec<Edit>),
    /// It is to be what it was at a revision.
    Rollback(u64),
    /// What another program left is taken over.
    Import(Vec<Stored>),
}

/// A proposal, and what goes with it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is to become of the configuration.
    pub proposal: Proposal,
    /// Why.
    pub reason: Option<String>,
    /// The revision it was made for; another one that counts by now refuses it.
    pub expected: Option<u64>,
}

/// A change that holds.
#[derive(Debug)]
pub struct Applied {
    /// The revision that counts now.
    pub revision: u64,
    /// Whether it is a new one.
    pub changed: bool,
    /// What it says differently; secrets hidden.
    pub differences: Vec<Difference>,
    /// What was noticed and is not wrong: settings not in use yet, older spellings.
    pub notes: Vec<Problem>,
}

impl From<Proposal> for Change {
    fn from(proposal: Proposal) -> Self {
        Self { proposal, reason: None, expected: None }
    }
}

impl Proposal {
    /// Why, where nobody says so and it can be told all the same.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Rollback(number) => Some(format!("back to revision {number}")),
            Self::Reread | Self::Edits(_) | Self::Import(_) => None,
        }
    }

    /// What the audit trail calls it: an action, and what it is done to.
    pub(crate) fn told(&self) -> (&'static str, String) {
        match self {
            Self::Reread => ("config.reload", "configuration".to_owned()),
            Self::Edits(edits) => {
                let paths: Vec<String> = edits.iter().map(|edit| edit.path.join(".")).collect();
                ("config.change", paths.join(", "))
            }
            Self::Rollback(number) => ("config.rollback", format!("revision {number}")),
            Self::Import(_) => ("config.import", "configuration".to_owned()),
        }
    }
}
