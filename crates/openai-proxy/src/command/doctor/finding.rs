//! What a check found: result, cause and the way out; and the repairs that are safe to do.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::talk::Mark;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Good,
    /// Works, and may not be what is wanted.
    Warning,
    Bad,
    /// There was nothing to check, or it was not to be checked.
    Skipped,
}

impl State {
    /// The word for it in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Skipped => "skipped",
        }
    }

    /// The mark before its line.
    pub(super) fn mark(self) -> Mark {
        match self {
            Self::Good => Mark::Good,
            Self::Warning => Mark::Warning,
            Self::Bad => Mark::Bad,
            Self::Skipped => Mark::Nothing,
        }
    }
}

/// What `--fix` may do: nothing that could hurt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Repair {
    /// Nobody but its owner reads or writes it; the mode it gets.
    MakePrivate(PathBuf, u32),
    /// The note of a gateway that is gone.
    Remove(PathBuf),
}

impl Repair {
    /// What it does, as one would type it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::MakePrivate(path, mode) => format!("chmod {mode:o} {}", path.display()),
            Self::Remove(path) => format!("rm {}", path.display()),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) fn run(&self) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        match self {
            Self::MakePrivate(path, mode) => {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode))
            }
            Self::Remove(path) => std::fs::remove_file(path),
        }
    }
}

/// One result.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The check, by a word that stays.
    pub(super) check: &'static str,
    /// What it is about when there are several: a provider's name, an address.
    pub(super) about: String,
    pub(super) state: State,
    /// What was seen.
    pub(super) what: String,
    /// Why that is so.
    pub(super) cause: Option<String>,
    /// What to do.
    pub(super) fix: Option<String>,
    pub(super) repair: Option<Repair>,
}

impl Finding {
    fn new(check: &'static str, state: State, what: impl Into<String>) -> Self {
        Self { check, about: String::new(), state, what: what.into(), cause: None, fix: None, repair: None }
    }

    pub(super) fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Good, what)
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Warning, what)
    }

    pub(super) fn bad(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Bad, what)
    }

    pub(super) fn skipped(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Skipped, what)
    }

    pub(super) fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    pub(super) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn repair(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "check": self.check,
            "about": (!self.about.is_empty()).then_some(&self.about),
            "result": self.state.word(),
            "what": self.what,
            "cause": self.cause,
            "fix": self.fix,
        })
    }
}
