//! What a check of a provider found, as it is told: to the person who runs this gateway, and to nobody else. Hosts and a
//! provider's own words may stand in it; secrets never do.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// There was nothing to check, or it was not to be checked.
    Skipped,
    /// All is well.
    Passed,
    /// It works, and may not be what is wanted.
    Warning,
    /// It does not work.
    Failed,
}

/// One check.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Check {
    /// Its word.
    pub check: &'static str,
    /// The provider's own name of the model it is about, if it is about one.
    pub model: Option<String>,
    /// How it came out.
    pub result: CheckResult,
    /// How long it took.
    pub took_ms: Option<f64>,
    /// What was seen.
    pub what: String,
    /// Why that is so.
    pub cause: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// What all checks of a provider found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verification {
    /// Its name.
    pub provider: String,
    /// The kind of service.
    pub kind: String,
    /// The worst of the checks.
    pub result: CheckResult,
    /// How long all of it took.
    pub took_ms: f64,
    /// How far our clock is from the one that dated its answer.
    pub clock_apart_seconds: Option<u64>,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

/// Which models are asked for a token. That costs money where tokens do, a fraction of a cent each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Calls {
    /// None.
    None,
    /// The first that chats.
    One,
    /// Each that is configured; without any, the first that chats and the first that embeds of those it lists.
    Each,
}

/// What a verification may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifyOptions {
    /// Which models are asked.
    pub calls: Calls,
    /// Each check has this long.
    pub each: Duration,
    /// And all together this long; what is left then is skipped.
    pub whole: Duration,
    /// This gateway runs in a container, where `localhost` is the container itself.
    pub in_container: bool,
}

impl Verification {
    /// The words of the checks, in the order they are made. A word stays once it is published (docs/verification.md).
    pub const CHECKS: [&str; 9] =
        ["name", "connection", "certificate", "answer", "key", "models", "clock", "token", "stream"];
}

impl Default for VerifyOptions {
    fn default() -> Self {
        let (each, whole) = (Duration::from_secs(30), Duration::from_secs(120));
        Self { calls: Calls::Each, each, whole, in_container: false }
    }
}

impl Check {
    fn new(check: &'static str, result: CheckResult, what: impl Into<String>) -> Self {
        Self { check, model: None, result, took_ms: None, what: what.into(), cause: None, hint: None }
    }

    pub(super) fn passed(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, CheckResult::Passed, what)
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, CheckResult::Warning, what)
    }

    pub(super) fn failed(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, CheckResult::Failed, what)
    }

    pub(super) fn skipped(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, CheckResult::Skipped, what)
    }

    pub(super) fn model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    pub(super) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It began then and has just ended.
    pub(super) fn since(mut self, began: Instant) -> Self {
        self.took_ms = Some(millis(began.elapsed()));
        self
    }
}

/// A time in milliseconds, to a hundredth.
pub(super) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}
