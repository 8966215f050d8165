//! `routing`: how one of several places is chosen, and what happens when it fails.

use super::fallback::{self, FALLBACKS};
use super::listener::not_zero;
use crate::problem::wrong;
use crate::reader::table::Shape::{self, Choice, List, Or, Section, Switch, Text, Value, Whole};
use crate::reader::table::{Table, now};
use crate::reader::{At, DURATION, SHARE, Section as Settings, Written, share};
use crate::snapshot::{
    Failure, FairBy, Queue, Rescue, RetryOn, Routing as Resolved, Strategy, WhenExhausted,
};

/// How one of several places is chosen.
pub(super) const STRATEGIES: Shape = Choice(&[
    "failover",
    "weighted",
    "round_robin",
    "least_busy",
    "lowest_latency",
    "lowest_cost",
    "cache_affine",
]);

/// Routing.
pub(crate) const ROUTING: Table = Table {
    noun: "routing",
    rows: &[
        now("unknown_model", Text, "Where a model nobody knows goes: `error`, or a provider."),
        now("expose_headers", Switch, "Whether answers say where they come from.").usual("on"),
        now("strategy", STRATEGIES, "How one of several places is chosen.").usual("failover"),
        now("retries", Whole(0), "Attempts after the first, at one place.").usual("2"),
        now(
            "retry_on",
            Or(&["auto"], &List(&Or(&["connect", "timeout", "4xx", "5xx"], &Whole(400)))),
            "What is tried again; `auto`: what the kind of failure makes worth it.",
        )
        .usual("auto"),
        now("retry_budget", Value(&SHARE), "The share of calls that may be tried again.").usual("20%"),
        now("fallbacks", FALLBACKS, "What may stand in for a model: by its name, a pattern, or `*` for any."),
        now("affinity", Or(&["auto"], &Switch), "One conversation, one place.").usual("auto"),
        now("when_exhausted", Choice(&["queue", "fail"]), "What happens when every place is full.")
            .usual("queue"),
        now("queue", Section(&QUEUE), "Waiting for a place."),
        now("rescue", Section(&RESCUE), "What is done for an answer that fails."),
    ],
};

const QUEUE: Table = Table {
    noun: "the queue",
    rows: &[
        now("max", Whole(0), "How many may wait.").usual("1000"),
        now("wait", Value(&DURATION), "How long.").usual("30s"),
        now("fair_by", Choice(&["key", "team", "none"]), "Among whom turns are taken.").usual("key"),
    ],
};

const RESCUE: Table = Table {
    noun: "rescue",
    rows: &[
        now(
            "late_commit",
            Switch,
            "A stream's beginning waits for content, and until then another may answer.",
        )
        .usual("on"),
        now("hedge", Switch, "When a first token is late, another place is asked beside the first.")
            .usual("on"),
        now("repair", Switch, "What can be mended in a stream is mended.").usual("on"),
        now("continuation", Switch, "A cut stream goes on elsewhere, from where it was cut.").usual("on"),
        now("restart", Switch, "A cut stream begins anew elsewhere, behind what the caller already has.")
            .usual("on"),
    ],
};

/// `routing`, as written: whoever is named in it is looked for later.
pub(crate) struct Routing {
    /// Where a model nobody knows goes.
    pub(crate) unknown_model: Option<Written<String>>,
    /// Everything that says all by itself.
    pub(crate) rest: Resolved,
}

/// Reads `routing`.
pub(crate) fn read(section: Option<Settings<'_>>) -> Routing {
    let usual = Resolved::default();
    let Some(section) = section else { return Routing { unknown_model: None, rest: usual } };
    let exhausted = [("queue", WhenExhausted::Queue), ("fail", WhenExhausted::Fail)];
    let rest = Resolved {
        expose_headers: section.or("expose_headers", At::switch, true),
        strategy: section.or("strategy", |at| at.choice(&Strategy::ALL), usual.strategy),
        retries: section.or("retries", |at| at.count(0), usual.retries),
        retry_on: section.or("retry_on", retry_on, usual.retry_on),
        retry_budget: section.or("retry_budget", |at| at.parse(share), usual.retry_budget),
        fallbacks: section.get("fallbacks").map(|at| fallback::by_model(&at)).unwrap_or_default(),
        affinity: section.or("affinity", At::switch_or_auto, None).unwrap_or(true),
        when_exhausted: section.or("when_exhausted", |at| at.choice(&exhausted), usual.when_exhausted),
        queue: section.section("queue", &QUEUE).map(queue).unwrap_or_default(),
        rescue: section.section("rescue", &RESCUE).map(rescue).unwrap_or_default(),
        unknown_model: usual.unknown_model,
        careful: usual.careful,
    };
    let unknown_model = section.written("unknown_model", |text| Ok(text.to_owned()));
    section.close();
    Routing { unknown_model, rest }
}

/// `auto`, or a list of failures. An empty list: nothing is tried again.
fn retry_on(at: &At<'_>) -> Option<RetryOn> {
    if at.node.scalar().is_some_and(|scalar| scalar.text.trim() == "auto") {
        return Some(RetryOn::ByClass);
    }
    Some(RetryOn::Only(at.each(failure)))
}

fn failure(text: &str) -> Result<Failure, crate::problem::Wrong> {
    if let Some((_, failure)) = Failure::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
        return Ok(*failure);
    }
    match text.parse::<u16>() {
        Ok(status @ 400..=599) => Ok(Failure::Status(status)),
        _ => wrong(
            format!("is `{text}`, which is no failure."),
            "Write connect, timeout, 4xx, 5xx, or a status from 400 to 599.",
        ),
    }
}

fn queue(section: Settings<'_>) -> Queue {
    let usual = Queue::default();
    let queue = Queue {
        max: section.or("max", |at| at.count(0), usual.max),
        wait: section.or("wait", |at| at.parse(not_zero), usual.wait),
        fair_by: section.or("fair_by", fair_by, usual.fair_by),
    };
    section.close();
    queue
}

/// There are no teams yet, and a key is always somebody's.
fn fair_by(at: &At<'_>) -> Option<FairBy> {
    let chosen = at.choice(&[("key", FairBy::Key), ("team", FairBy::Team), ("none", FairBy::None)])?;
    if chosen == FairBy::Team {
        at.note("is `team`, and teams are not in use yet: turns are taken among keys.");
        return Some(FairBy::Key);
    }
    Some(chosen)
}

fn rescue(section: Settings<'_>) -> Rescue {
    let rescue = Rescue {
        late_commit: section.or("late_commit", At::switch, true),
        hedge: section.or("hedge", At::switch, true),
        repair: section.or("repair", At::switch, true),
        continuation: section.or("continuation", At::switch, true),
        restart: section.or("restart", At::switch, true),
    };
    section.close();
    rescue
}
