//! What is to be told: what is wrong now and was not told yet, what is wrong still and was told long ago, what is well again.
//! Pure: whoever looks brings what is seen, and the time.

use std::collections::BTreeMap;
use std::time::Instant;

use config::snapshot::{Alerts, Occasion};
use protocol::verdict::FaultClass;
use serde::Serialize;

use crate::standing::{BreakerWord, KeyStanding, OverrideKind, Standing, TargetStanding};

/// Fewer calls say nothing of a share.
const FEWEST: u64 = 20;

/// What is seen at a moment.
pub(super) struct Seen {
    pub(super) standings: Vec<Standing>,
    /// The share of calls that ended with an error, and how many calls there were.
    pub(super) errors: Option<(f64, u64)>,
}

/// One thing that is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Line {
    /// The word for what happened.
    pub(super) occasion: &'static str,
    /// Whom it concerns: a provider, or `provider/key`.
    pub(super) subject: String,
    /// It was told before, and is so still.
    pub(super) still: bool,
    /// In a sentence.
    pub(super) text: String,
}

/// What is wrong.
type Cause = (Occasion, String);

/// What was told.
#[derive(Default)]
pub(super) struct Notices {
    told: BTreeMap<Cause, Told>,
}

#[derive(Clone, Copy)]
struct Told {
    at: Instant,
    /// It has been well again since; told again only when it was told long ago.
    over: bool,
}

impl Line {
    /// The one by which somebody tries out whether messages arrive.
    pub(super) fn test() -> Self {
        let text = "This is a test: alerts of this gateway arrive here.".to_owned();
        Self { occasion: "test", subject: String::new(), still: false, text }
    }
}

impl Notices {
    /// Looks once; what is to be told.
    pub(super) fn turn(&mut self, seen: &Seen, alerts: &Alerts, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        let wrong = wrong(seen, alerts);
        for (cause, text) in &wrong {
            let before = self.told.get(cause).copied();
            let long_ago = before.is_none_or(|told| now.saturating_duration_since(told.at) >= alerts.repeat);
            if long_ago {
                if alerts.on.contains(&cause.0) {
                    let still = before.is_some_and(|told| !told.over);
                    lines.push(line(cause, still, text.clone()));
                }
                self.told.insert(cause.clone(), Told { at: now, over: false });
            }
        }
        for (cause, told) in &mut self.told {
            if told.over || wrong.contains_key(cause) || !is_over(cause, seen) {
                continue;
            }
            told.over = true;
            // One that was taken out, or paused meanwhile, takes no calls again.
            let back = |standing: &Standing| standing.provider == cause.1 && !is_barred(standing);
            let recovers = cause.0 == Occasion::ProviderDown && seen.standings.iter().any(back);
            if recovers && alerts.on.contains(&Occasion::ProviderRecovered) {
                let recovered = (Occasion::ProviderRecovered, cause.1.clone());
                lines.push(line(&recovered, false, format!("Provider {} takes calls again.", cause.1)));
            }
        }
        // What has long been well is forgotten.
        self.told.retain(|_, told| !told.over || now.saturating_duration_since(told.at) < alerts.repeat);
        lines
    }
}

fn line((occasion, subject): &Cause, still: bool, text: String) -> Line {
    let text = if still { format!("Still: {text}") } else { text };
    Line { occasion: occasion.word(), subject: subject.clone(), still, text }
}

/// What is wrong at this moment, each in a sentence.
fn wrong(seen: &Seen, alerts: &Alerts) -> BTreeMap<Cause, String> {
    let mut wrong = BTreeMap::new();
    for standing in &seen.standings {
        let name = &standing.provider;
        if is_down(standing) && !is_barred(standing) {
            wrong.insert((Occasion::ProviderDown, name.clone()), down(standing));
        }
        for key in &standing.keys {
            let Some(why) = key.aside.filter(|why| is_lasting(why)) else { continue };
            let why = if why == FaultClass::Billing.word() {
                "its account has nothing left"
            } else {
                "it was refused"
            };
            let subject = format!("{name}/{}", key.name);
            let text = format!("Key {} of provider {name} was put aside: {why}.", key.name);
            wrong.insert((Occasion::KeyParked, subject), text);
        }
    }
    let most = alerts.error_rate.above.0;
    if let Some((share, calls)) = seen.errors.filter(|(share, calls)| *calls >= FEWEST && *share > most) {
        let text = format!(
            "{:.1} % of {calls} calls within {} s failed at providers; more than {:.1} % may not.",
            share * 100.0,
            alerts.error_rate.during.as_secs(),
            most * 100.0
        );
        wrong.insert((Occasion::ErrorRate, String::new()), text);
    }
    wrong
}

/// Somebody has said by hand that it takes no calls, and knows it.
fn is_barred(standing: &Standing) -> bool {
    standing.overridden.as_ref().is_some_and(|said| said.kind.bars())
}

/// Whether a provider fails: every target that was asked is left alone for that, and one that lets a single call find out has not
/// found out yet; or no key of it is left. Whoever asked for a moment's rest (429) is not down.
fn is_down(standing: &Standing) -> bool {
    let forced = standing.overridden.as_ref().is_some_and(|said| said.kind == OverrideKind::ForcedClosed);
    let fails = |target: &TargetStanding| matches!(target.breaker, BreakerWord::Open | BreakerWord::HalfOpen);
    let failing = !forced && !standing.targets.is_empty() && standing.targets.iter().all(fails);
    failing || is_keyless(standing)
}

/// Whether all its keys are put aside for longer than a moment.
fn is_keyless(standing: &Standing) -> bool {
    let lost = |key: &KeyStanding| key.expired || key.aside.is_some_and(is_lasting);
    !standing.keys.is_empty() && standing.keys.iter().all(lost)
}

/// Why a key is put aside until somebody does something about it.
fn is_lasting(why: &str) -> bool {
    why == FaultClass::Auth.word() || why == FaultClass::Billing.word()
}

/// Whether what was wrong is well.
fn is_over((occasion, subject): &Cause, seen: &Seen) -> bool {
    match occasion {
        Occasion::ProviderDown => {
            let standing = seen.standings.iter().find(|standing| standing.provider == *subject);
            let works = |target: &TargetStanding| target.breaker == BreakerWord::Closed;
            standing.is_none_or(|standing| {
                let forced = standing.breaker() == BreakerWord::Closed;
                let well = forced || standing.targets.iter().any(works);
                is_barred(standing) || (well && !is_keyless(standing))
            })
        }
        _ => true,
    }
}

fn down(standing: &Standing) -> String {
    let failed = standing.last_failure.map(|failure| failure.kind.word());
    let why = failed.map(|word| format!("; its last failure: {word}")).unwrap_or_default();
    let what =
        if is_keyless(standing) { "all its keys are put aside" } else { "it is left alone while it fails" };
    format!("Provider {} is down: {what}{why}.", standing.provider)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::standing::Register;

    /// A provider with one target, well or not.
    struct Scene {
        register: Register,
        world: config::Snapshot,
        now: Instant,
        notices: Notices,
    }

    impl Scene {
        fn new() -> Self {
            let world = config::parse("providers: {a: {type: mock}}\n", &BTreeMap::new()).unwrap().snapshot;
            let register = Register::new(&world, crate::observe::Waits::default());
            Self { register, world, now: Instant::now(), notices: Notices::default() }
        }

        fn is(&self, well: bool) {
            let lane = self.register.lanes.find("a", "m");
            if well { lane.recover() } else { lane.shut(Duration::from_mins(1)) }
        }

        /// What is told so many seconds later.
        fn after(&mut self, seconds: u64, errors: Option<(f64, u64)>) -> Vec<(&'static str, bool)> {
            self.now += Duration::from_secs(seconds);
            let seen = Seen { standings: self.register.standings(&self.world).providers, errors };
            let lines = self.notices.turn(&seen, &self.world.alerts, self.now);
            lines.into_iter().map(|line| (line.occasion, line.still)).collect()
        }
    }

    #[test]
    fn what_is_wrong_is_told_once_and_again_only_after_a_while() {
        let mut scene = Scene::new();
        assert_eq!(scene.after(1, None), []);
        scene.is(false);
        assert_eq!(scene.after(1, None), [("provider_down", false)]);
        assert_eq!(scene.after(1, None), []);
        assert_eq!(scene.after(300, None), [("provider_down", true)]);
        scene.is(true);
        assert_eq!(scene.after(1, None), [("provider_recovered", false)]);
        assert_eq!(scene.after(1, None), []);
        scene.is(false);
        assert_eq!(scene.after(1, None), [], "it goes up and down, which was told just now");
        assert_eq!(scene.after(300, None), [("provider_down", false)]);
    }

    #[test]
    fn many_errors_are_told_when_there_were_calls_enough() {
        let mut scene = Scene::new();
        assert_eq!(scene.after(1, Some((0.9, FEWEST - 1))), []);
        assert_eq!(scene.after(1, Some((0.04, 1000))), []);
        assert_eq!(scene.after(1, Some((0.06, 1000))), [("error_rate", false)]);
        assert_eq!(scene.after(1, Some((0.5, 1000))), []);
    }

    #[test]
    fn who_asked_for_a_moments_rest_is_not_down() {
        let mut scene = Scene::new();
        scene.register.lanes.find("a", "m").park(Duration::from_secs(60));
        assert_eq!(scene.after(1, None), []);
    }

    #[test]
    fn who_was_paused_by_hand_is_no_news() {
        let mut scene = Scene::new();
        let said = crate::standing::Override {
            kind: crate::standing::OverrideKind::Paused,
            by: "ana".to_owned(),
            why: String::new(),
            since: std::time::SystemTime::now(),
            lasts: None,
        };
        scene.register.set("a", said);
        scene.is(false);
        assert_eq!(scene.after(1, None), []);
    }
}
