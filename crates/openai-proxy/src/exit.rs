//! How a command ends: the codes scripts rely on, and the words that go with a failure.

use std::process::ExitCode;

/// The exit codes, one meaning each; the same table is in the manual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Done; `status`: running.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong use (clap's own, too).
    Misused = 2,
    /// `status`: not running (as the Linux Standard Base has it).
    NotRunning = 3,
    /// A check ran and found trouble.
    Trouble = 4,
    /// Somebody must decide first: a file is there and differs, a yes is missing, or somebody else changed it meanwhile.
    Conflict = 5,
    /// The gateway, or what it leads to, cannot be reached (sysexits `EX_UNAVAILABLE`).
    Unreachable = 69,
    /// Not allowed (sysexits `EX_NOPERM`).
    NotAllowed = 77,
    /// The configuration is refused (sysexits `EX_CONFIG`); lets a service manager stop a crash loop.
    Refused = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to: four lines at most, what, where, why, what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code it ends with.
    pub(crate) exit: Exit,
    /// What the person reads.
    pub(crate) say: String,
}

impl Failure {
    /// A failure with its own code.
    pub(crate) fn new(exit: Exit, say: impl Into<String>) -> Self {
        Self { exit, say: say.into() }
    }
}

/// Any other trouble: exit 1, its causes behind each other.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, format!("{error:#}."))
    }
}

/// What a command comes to.
pub(crate) type Outcome = Result<Exit, Failure>;
