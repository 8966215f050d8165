//! Everything about one provider, step by step: its name, the connection, its certificate, an answer, our key, its models,
//! its clock; and a token of each of its models, and a stream. By the connections and the vendor's rules that calls use.
//!
//! A step that fails is the last that is tried; those after it are skipped and say so. The calls for tokens are calls like
//! any other, recorded under the caller `verify`; the questions before them cost nothing and are not.

mod calls;
mod check;
mod listed;
mod reach;
mod trial;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use config::snapshot::{Credential, Provider};
use protocol::secret::Secret;
use tokio::time::Instant;

pub use check::{Calls, Check, CheckResult, Verification, VerifyOptions};

use super::inspect::Inspector;
use super::trouble::Trouble;
use crate::Gateway;
use crate::standing::Purse;
use check::millis;

/// The largest answer read.
const LARGEST: usize = 8 * 1024 * 1024;

/// The chain of steps has come to its end: one has failed, or there is nothing more to try.
struct Over;

/// Why a step brought nothing.
enum Stuck {
    Trouble(Trouble),
    /// Its time was up.
    Late(Duration),
}

/// How long a step may take that begins now.
#[derive(Clone, Copy)]
struct Time {
    until: Instant,
    patience: Duration,
}

impl Time {
    /// Does something within it.
    async fn bounds<T>(self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Stuck> {
        match tokio::time::timeout_at(self.until, work).await {
            Ok(done) => done.map_err(Stuck::Trouble),
            Err(_) => Err(Stuck::Late(self.patience)),
        }
    }
}

/// One provider while it is looked at.
struct Examination<'g> {
    provider: Arc<Provider>,
    options: VerifyOptions,
    /// Whose books the calls for tokens go into; none beside a gateway.
    gateway: Option<&'g Gateway>,
    inspector: Inspector,
    /// When all must be over.
    until: Instant,
    checks: Vec<Check>,
    clock_apart: Option<u64>,
}

/// Verifies a provider. Calls for tokens go into the gateway's books, if there is one.
pub(crate) async fn verify(
    gateway: Option<&Gateway>,
    provider: Arc<Provider>,
    options: VerifyOptions,
) -> Verification {
    let began = Instant::now();
    let patience = provider.timeouts.connect.min(options.each);
    let purse = match gateway {
        Some(gateway) => gateway.register.purses.find(&provider),
        None => Purse::apart(&provider),
    };
    let mut examination = Examination {
        inspector: Inspector::with(provider.clone(), purse, patience),
        provider,
        options,
        gateway,
        until: began + options.whole,
        checks: Vec::new(),
        clock_apart: None,
    };
    // How far it came stands in the checks.
    let _ = Box::pin(examination.run()).await;
    examination.finish(began)
}

impl Examination<'_> {
    async fn run(&mut self) -> Result<(), Over> {
        self.reach().await?;
        let known = self.ask_for_models().await?;
        self.calls(known).await;
        Ok(())
    }

    fn time(&self) -> Time {
        let now = Instant::now();
        let until = self.until.min(now + self.options.each);
        Time { until, patience: until - now }
    }

    /// Notes a check; what came from outside is looked through for secrets.
    fn note(&mut self, mut check: Check) {
        let texts = [Some(&mut check.what), check.cause.as_mut(), check.hint.as_mut(), check.model.as_mut()];
        for text in texts.into_iter().flatten() {
            withhold(text, &self.provider);
        }
        self.checks.push(check);
    }

    /// Notes a check that is the last.
    fn stop(&mut self, check: Check) -> Over {
        self.note(check);
        Over
    }

    fn finish(mut self, began: Instant) -> Verification {
        let failed = self.checks.iter().find(|check| check.result == CheckResult::Failed);
        let why = match failed {
            Some(failed) => format!("not tried, for `{}` failed", failed.check),
            None => "not tried".to_owned(),
        };
        for word in Verification::CHECKS {
            if !self.checks.iter().any(|check| check.check == word) {
                self.note(Check::skipped(word, why.as_str()));
            }
        }
        let place = |check: &Check| Verification::CHECKS.iter().position(|word| *word == check.check);
        self.checks.sort_by_key(place);
        Verification {
            provider: self.provider.name.clone(),
            kind: self.provider.vendor.name().to_owned(),
            result: self.checks.iter().map(|check| check.result).max().unwrap_or(CheckResult::Skipped),
            took_ms: millis(began.elapsed()),
            clock_apart_seconds: self.clock_apart,
            checks: self.checks,
        }
    }
}

impl Stuck {
    fn cause(&self) -> String {
        match self {
            Self::Trouble(trouble) => trouble.cause(),
            Self::Late(patience) => format!("nothing came within {} s", patience.as_secs_f64().ceil()),
        }
    }
}

/// Takes the provider's secrets out of a text: its key, the login of the proxy on the way, and what its headers hold.
fn withhold(text: &mut String, provider: &Provider) {
    let key = match &provider.credential {
        Credential::Stored(secret) => Some(secret),
        // What is wrong with an identity is told without its secrets.
        Credential::Identity(_) | Credential::Passthrough | Credential::None => None,
    };
    let login = provider.origin.proxy.as_ref().and_then(|proxy| proxy.login.as_ref());
    let headers = provider.headers.values().filter_map(|value| value.to_str().ok());
    let secrets = key.into_iter().chain(login).map(Secret::expose).chain(headers);
    // Shorter ones are placeholders, and would tear words apart.
    for secret in secrets.filter(|secret| secret.len() >= 8) {
        if text.contains(secret) {
            *text = text.replace(secret, "***");
        }
    }
    if key.is_some_and(|key| key.is_in(text.as_bytes())) {
        "withheld: it repeats our key".clone_into(text);
    }
}
