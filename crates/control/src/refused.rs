//! Why a change was not made.

use std::fmt;

use config::Problems;
use store::StoreProblem;

/// Why a change was not made; nothing has changed.
#[derive(Debug)]
pub enum Refused {
    /// The configuration it would make is wrong.
    Problems(Problems),
    /// It was made for another revision than the one that counts now.
    Conflict {
        /// The revision it was made for.
        expected: u64,
        /// The one that counts now.
        head: u64,
    },
    /// Files alone have the word (`config.source: file`).
    ReadOnly,
    /// This setting stands in files only: it says where changes are kept, which files are written, or by which door
    /// administration is reached.
    FilesOnly(String),
    /// There is no such revision, or not any more.
    NoRevision(u64),
    /// It could not be recorded.
    Store(StoreProblem),
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => write!(out, "{problems}"),
            Self::Conflict { expected, head } => write!(
                out,
                "The change was made for revision {expected}, and the configuration is at revision {head} by now. Look at what changed, and make it again."
            ),
            Self::ReadOnly => out.write_str(
                "The configuration is read only here: `config.source` is `file`. Change the files; they are read again by themselves.",
            ),
            Self::FilesOnly(path) => write!(
                out,
                "`{path}` counts in files only: such settings say where changes are kept, which files are written and how this is reached. Change it there."
            ),
            Self::NoRevision(number) => {
                write!(out, "There is no revision {number}. See those that are kept: openai-proxy config versions")
            }
            Self::Store(problem) => write!(out, "The change could not be recorded, and was not made: {problem}"),
        }
    }
}

impl std::error::Error for Refused {}

impl From<Problems> for Refused {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<StoreProblem> for Refused {
    fn from(problem: StoreProblem) -> Self {
        Self::Store(problem)
    }
}
