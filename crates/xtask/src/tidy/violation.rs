//! One broken wall, in the form an editor can jump to.

use std::fmt;

/// A place where a wall is broken: where, what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file, relative to the workspace root, with forward slashes.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, as half a sentence.
    pub wrong: String,
    /// What to do, as the other half.
    pub cure: String,
}

impl Violation {
    /// Notes that `path` breaks a wall at `line`.
    pub(crate) fn new(path: &str, line: usize, wrong: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, wrong: wrong.into(), cure: cure.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.wrong, self.cure)
    }
}
