//! What opens a breaker, for how long, and who finds out when it is over; by a clock of our own.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A breaker, its rules, and a clock of our own.
struct Stage {
    breaker: Breaker,
    rules: Rules,
    now: Instant,
    answered: u64,
}

impl Stage {
    fn new() -> Self {
        Self { breaker: Breaker::default(), rules: Rules::default(), now: Instant::now(), answered: 0 }
    }

    fn gate(&mut self) -> Gate {
        self.breaker.enter(&self.rules, None, self.now)
    }

    fn learns(&mut self, lesson: Lesson, probe: bool) {
        self.breaker.turn(&self.rules, self.answered, self.now);
        self.answered += u64::from(lesson == Lesson::Works);
        self.breaker.learn(&self.rules, lesson, probe, (self.answered, self.now));
    }

    fn passes(&mut self, lesson: Lesson) -> bool {
        let gate = self.gate();
        match gate {
            Gate::Shut(_) => return false,
            gate => self.learns(lesson, gate == Gate::Probe),
        }
        true
    }
}

#[test]
fn half_of_five_within_the_window_opens_it_and_less_does_not() {
    let mut stage = Stage::new();
    (0..10).for_each(|_| assert!(stage.passes(Lesson::Works)));
    (0..9).for_each(|_| assert!(stage.passes(Lesson::Fails)));
    assert_eq!(stage.gate(), Gate::Open, "9 of 19");
    assert!(stage.passes(Lesson::Fails));
    assert!(matches!(stage.gate(), Gate::Shut(_)), "10 of 20");
    let mut few = Stage::new();
    (0..4).for_each(|_| assert!(few.passes(Lesson::Fails)));
    assert_eq!(few.gate(), Gate::Open, "four say nothing");
}

#[test]
fn what_failed_longer_ago_than_the_window_counts_no_more() {
    let mut stage = Stage::new();
    (0..4).for_each(|_| assert!(stage.passes(Lesson::Fails)));
    stage.now += 31 * SECOND;
    assert!(stage.passes(Lesson::Fails));
    assert_eq!(stage.gate(), Gate::Open);
}

#[test]
fn three_that_find_nobody_are_enough() {
    let mut stage = Stage::new();
    (0..3).for_each(|_| assert!(stage.passes(Lesson::Nobody)));
    assert!(matches!(stage.gate(), Gate::Shut(_)));
    let mut between = Stage::new();
    (0..2).for_each(|_| assert!(between.passes(Lesson::Nobody)));
    (0..5).for_each(|_| assert!(between.passes(Lesson::Works)));
    (0..2).for_each(|_| assert!(between.passes(Lesson::Nobody)));
    assert_eq!(between.gate(), Gate::Open, "one of them found it");
}

#[test]
fn it_stays_open_a_quarter_of_a_minute_then_longer_and_never_longer_than_its_bound() {
    let mut stage = Stage::new();
    (0..3).for_each(|_| assert!(stage.passes(Lesson::Nobody)));
    let bounds = [(13.4, 16.6), (17.9, 20.1), (17.9, 20.1), (17.9, 20.1)];
    for (least, most) in bounds {
        let Gate::Shut(left) = stage.gate() else { panic!("it is open") };
        assert!((least..=most).contains(&left.as_secs_f64()), "{left:?}");
        stage.now += left;
        assert_eq!(stage.gate(), Gate::Probe);
        stage.learns(Lesson::Nobody, true);
    }
}

#[test]
fn one_that_was_there_is_looked_for_every_ten_seconds() {
    let mut stage = Stage::new();
    (0..5).for_each(|_| assert!(stage.passes(Lesson::Fails)));
    for _ in 0..4 {
        assert_eq!(stage.gate(), Gate::Shut(10 * SECOND));
        assert_eq!(stage.breaker.shut_for(stage.now), Some(10 * SECOND), "it stands behind the others");
        stage.now += 10 * SECOND;
        assert_eq!(stage.breaker.shut_for(stage.now), None, "and before them when somebody is to find out");
        assert_eq!(stage.gate(), Gate::Probe);
        stage.learns(Lesson::Fails, true);
    }
}

#[test]
fn one_at_a_time_finds_out_and_its_success_opens_the_way_for_all() {
    let mut stage = Stage::new();
    (0..3).for_each(|_| assert!(stage.passes(Lesson::Nobody)));
    stage.now += 21 * SECOND;
    assert_eq!(stage.gate(), Gate::Probe);
    assert!(matches!(stage.gate(), Gate::Shut(_)), "somebody is finding out");
    stage.learns(Lesson::Nothing, true);
    assert_eq!(stage.gate(), Gate::Probe, "the one who left found nothing out; the next one does");
    stage.learns(Lesson::Works, true);
    assert_eq!(stage.gate(), Gate::Open);
    assert!(stage.passes(Lesson::Nobody) && stage.passes(Lesson::Nobody), "it begins anew");
}

#[test]
fn where_nobody_else_can_answer_one_finds_out_sooner() {
    let mut stage = Stage::new();
    (0..3).for_each(|_| assert!(stage.passes(Lesson::Nobody)));
    let early = Some(5 * SECOND);
    stage.now += 4 * SECOND;
    assert!(
        matches!(stage.breaker.enter(&stage.rules, early, stage.now), Gate::Shut(left) if left == SECOND)
    );
    stage.now += SECOND;
    assert!(matches!(stage.breaker.enter(&stage.rules, None, stage.now), Gate::Shut(_)));
    assert_eq!(stage.breaker.enter(&stage.rules, early, stage.now), Gate::Probe);
}

#[test]
fn of_two_rests_the_one_that_ends_later_counts() {
    let mut stage = Stage::new();
    assert!(stage.passes(Lesson::Rest(30 * SECOND)));
    stage.learns(Lesson::Rest(SECOND), false);
    stage.now += 29 * SECOND;
    assert_eq!(stage.gate(), Gate::Shut(SECOND));
    stage.now += SECOND;
    assert_eq!(stage.gate(), Gate::Open);
}

/// Whatever happens in whatever order: nobody passes while it is open, never more find out at once than may, and it always
/// comes back.
#[test]
fn the_state_machine_holds_for_whatever_happens() {
    for seed in 0..200 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut stage = Stage::new();
        let mut out: Vec<bool> = Vec::new();
        for _ in 0..400 {
            stage.now += Duration::from_millis(dice.u64(0..2_000));
            if dice.bool() {
                match stage.gate() {
                    Gate::Shut(left) => assert!(left <= 60 * SECOND && !left.is_zero(), "seed {seed}"),
                    gate => out.push(gate == Gate::Probe),
                }
                let probes = out.iter().filter(|probe| **probe).count();
                assert!(probes <= stage.rules.half_open as usize, "seed {seed}");
            } else if !out.is_empty() {
                let probe = out.swap_remove(dice.usize(0..out.len()));
                let lessons =
                    [Lesson::Works, Lesson::Fails, Lesson::Nobody, Lesson::Nothing, Lesson::Rest(SECOND)];
                stage.learns(lessons[dice.usize(0..lessons.len())], probe);
            }
        }
        out.drain(..).for_each(|probe| stage.learns(Lesson::Nothing, probe));
        stage.now += 61 * SECOND;
        assert_ne!(stage.gate(), Gate::Shut(SECOND), "seed {seed}");
    }
}

#[test]
fn that_something_failed_is_known_for_a_window_though_it_is_well_again() {
    let mut stage = Stage::new();
    assert!(!stage.breaker.failed_lately(&stage.rules, stage.now));
    while stage.passes(Lesson::Fails) {}
    stage.now += stage.rules.open_for * 11 / 10;
    assert!(stage.passes(Lesson::Works), "one finds out");
    assert_eq!(stage.breaker.word(stage.now).0, BreakerWord::Closed);
    assert!(stage.breaker.failed_lately(&stage.rules, stage.now));
    stage.now += stage.rules.window;
    assert!(!stage.breaker.failed_lately(&stage.rules, stage.now));
}
