//! A target as calls meet it: one provider's one model, its breaker, how much runs there, how soon it answers.
//!
//! While all is well a call passes without a lock; only a failure, or whoever comes while it is not well, takes one.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use config::snapshot::Breaker as Rules;
use protocol::verdict::Capability;

use super::breaker::{Breaker, BreakerWord, Gate, Lesson};
use super::learnt::OfLane;
use super::pace::Pace;
use super::quota::{Reservation, Told};

/// A target's state. It is known by provider and model, and so outlasts a change of configuration.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Provider and model, for the log.
    name: (String, String),
    born: Instant,
    /// Calls that are under way there.
    running: AtomicU32,
    /// Answers in all.
    answered: AtomicU64,
    /// Somebody who passes has to look at the breaker.
    watched: AtomicBool,
    /// When the next step of the breaker's window begins, microseconds since birth.
    turns_us: AtomicU64,
    breaker: Mutex<Breaker>,
    /// What it has said it cannot do, a bit each.
    lacks: AtomicU32,
    /// It has cut a prompt, and its operator was told.
    cuts: AtomicBool,
    /// How soon it answers.
    pub(crate) pace: Pace,
    /// What its provider says is left of its limits, where a quota is counted.
    pub(crate) told: Arc<Told>,
}

/// Leave to ask a target. Whatever becomes of it, the target is told once: by the one who has it, or when it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    lane: Arc<Lane>,
    rules: Rules,
    probe: bool,
    lesson: Lesson,
    /// What it takes of quotas, until all is over.
    pub(crate) taken: Reservation,
}

/// A target that may not be asked now, and when it may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Out {
    /// Not before that long.
    pub(crate) left: Duration,
    /// It is at its limit, asked for it (429) or by our own count, and has not failed.
    pub(crate) rests: bool,
    /// So is its provider as a whole, whatever the model.
    pub(crate) whole: bool,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            name: Default::default(),
            born: Instant::now(),
            running: AtomicU32::new(0),
            answered: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            turns_us: AtomicU64::new(0),
            breaker: Mutex::default(),
            lacks: AtomicU32::new(0),
            cuts: AtomicBool::new(false),
            pace: Pace::default(),
            told: Arc::default(),
        }
    }
}

impl Lane {
    /// A target of that name.
    pub(super) fn named(provider: &str, model: &str) -> Self {
        Self { name: (provider.to_owned(), model.to_owned()), ..Self::default() }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave to ask it. `early`: nobody else can answer (see [`Breaker::enter`]).
    ///
    /// # Errors
    /// When it is left alone for a while.
    pub(crate) fn enter(self: &Arc<Self>, rules: &Rules, early: Option<Duration>) -> Result<Pass, Out> {
        let mut probe = false;
        if self.watched.load(Ordering::Acquire) {
            let now = Instant::now();
            let mut breaker = self.breaker();
            match breaker.enter(rules, early, now) {
                Gate::Open => self.watch(&breaker, now),
                Gate::Probe => probe = true,
                Gate::Shut(left) => {
                    let rests = breaker.word(now).0 == BreakerWord::Resting;
                    return Err(Out { left, rests, whole: false });
                }
            }
        }
        Ok(self.pass(rules, probe))
    }

    /// Leave to ask it whatever its breaker says: somebody has forced that closed.
    pub(crate) fn enter_anyway(self: &Arc<Self>, rules: &Rules) -> Pass {
        self.pass(rules, false)
    }

    fn pass(self: &Arc<Self>, rules: &Rules, probe: bool) -> Pass {
        self.running.fetch_add(1, Ordering::Relaxed);
        Pass {
            lane: self.clone(),
            rules: *rules,
            probe,
            lesson: Lesson::Nothing,
            taken: Reservation::default(),
        }
    }

    /// Whether it could be asked now, and if not, when.
    pub(crate) fn shut_for(&self) -> Option<Duration> {
        if !self.watched.load(Ordering::Acquire) {
            return None;
        }
        self.breaker().shut_for(Instant::now())
    }

    /// Nobody is there, and all is well.
    pub(super) fn is_idle(&self) -> bool {
        self.running() == 0 && !self.watched.load(Ordering::Acquire)
    }

    /// Calls that are under way there.
    pub(crate) fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    /// Leaves it alone for longer than a failure would.
    pub(crate) fn park(&self, wait: Duration) {
        let now = Instant::now();
        let mut breaker = self.breaker();
        breaker.park(wait, now);
        self.watch(&breaker, now);
    }

    /// Shuts it for at least so long: its provider is ill.
    pub(crate) fn shut(&self, long: Duration) {
        let now = Instant::now();
        let mut breaker = self.breaker();
        breaker.shut(long, now);
        self.watch(&breaker, now);
    }

    /// Opens the way: its provider is well again.
    pub(crate) fn recover(&self) {
        let mut breaker = self.breaker();
        breaker.recover();
        self.watch(&breaker, Instant::now());
    }

    /// Whether it has said that it cannot do this.
    pub(crate) fn lacks(&self, capability: Capability) -> bool {
        self.lacks.load(Ordering::Relaxed) & bit(capability) != 0
    }

    /// It read so many tokens of a prompt that has more. Its operator is told once.
    pub(crate) fn cut(&self, read: u64) {
        if !self.cuts.swap(true, Ordering::Relaxed) {
            let (provider, model) = &self.name;
            let cure =
                "leave providers.NAME.context_length at auto or set it higher, or ask a model with more room";
            let code = "context_cut";
            tracing::warn!(
                provider,
                model,
                code,
                read,
                cure,
                "a prompt was cut: so many tokens of it were read"
            );
        }
    }

    /// It says that it cannot do this; it is remembered until it is reset.
    pub(crate) fn learn_lack(&self, capability: Capability) {
        self.lacks.fetch_or(bit(capability), Ordering::Relaxed);
    }

    /// It was too late for somebody, who has not waited for how it ended.
    pub(crate) fn blame(&self, rules: &Rules) {
        self.learn(rules, Lesson::Fails, false);
    }

    /// Whether anything failed there of late, however it stands now.
    pub(crate) fn failed_lately(&self, rules: &Rules) -> bool {
        self.breaker().failed_lately(rules, Instant::now())
    }

    /// What its breaker says, and for how much longer.
    pub(crate) fn word(&self) -> (BreakerWord, Option<Duration>) {
        self.breaker().word(Instant::now())
    }

    /// What outlasts a restart, if there is anything.
    pub(super) fn learnt(&self, now: Instant) -> Option<OfLane> {
        let (open, streak, rests) = self.breaker().learnt(now);
        let lacks = Capability::ALL.into_iter().filter(|capability| self.lacks(*capability)).collect();
        Some(OfLane { open, streak, rests, lacks }).filter(|known| *known != OfLane::default())
    }

    /// As it was before a restart.
    pub(super) fn recall(&self, known: &OfLane, now: Instant) {
        let mut breaker = self.breaker();
        breaker.recall((known.open, known.streak, known.rests));
        self.watch(&breaker, now);
        drop(breaker);
        known.lacks.iter().for_each(|lacks| self.learn_lack(*lacks));
    }

    /// Everything that was learnt is forgotten.
    pub(crate) fn reset(&self) {
        *self.breaker() = Breaker::default();
        self.lacks.store(0, Ordering::Relaxed);
        self.told.forget();
        self.watched.store(false, Ordering::Release);
    }

    fn watch(&self, breaker: &Breaker, now: Instant) {
        self.watched.store(!breaker.is_quiet(now), Ordering::Release);
    }

    fn learn(&self, rules: &Rules, lesson: Lesson, probe: bool) {
        let one = u64::from(lesson == Lesson::Works);
        let before = self.answered.fetch_add(one, Ordering::Relaxed);
        let plain = matches!(lesson, Lesson::Works | Lesson::Nothing) && !probe;
        if plain && !self.watched.load(Ordering::Acquire) && !self.turns() {
            return;
        }
        let now = Instant::now();
        let mut breaker = self.breaker();
        breaker.turn(rules, before, now);
        let (was, _) = breaker.word(now);
        breaker.learn(rules, lesson, probe, (before + one, now));
        let (is, left) = breaker.word(now);
        self.watch(&breaker, now);
        self.tell(was, is, left);
        let next = now.saturating_duration_since(self.born) + rules.window / 10;
        self.turns_us.store(u64::try_from(next.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What has changed, for the log.
    fn tell(&self, was: BreakerWord, is: BreakerWord, left: Option<Duration>) {
        let (provider, model) = (self.name.0.as_str(), self.name.1.as_str());
        let seconds = left.unwrap_or_default().as_secs_f32();
        match (was, is) {
            (was, is) if was == is => {}
            (_, BreakerWord::Open) => tracing::warn!(provider, model, seconds, "it fails and is left alone"),
            (BreakerWord::Open | BreakerWord::HalfOpen, BreakerWord::Closed) => {
                tracing::warn!(provider, model, "it takes calls again");
            }
            (_, BreakerWord::Resting) => {
                tracing::info!(provider, model, seconds, "it asked to be left alone")
            }
            _ => {}
        }
    }

    /// Whether the next step of the window has begun.
    fn turns(&self) -> bool {
        self.born.elapsed().as_micros() >= u128::from(self.turns_us.load(Ordering::Relaxed))
    }
}

fn bit(capability: Capability) -> u32 {
    1 << (capability as u32)
}

impl Pass {
    /// Notes how it ended; what was noted first counts least.
    pub(crate) fn ends(&mut self, lesson: Lesson) {
        self.lesson = lesson;
    }

    /// It has begun to answer, which may take long: that is told at once, so that nobody waits for whoever finds out.
    pub(crate) fn begins(&mut self) {
        self.lane.learn(&self.rules, Lesson::Works, self.probe);
        (self.probe, self.lesson) = (false, Lesson::Nothing);
    }

    /// The target.
    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.lane.running.fetch_sub(1, Ordering::Relaxed);
        self.lane.learn(&self.rules, self.lesson, self.probe);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules::default()
    }

    #[test]
    fn whatever_becomes_of_a_call_its_slot_comes_back() {
        let lane = Arc::new(Lane::default());
        let pass = lane.enter(&rules(), None);
        assert_eq!(lane.running(), 1);
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = pass;
            std::panic::panic_any("a fault of ours");
        }));
        assert_eq!(lane.running(), 0);
    }

    #[test]
    fn one_finds_out_and_the_others_wait() {
        let lane = Arc::new(Lane::default());
        for _ in 0..3 {
            lane.enter(&rules(), None).unwrap().ends(Lesson::Nobody);
        }
        assert!(lane.enter(&rules(), None).is_err(), "three found nobody");
        assert!(lane.shut_for().is_some());
        lane.reset();
        assert!(lane.enter(&rules(), None).is_ok());
    }
}
