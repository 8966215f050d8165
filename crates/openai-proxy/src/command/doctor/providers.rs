//! Each provider, as the gateway itself verifies it; with `--deep` one token and a stream, too. All are asked at once, each
//! within its time.

use std::sync::Arc;
use std::time::Duration;

use config::snapshot::{Credential, Provider, Scheme};
use gateway::{Calls, Check, CheckResult, Verification, VerifyOptions, verify};
use tokio::task::JoinSet;

use super::container;
use super::finding::Finding;
use super::scene::Scene;

/// Everything about one provider has this long.
const LIMIT: Duration = Duration::from_secs(15);
/// The same with real answers; a model may have to be loaded first.
const DEEP_LIMIT: Duration = Duration::from_secs(120);

/// Checks them all, and our clock against theirs.
pub(super) async fn check(scene: &Scene) -> Vec<Finding> {
    let Ok(loaded) = &scene.loaded else {
        return vec![Finding::skipped("provider", "not asked: the configuration is refused")];
    };
    let providers = &loaded.snapshot.providers;
    if scene.offline {
        let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
        return vec![Finding::skipped("provider", format!("not asked (--offline): {}", names.join(", ")))];
    }
    let (calls, limit) = if scene.deep { (Calls::One, DEEP_LIMIT) } else { (Calls::None, LIMIT) };
    let in_container = container::sign(scene).is_some();
    let options = VerifyOptions { calls, each: limit, whole: limit, in_container };
    let mut asking = JoinSet::new();
    for (place, provider) in providers.iter().enumerate() {
        let provider = provider.clone();
        asking.spawn(async move { (place, verify(provider, options).await) });
    }
    let mut all: Vec<(usize, Verification)> = Vec::new();
    while let Some(one) = asking.join_next().await {
        all.extend(one);
    }
    all.sort_by_key(|(place, _)| *place);
    let clock = clock(all.iter().map(|(_, one)| one));
    let told = all.iter().flat_map(|(place, one)| findings(&providers[*place], one, scene.deep));
    told.chain([clock]).collect()
}

/// What is worth a line of one provider.
fn findings(provider: &Arc<Provider>, verified: &Verification, deep: bool) -> Vec<Finding> {
    if provider.origin.scheme == Scheme::Inside {
        let inside = Finding::good("provider", "answers inside this program");
        return vec![inside.about(provider.name.as_str())];
    }
    let mut worth: Vec<&Check> = verified.checks.iter().collect();
    worth.retain(|check| match (check.result, check.check) {
        (_, "clock") => false,
        (CheckResult::Passed, word) => matches!(word, "answer" | "models" | "token" | "stream"),
        (CheckResult::Skipped, "key") => provider.credential == Credential::Passthrough,
        (CheckResult::Skipped, "token") => deep && verified.result != CheckResult::Failed,
        (CheckResult::Skipped, _) => false,
        (CheckResult::Warning | CheckResult::Failed, _) => true,
    });
    worth.into_iter().map(|check| finding(check).about(provider.name.as_str())).collect()
}

/// A check, as one of ours.
fn finding(check: &Check) -> Finding {
    let word = match check.check {
        "name" => "provider.name",
        "connection" => "provider.connection",
        "certificate" => "provider.certificate",
        "answer" => "provider.answer",
        "key" => "provider.key",
        "models" => "provider.models",
        "token" => "provider.token",
        "stream" => "provider.stream",
        "clock" => "clock",
        _ => "provider",
    };
    let what = check.what.as_str();
    let mut finding = match check.result {
        CheckResult::Passed => Finding::good(word, what),
        CheckResult::Warning => Finding::warning(word, what),
        CheckResult::Failed => Finding::bad(word, what),
        CheckResult::Skipped => Finding::skipped(word, what),
    };
    finding.cause.clone_from(&check.cause);
    finding.fix.clone_from(&check.hint);
    finding
}

/// Our clock against the nearest of theirs.
fn clock<'a>(all: impl Iterator<Item = &'a Verification>) -> Finding {
    let told = all.filter(|one| one.clock_apart_seconds.is_some());
    let nearest = told.min_by_key(|one| one.clock_apart_seconds);
    let check = |one: &'a Verification| {
        let check = one.checks.iter().find(|check| check.check == "clock")?;
        Some((one, check))
    };
    let Some((one, check)) = nearest.and_then(check) else {
        return Finding::skipped("clock", "no provider told the time");
    };
    let mut finding = finding(check);
    finding.what = match (check.result, one.clock_apart_seconds) {
        (CheckResult::Passed, _) | (_, None) => format!("agrees with {}'s", one.provider),
        (_, Some(apart)) => format!("this computer's clock and {}'s are {apart} s apart", one.provider),
    };
    finding
}
