//! A breaker: leaves a target alone while it fails (T-57, docs/routing.md). Pure: whoever asks brings the time.
//!
//! Closed, it lets everybody through and looks at the failures of the last half minute. Open, it lets nobody through until its
//! time is over, twice as long each time it opens again without a success between, up to a bound. Half-open, it lets one
//! through at a time, whose ending decides. A target that asked to be left alone (429) is left alone for that long, which
//! is no failure. Of two ends the later one counts, always.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use config::snapshot::Breaker as Rules;

/// Where an open breaker is asked again this soon: its target failed, but was there, so that finding out costs its caller little.
const CHEAP: Duration = Duration::from_secs(10);
/// Nobody knows how long whoever finds out takes: so long it is worth waiting before one looks again.
const MOMENT: Duration = Duration::from_secs(1);
/// Steps the window is kept in.
const STEPS: u32 = 10;

/// How an attempt ended, as far as a breaker is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lesson {
    /// It was there and at work.
    Works,
    /// It failed.
    Fails,
    /// Nobody was reached.
    Nobody,
    /// It asked to be left alone, for so long if it said.
    Rest(Duration),
    /// Nothing was learnt: its caller left, or the request itself was at fault.
    Nothing,
}

/// Whether one may pass now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gate {
    /// Yes.
    Open,
    /// As the one who finds out.
    Probe,
    /// Not before that long.
    Shut(Duration),
}

/// A breaker's word, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerWord {
    /// Calls pass.
    Closed,
    /// No call passes.
    Open,
    /// One call at a time passes, to find out.
    HalfOpen,
    /// It asked to be left alone (429) for a while.
    Resting,
}

/// The state of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker {
    /// Failures by step, and what had been answered in all when the step began.
    steps: VecDeque<Step>,
    /// Failures in a row that found nobody.
    nobody: u32,
    /// Open or half-open: until when nobody passes.
    open: Option<Instant>,
    /// How often it opened without a success between.
    streak: u32,
    /// Somebody is finding out.
    probing: u32,
    /// The last time something failed.
    failed: Option<Instant>,
    /// It asked to be left alone until then.
    rests: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    began: Instant,
    answered_before: u64,
    failures: u64,
}

impl Breaker {
    /// Whether one may pass. `early`: nobody else can answer, and so one finds out this long after the last failure, however
    /// long the breaker would stay open.
    pub(crate) fn enter(&mut self, rules: &Rules, early: Option<Duration>, now: Instant) -> Gate {
        if let Some(left) = self.rests.and_then(|until| left(until, now)) {
            return Gate::Shut(left);
        }
        let Some(until) = self.opens(early) else { return Gate::Open };
        match left(until, now) {
            Some(left) => Gate::Shut(left),
            None if self.probing < rules.half_open.max(1) => {
                self.probing += 1;
                Gate::Probe
            }
            // Somebody is finding out; how long that takes nobody knows.
            None => Gate::Shut(MOMENT),
        }
    }

    /// One who passed comes back; `probe`: as the one who finds out. `answered`: what was answered in all so far.
    pub(crate) fn learn(
        &mut self,
        rules: &Rules,
        lesson: Lesson,
        probe: bool,
        (answered, now): (u64, Instant),
    ) {
        if probe {
            self.probing = self.probing.saturating_sub(1);
        }
        match lesson {
            Lesson::Nothing => {}
            Lesson::Works => {
                self.nobody = 0;
                if probe || self.open.is_some_and(|open| open <= now) {
                    let Self { rests, probing, failed, .. } = *self;
                    *self = Self { rests, probing, failed, ..Self::default() };
                }
            }
            Lesson::Rest(wait) => {
                // It was there: to answer so is no failure.
                self.nobody = 0;
                let until = now + wait;
                self.rests = Some(self.rests.map_or(until, |before| before.max(until)));
                if probe {
                    self.open = None;
                    self.streak = 0;
                }
            }
            Lesson::Fails | Lesson::Nobody => {
                self.nobody = if lesson == Lesson::Nobody { self.nobody + 1 } else { 0 };
                self.failed = Some(now);
                self.count(rules, answered, now);
                let trips = self.nobody >= nobody(rules) || self.too_many(rules, answered);
                if probe || (self.open.is_none() && trips) {
                    self.trip(rules, now);
                }
            }
        }
    }

    fn count(&mut self, rules: &Rules, answered: u64, now: Instant) {
        self.turn(rules, answered, now);
        if let Some(step) = self.steps.back_mut() {
            step.failures += 1;
        }
    }

    /// Begins a new step where it is time, and forgets those that are behind the window.
    pub(crate) fn turn(&mut self, rules: &Rules, answered: u64, now: Instant) {
        let long = rules.window / STEPS;
        if self.steps.back().is_none_or(|step| now.saturating_duration_since(step.began) >= long) {
            self.steps.push_back(Step { began: now, answered_before: answered, failures: 0 });
        }
        while self.steps.front().is_some_and(|step| now.saturating_duration_since(step.began) > rules.window)
        {
            self.steps.pop_front();
        }
    }

    fn too_many(&self, rules: &Rules, answered: u64) -> bool {
        let failures: u64 = self.steps.iter().map(|step| step.failures).sum();
        let before = self.steps.front().map_or(answered, |step| step.answered_before);
        let all = failures + answered.saturating_sub(before);
        all >= u64::from(rules.min_requests) && failures as f64 >= all as f64 * rules.failure_rate
    }

    fn trip(&mut self, rules: &Rules, now: Instant) {
        let long = rules.open_for.saturating_mul(1 << self.streak.min(10)).min(rules.open_most);
        self.streak += 1;
        self.steps.clear();
        // A tenth off or on, so that those who wait for several do not come back at one instant.
        let until = now + long.mul_f64(0.9 + fastrand::f64() * 0.2).min(rules.open_most);
        self.open = Some(self.open.map_or(until, |before| before.max(until)));
    }

    /// Leaves it alone for longer than a failure would: its key or its bill is at fault.
    pub(crate) fn park(&mut self, wait: Duration, now: Instant) {
        let until = now + wait;
        self.rests = Some(self.rests.map_or(until, |before| before.max(until)));
    }

    /// What of it outlasts a restart: until when it is open, how often it opened, until when it rests.
    pub(super) fn learnt(&self, now: Instant) -> (Option<Instant>, u32, Option<Instant>) {
        let streak = if self.open.is_some() { self.streak } else { 0 };
        (self.open, streak, self.rests.filter(|until| *until > now))
    }

    /// As it was before a restart.
    pub(super) fn recall(&mut self, (open, streak, rests): (Option<Instant>, u32, Option<Instant>)) {
        (self.open, self.streak, self.rests) = (open, streak, rests);
    }

    /// Shuts it for at least so long: somebody asked, and it is ill.
    pub(crate) fn shut(&mut self, long: Duration, now: Instant) {
        let until = now + long;
        self.failed = Some(now);
        self.open = Some(self.open.map_or(until, |before| before.max(until)));
    }

    /// Opens the way: somebody asked, and it is well again. A rest it asked for holds.
    pub(crate) fn recover(&mut self) {
        *self = Self { rests: self.rests, probing: self.probing, ..Self::default() };
    }

    /// Nothing keeps anybody away, and nothing failed lately: no need to look here.
    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        self.open.is_none() && self.rests.is_none_or(|until| until <= now)
    }

    /// When somebody may find out, if it is open.
    fn opens(&self, early: Option<Duration>) -> Option<Instant> {
        let open = self.open?;
        let early = early.or((self.nobody == 0).then_some(CHEAP));
        let early = early.and_then(|early| self.failed.map(|failed| failed + early));
        Some(early.map_or(open, |early| early.min(open)))
    }

    /// For how long nobody passes, unless nobody else can answer.
    pub(crate) fn shut_for(&self, now: Instant) -> Option<Duration> {
        let rests = self.rests.and_then(|until| left(until, now));
        let open =
            self.opens(None).and_then(|until| left(until, now).or((self.probing > 0).then_some(MOMENT)));
        rests.max(open)
    }

    /// Whether anything failed in its window.
    pub(crate) fn failed_lately(&self, rules: &Rules, now: Instant) -> bool {
        self.failed.is_some_and(|failed| now.saturating_duration_since(failed) < rules.window)
    }

    /// In a word, with what is left of it.
    pub(crate) fn word(&self, now: Instant) -> (BreakerWord, Option<Duration>) {
        if let Some(left) = self.rests.and_then(|until| left(until, now)) {
            return (BreakerWord::Resting, Some(left));
        }
        match self.open.map(|open| left(open, now)) {
            None => (BreakerWord::Closed, None),
            Some(None) => (BreakerWord::HalfOpen, None),
            Some(left) => (BreakerWord::Open, left),
        }
    }
}

/// So many in a row that found nobody, and the rest is not sent to find out: each may cost a whole time-out (F-2). Three, where
/// five requests say something.
fn nobody(rules: &Rules) -> u32 {
    rules.min_requests.saturating_sub(2).max(1)
}

fn left(until: Instant, now: Instant) -> Option<Duration> {
    until.checked_duration_since(now).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests;
