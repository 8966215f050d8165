//! What was learnt and outlasts a restart: breakers that are open, rests, keys put aside, and what targets cannot do.
//!
//! It is kept as text, a provider each, with how much of each time is left. When it is taken in again, what has passed since by the
//! clock on the wall is taken off; where that clock was set back nothing is, so that nothing ever holds for longer than it had left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use config::Snapshot;
use config::snapshot::Provider;
use protocol::verdict::{Capability, FaultClass};
use serde::{Deserialize, Serialize};

use super::Register;

/// What was learnt at a moment, by provider. Two are the same when nothing was learnt between them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Learnt(BTreeMap<String, OfProvider>);

#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct OfProvider {
    lanes: Vec<(String, OfLane)>,
    keys: Vec<OfKey>,
}

/// What was learnt of a target.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct OfLane {
    /// Its breaker is open until then, or half-open since.
    pub(super) open: Option<Instant>,
    /// How often it opened without a success between.
    pub(super) streak: u32,
    /// It asked to be left alone until then.
    pub(super) rests: Option<Instant>,
    /// What it cannot do.
    pub(super) lacks: Vec<Capability>,
}

/// What was learnt of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OfKey {
    pub(super) name: String,
    /// By which the key itself is known again.
    pub(super) print: String,
    /// It is put aside until then.
    pub(super) until: Instant,
    /// Why.
    pub(super) why: FaultClass,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    at_us: u64,
    #[serde(default)]
    lanes: Vec<KeptLane>,
    #[serde(default)]
    keys: Vec<KeptKey>,
}

#[derive(Serialize, Deserialize)]
struct KeptLane {
    model: String,
    open_us: Option<u64>,
    #[serde(default)]
    streak: u32,
    rests_us: Option<u64>,
    #[serde(default)]
    lacks: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptKey {
    name: String,
    print: String,
    left_us: u64,
    why: String,
}

impl Learnt {
    /// What has to be written where `before` is what was: a provider each, and its text, or none where nothing is left to know.
    pub fn since(&self, before: &Self) -> Vec<(String, Option<String>)> {
        let (now, wall) = (Instant::now(), wall_us());
        let gone = before.0.keys().filter(|name| !self.0.contains_key(*name));
        let changed = self.0.iter().filter(|(name, known)| before.0.get(*name) != Some(*known));
        let changed = changed.map(|(name, known)| (name.clone(), Some(known.text(now, wall))));
        gone.map(|name| (name.clone(), None)).chain(changed).collect()
    }
}

impl OfProvider {
    fn text(&self, now: Instant, at_us: u64) -> String {
        let left = |until: Instant| micros(until.saturating_duration_since(now));
        let lanes = self.lanes.iter().map(|(model, lane)| KeptLane {
            model: model.clone(),
            open_us: lane.open.map(left),
            streak: lane.streak,
            rests_us: lane.rests.map(left),
            lacks: lane.lacks.iter().map(|lacks| lacks.word().to_owned()).collect(),
        });
        let keys = self.keys.iter().map(|key| KeptKey {
            name: key.name.clone(),
            print: key.print.clone(),
            left_us: left(key.until),
            why: key.why.word().to_owned(),
        });
        let kept = Kept { at_us, lanes: lanes.collect(), keys: keys.collect() };
        serde_json::to_string(&kept).unwrap_or_default()
    }
}

impl Register {
    /// What was learnt of the configured providers.
    pub(crate) fn learnt(&self, world: &Snapshot) -> Learnt {
        let now = Instant::now();
        let of = |provider: &Provider| {
            let lanes = self.lanes.of(&provider.name).into_iter();
            let lanes = lanes.filter_map(|(model, lane)| Some((model, lane.learnt(now)?))).collect();
            OfProvider { lanes, keys: self.keys.learnt(provider, now) }
        };
        let known = world.providers.iter().map(|provider| (provider.name.clone(), of(provider)));
        Learnt(known.filter(|(_, known)| *known != OfProvider::default()).collect())
    }

    /// Takes in what was kept of a provider. What cannot be read, or is of another key, is left out.
    pub(crate) fn recall(&self, provider: &Provider, text: &str) {
        let Ok(kept) = serde_json::from_str::<Kept>(text) else { return };
        let passed = wall_us().saturating_sub(kept.at_us);
        let now = Instant::now();
        let still = |left_us: u64| Duration::from_micros(left_us.saturating_sub(passed));
        let until = |left_us: u64| Some(still(left_us)).filter(|left| !left.is_zero()).map(|left| now + left);
        for lane in kept.lanes {
            let known = OfLane {
                // One whose time is over is half-open: one call finds out.
                open: lane.open_us.map(|left| now + still(left)),
                streak: lane.streak,
                rests: lane.rests_us.and_then(until),
                lacks: lane.lacks.iter().filter_map(|word| Capability::of(word)).collect(),
            };
            self.lanes.find(&provider.name, &lane.model).recall(&known, now);
        }
        for key in kept.keys {
            let why = FaultClass::ALL.into_iter().find(|class| class.word() == key.why);
            if let Some((until, why)) = until(key.left_us).zip(why) {
                self.keys.recall(provider, &OfKey { name: key.name, print: key.print, until, why });
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn wall_us() -> u64 {
    micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::breaker::Lesson;
    use super::super::keys::{KeysOut, Picked, Want};
    use super::*;
    use crate::observe::Waits;

    fn world(secret: &str) -> Snapshot {
        let text = format!("providers: {{openai: {{keys: {{a: {{key: {secret}}}, b: {{key: sk-b}}}}}}}}");
        config::parse(&text, &BTreeMap::new()).map(|loaded| loaded.snapshot).unwrap()
    }

    fn out(register: &Register, world: &Snapshot) -> Option<KeysOut> {
        let (provider, lane) = (&*world.providers[0], register.lanes.find("openai", "m"));
        let want = Want { provider, lane: &lane, tried: &[1], tokens: 0, queue: &register.queue };
        match register.keys.pick(&want) {
            Picked::Exhausted(out) => Some(out),
            Picked::Own(_) | Picked::Key(..) => None,
        }
    }

    /// A register that has learnt something.
    fn learnt(world: &Snapshot) -> Register {
        let register = Register::new(world, Waits::default());
        let rules = world.providers[0].breaker;
        for _ in 0..3 {
            register.lanes.find("openai", "away").enter(&rules, None).unwrap().ends(Lesson::Nobody);
        }
        register.lanes.find("openai", "rests").park(Duration::from_secs(60));
        register.lanes.find("openai", "blind").learn_lack(Capability::Images);
        let provider = &world.providers[0];
        let of_key = |until| OfKey {
            name: "a".to_owned(),
            print: store::fingerprint("sk-a"),
            until,
            why: FaultClass::Auth,
        };
        register.keys.recall(provider, &of_key(Instant::now() + Duration::from_secs(60)));
        register
    }

    #[test]
    fn what_was_learnt_comes_back_and_is_left_for_no_longer_than_it_had() {
        let world = world("sk-a");
        let before = learnt(&world);
        let kept = before.learnt(&world).since(&Learnt::default());
        let [(provider, Some(text))] = &kept[..] else { unreachable!("{kept:?}") };
        assert_eq!(provider, "openai");
        assert!(!text.contains("sk-a"), "{text}");
        let after = Register::new(&world, Waits::default());
        after.recall(&world.providers[0], text);
        for model in ["away", "rests"] {
            let (then, now) = (before.lanes.find("openai", model), after.lanes.find("openai", model));
            assert_eq!(now.word().0, then.word().0, "{model}");
            assert!(now.shut_for() <= then.shut_for().map(|left| left + Duration::from_millis(50)));
        }
        assert!(after.lanes.find("openai", "blind").lacks(Capability::Images));
        assert_eq!(out(&after, &world), Some(KeysOut::Refused(FaultClass::Auth)));
        // Nothing new was learnt by it, and what is known stays written.
        assert_eq!(after.learnt(&world).since(&after.learnt(&world)), []);
        assert_eq!(Learnt::default().since(&after.learnt(&world)), [("openai".to_owned(), None)]);
    }

    #[test]
    fn what_is_over_is_not_taken_in_and_another_key_of_that_name_is_well() {
        let old = world("sk-a");
        let text = learnt(&old).learnt(&old).since(&Learnt::default())[0].1.clone().unwrap();
        let new = world("sk-another");
        let register = Register::new(&new, Waits::default());
        register.recall(&new.providers[0], &text);
        assert_eq!(out(&register, &new), None);
        // An hour later.
        let mut kept: Kept = serde_json::from_str(&text).unwrap();
        kept.at_us -= 3_600_000_000;
        let register = Register::new(&old, Waits::default());
        register.recall(&old.providers[0], &serde_json::to_string(&kept).unwrap());
        assert_eq!(register.lanes.find("openai", "rests").shut_for(), None);
        assert_eq!(register.lanes.find("openai", "away").shut_for(), None, "one call finds out");
        assert_eq!(out(&register, &old), None);
        register.recall(&old.providers[0], "{not: json");
    }
}
