//! What is wrong with a configuration, where, and what to do about it. Always a list, never just the first.

use std::fmt;
use std::sync::Arc;

/// Where something was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The file as it was named, or the environment variable, or the flag.
    pub file: Arc<str>,
    /// Line, from 1; 0 where there are no lines (variables, flags).
    pub line: usize,
    /// Column, from 1; 0 where there are no lines.
    pub column: usize,
}

impl Place {
    /// A place without lines: an environment variable or a flag.
    pub(crate) fn outside(name: &str) -> Self {
        Self { file: Arc::from(name), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.file),
            line => write!(out, "{}:{line}", self.file),
        }
    }
}

/// One thing that is wrong, or worth knowing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The setting, dotted: `providers.openai.base_url`. Empty when it is about the file as a whole.
    pub path: String,
    /// Where it was written, if it was.
    pub place: Option<Place>,
    /// What is wrong: one sentence.
    pub what: String,
    /// What to do: one sentence.
    pub fix: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(out, "{place}: ")?;
        }
        out.write_str(&self.what)?;
        match &self.fix {
            Some(fix) => write!(out, " {fix}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, in the order it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(out, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What a value has against it: a sentence's end that follows the setting's name, and a way out.
///
/// The reader of one value knows what is wrong with it, but neither the setting's name nor its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wrong {
    /// Follows "`server.listen` ": "has no port."
    pub(crate) what: String,
    /// What to write instead.
    pub(crate) fix: Option<String>,
}

impl Wrong {
    /// The same, where these words may be written as well.
    pub(crate) fn or_write(mut self, words: &str) -> Self {
        if let Some(rest) = self.fix.as_deref().and_then(|fix| fix.strip_prefix("Write ")) {
            self.fix = Some(format!("Write {words}, or {rest}"));
        }
        self
    }
}

/// Something wrong with a value, with the way out.
pub(crate) fn wrong<T>(what: impl Into<String>, fix: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { what: what.into(), fix: Some(fix.into()) })
}
