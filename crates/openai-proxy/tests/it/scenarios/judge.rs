//! Says how a case was weathered, by what its caller saw and what both vendors were asked: the column "to pass" of the
//! scenarios, line by line.

use std::time::{Duration, Instant};

use testkit::failing::{Case, Pace, Scenario};
use testkit::vendor::{Entry, Outcome};
use testkit::view::{Ended, View};

/// S06: a silent vendor costs at most this.
const SILENCE: Duration = Duration::from_secs(100);
/// S07: a late first token does, when somebody else can answer.
const LATE: Duration = Duration::from_secs(15);
/// S09: a stream that stops does.
const STALL: Duration = Duration::from_secs(45);
/// S11: so long after the finish reason a stream is closed.
const CLOSED: Duration = Duration::from_secs(8);
/// S15: so long after the outage the vendor is asked again.
const BACK: Duration = Duration::from_secs(30);
/// S09: a call afterwards takes at most this.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// What was played, and what everybody saw of it.
pub(super) struct Story {
    pub(super) case: Case,
    pub(super) pace: Pace,
    pub(super) calls: Vec<View>,
    /// A call after it, where one is asked for.
    pub(super) afterwards: Option<View>,
    pub(super) primary: Vec<Entry>,
    pub(super) fallback: Vec<Entry>,
}

/// How well it was weathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// It hung, invented a success, or did what must not be done.
    Fail,
    /// The caller has an honest error, in time.
    Safe,
    /// The whole answer, but not as well as it could be.
    Partial,
    /// The whole answer, and all as it should be.
    Pass,
}

/// A grade, and why it is no better.
pub(super) struct Verdict {
    pub(super) grade: Grade,
    pub(super) reason: String,
}

/// One thing that was to hold: if it does not, the grade is at most this.
struct Check {
    holds: bool,
    otherwise: Grade,
    says: String,
}

fn must(holds: bool, says: impl Into<String>) -> Check {
    Check { holds, otherwise: Grade::Fail, says: says.into() }
}

fn should(holds: bool, says: impl Into<String>) -> Check {
    Check { holds, otherwise: Grade::Partial, says: says.into() }
}

/// Judges what was played.
pub(super) fn verdict(story: &Story) -> Verdict {
    let mut checks: Vec<Check> = story.calls.iter().map(|view| heard(story, view)).collect();
    checks.extend(story.calls.iter().filter(|view| view.is_whole()).flat_map(|view| manners(story, view)));
    checks.extend(asked(story));
    checks.extend(afterwards(story));
    // The worst first, so that a reader sees it first.
    let mut broken: Vec<&Check> = checks.iter().filter(|check| !check.holds).collect();
    broken.sort_by_key(|check| check.otherwise);
    let grade = broken.first().map_or(Grade::Pass, |check| check.otherwise);
    let mut says: Vec<&str> = broken.iter().map(|check| check.says.as_str()).collect();
    says.dedup();
    Verdict { grade, reason: says.join("; ") }
}

/// What the caller has: the whole answer, an honest error, or something nobody may be given.
fn heard(story: &Story, view: &View) -> Check {
    let words = view.text.split_whitespace().count();
    if view.is_whole() {
        return must(true, "");
    }
    if view.ended == Ended::Never {
        return must(false, format!("hung, after {words} words"));
    }
    let refused = view.status >= 400 && !view.errors.is_empty() && view.ended == Ended::Whole;
    let own_words = match story.case.scenario {
        Scenario::TooLong => Some("context_length_exceeded"),
        Scenario::Forbidden => Some("content_policy_violation"),
        _ => None,
    };
    if refused && view.status == 400 && own_words.is_some() && view.error_code() == own_words {
        return must(true, "");
    }
    if !view.malformed.is_empty() {
        return must(false, format!("an event that is no JSON reached the caller: {:?}", view.malformed));
    }
    let prefill = view.errors.iter().any(|error| error.to_string().contains("prefill"));
    if prefill {
        return must(false, "the refusal of a prefill, which the caller never sent, reached the caller");
    }
    let unfinished = view.finish.is_empty() && view.done == 0 && !view.after_done;
    let told = refused || !view.errors.is_empty() || view.ended == Ended::Cut;
    let code = view.error_code().unwrap_or("none");
    if told && unfinished {
        let says = format!("status {}, {words} words, then an honest error ({code})", view.status);
        return Check { holds: false, otherwise: Grade::Safe, says };
    }
    must(
        false,
        format!(
            "neither the answer nor an honest error: status {}, {words} words ({:?}), finish {:?}, [DONE] {} times, errors {:?}",
            view.status,
            view.text.chars().take(30).collect::<String>(),
            view.finish,
            view.done,
            view.errors
        ),
    )
}

/// What belongs to a whole answer besides its text.
fn manners(story: &Story, view: &View) -> Vec<Check> {
    let scenario = story.case.scenario;
    let usage = format!("usage told {} times", view.usage.len());
    let counted = view.usage.len() == 1;
    let mut checks = vec![
        match scenario {
            Scenario::NoDone | Scenario::Named => must(counted, usage),
            _ => should(counted, usage),
        },
        should(view.ids.len() == 1, format!("one answer under the ids {:?}", view.ids)),
        // Without the vendor's own it may be left out or put there: all was said.
        should(view.done == 1 || scenario == Scenario::NoDone, format!("[DONE] {} times", view.done)),
    ];
    let took = format!("took {:.1} s", view.took.as_secs_f64());
    match scenario {
        Scenario::Silent => checks.push(must(view.took <= SILENCE, took)),
        Scenario::Late => checks.push(should(view.took <= LATE, took)),
        Scenario::Stalled => checks.push(must(view.took <= STALL, took)),
        Scenario::NoDone => {
            let finished = view.finish.first().map_or(Duration::ZERO, |(_, at)| *at);
            let open = view.took.saturating_sub(finished);
            let says = format!("open {:.1} s after the finish reason", open.as_secs_f64());
            checks.push(must(open <= CLOSED, says));
        }
        Scenario::Named => {
            let says = format!("the answer says it is by {:?}", view.models);
            checks.push(must(view.models == [story.case.spare()], says));
        }
        _ => {}
    }
    checks
}

/// What the vendors were asked, how often, and when.
fn asked(story: &Story) -> Vec<Check> {
    let (primary, pace) = (&story.primary, story.pace);
    let tries = primary.len();
    let counted = format!("{tries} tries at the primary");
    match story.case.scenario {
        Scenario::LimitedOnce => {
            let gap = primary.get(1).map(|second| second.begun.duration_since(primary[0].begun));
            let waited = gap.is_some_and(|gap| gap >= pace.hint * 9 / 10);
            let says = gap.map_or_else(
                || "the primary was not tried again".to_owned(),
                |gap| format!("the primary was tried again after {:.1} s", gap.as_secs_f64()),
            );
            vec![should(waited, says), must(within(primary, pace.hint * 3 / 4) <= 2, counted)]
        }
        Scenario::Limited => vec![
            must(within(primary, Duration::from_secs(3)) <= 4, format!("{counted} in 3 s")),
            must(tries <= 6, counted),
        ],
        Scenario::BrokenOnce => vec![should(tries >= 2, counted)],
        Scenario::Away | Scenario::Named => vec![must(tries <= 6, counted)],
        Scenario::Silent => vec![should(tries == 1, counted)],
        Scenario::TooLong => vec![must(tries == 1, counted)],
        Scenario::Forbidden => vec![
            should(tries == 1, counted),
            should(story.fallback.is_empty(), "the policy of the primary was routed around"),
        ],
        Scenario::Outage => vec![should(returned(primary, pace), "the primary was not used again in time")],
        _ => Vec::new(),
    }
}

/// S09: the next call is answered as if nothing had been.
fn afterwards(story: &Story) -> Option<Check> {
    let view = story.afterwards.as_ref()?;
    let well = view.is_whole() && view.took <= AFTERWARDS;
    Some(must(well, format!("the next call: status {}, after {:?}", view.status, view.took)))
}

/// How many tries began so soon after the first.
fn within(tries: &[Entry], time: Duration) -> usize {
    tries.iter().filter(|entry| entry.begun.duration_since(tries[0].begun) <= time).count()
}

/// Whether a vendor that was away gave an answer again soon after it was back.
fn returned(tries: &[Entry], pace: Pace) -> bool {
    let Some(first) = tries.first() else { return false };
    let back: Instant = first.begun + pace.outage;
    let served = |entry: &&Entry| entry.begun >= back && entry.outcome == Outcome::Delivered;
    tries.iter().find(served).is_some_and(|entry| entry.begun <= back + BACK)
}
