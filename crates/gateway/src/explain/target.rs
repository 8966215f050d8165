//! A target that would be asked: when, and every number that decides about it.

use protocol::verdict::Capability;
use serde::Serialize;

use crate::route::{Outlook, Target};
use crate::standing::{BreakerWord, TargetStanding};

/// A target that would be asked.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ExplainedTarget {
    /// The provider.
    pub provider: String,
    /// Its own name for the model; null: none is named.
    pub model: Option<String>,
    /// Whether it usually runs beside us.
    pub local: bool,
    /// When it is asked.
    pub asked: When,
    /// Why it stands where it stands, a sentence each.
    pub why: Vec<String>,
    /// The higher, the earlier.
    pub priority: i64,
    /// Its share among equals.
    pub weight: u32,
    /// What its calls cost in parts of the price.
    pub price_multiplier: f64,
    /// Its breaker, what runs there, how soon it answers, what it lacks.
    #[serde(flatten)]
    pub standing: TargetStanding,
    /// Somebody has said by hand that it is always tried.
    pub forced_closed: bool,
}

/// When a target is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// First.
    First,
    /// When those before it cannot answer: it is meant for the same model.
    Next,
    /// The same, and it stands in by a fallback.
    Fallback,
    /// When the prompt is too long for those before it.
    ContextLength,
    /// When those before it refuse the content.
    ContentPolicy,
}

/// All of them, in the order they would be asked.
pub(super) fn all(seen: &Outlook) -> Vec<ExplainedTarget> {
    let plan = &seen.plan;
    let plain = std::iter::once(&plan.first).chain(&plan.others).enumerate();
    let plain = plain.map(|(at, target)| match at {
        0 => (target, When::First),
        at if at < seen.own => (target, When::Next),
        _ => (target, When::Fallback),
    });
    let longer = plan.longer.iter().map(|target| (target, When::ContextLength));
    let laxer = plan.laxer.iter().map(|target| (target, When::ContentPolicy));
    plain.chain(longer).chain(laxer).map(|(target, when)| explained(seen, target, when)).collect()
}

fn explained(seen: &Outlook, target: &Target, when: When) -> ExplainedTarget {
    let provider = &target.provider;
    let standing = TargetStanding::of(target.model.as_deref().unwrap_or_default(), &target.lane);
    ExplainedTarget {
        provider: provider.name.clone(),
        model: target.model.clone(),
        local: provider.local,
        asked: when,
        why: why(seen, target, (when, &standing)),
        priority: provider.priority,
        weight: target.weight,
        price_multiplier: provider.price_multiplier,
        standing,
        forced_closed: target.forced,
    }
}

fn why(seen: &Outlook, target: &Target, (when, standing): (When, &TargetStanding)) -> Vec<String> {
    let mut why = Vec::new();
    match when {
        When::First | When::Next if seen.own > 1 => {
            let (priority, strategy) = (target.provider.priority, seen.strategy.word());
            why.push(format!("priority {priority}; among equals `{strategy}` decides"));
        }
        When::First | When::Next => {}
        When::Fallback => why.push("a fallback: asked when those before it cannot answer".to_owned()),
        When::ContextLength => why.push("a fallback: only when the prompt is too long".to_owned()),
        When::ContentPolicy => why.push("a fallback: only when the content is refused".to_owned()),
    }
    let left = standing.seconds_left.map(|left| format!(" for {left} s more")).unwrap_or_default();
    match standing.breaker {
        _ if target.forced => why.push("always tried: its breaker is forced closed".to_owned()),
        BreakerWord::Closed => {}
        BreakerWord::Open => {
            why.push(format!("its breaker is open{left}: it stands behind those that take calls"))
        }
        BreakerWord::HalfOpen => {
            why.push("its breaker is half-open: one call at a time finds out".to_owned())
        }
        BreakerWord::Resting => why.push(format!("it asked to be left alone{left}")),
    }
    if target.lane.lacks(Capability::Prefill) {
        why.push("it goes on with no answer that another has begun".to_owned());
    }
    why
}
