//! What a provider may be asked for, with which of its keys, and when it is left alone.

use std::time::{Duration, SystemTime};

use crate::document::listener::not_zero;
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{Or, Secret, Section as Part, Text, Value, Whole};
use crate::reader::table::{Shape, Table, now};
use crate::reader::{At, DATE, DURATION, SHARE, Section, Written, duration, moment, share};
use crate::snapshot::{Breaker, HealthCheck, Quota};

/// Several keys of one account.
pub(super) const KEYS: Shape = Shape::Names(&Part(&KEY));

const KEY: Table = Table {
    noun: "a provider's key",
    rows: &[
        now("key", Secret, "The key."),
        now("weight", Whole(0), "Its share among equals; 0: only when no other can.").usual("1"),
        now("priority", Whole(i64::MIN), "Higher comes first.").usual("0"),
        now("max_tpm", Whole(1), "Tokens a minute."),
        now("max_rpm", Whole(1), "Requests a minute."),
        now("expires", Value(&DATE), "The last day it holds (UTC), or the moment it ends."),
    ],
};

/// Asking whether it is well.
pub(super) const HEALTH: Table = Table {
    noun: "health checks",
    rows: &[
        now("active", Or(&["off"], &Value(&DURATION)), "How often it is asked; `off`: never.").usual("off"),
        now("path", Text, "What it is asked; `auto` is the vendor's own.").usual("auto"),
        now("fail_after", Whole(1), "Failures in a row until it counts as ill.").usual("3"),
        now("pass_after", Whole(1), "Successes in a row until it counts as well.").usual("1"),
    ],
};

/// Leaving it alone while it fails.
pub(super) const BREAKER: Table = Table {
    noun: "a breaker",
    rows: &[
        now("window", Value(&DURATION), "The time that is looked at.").usual("30s"),
        now("failure_rate", Value(&SHARE), "The share of failures that opens it.").usual("50%"),
        now("min_requests", Whole(1), "Fewer say nothing.").usual("5"),
        now("open_for", Value(&DURATION), "How long it stays open at first.").usual("15s"),
        now("open_most", Value(&DURATION), "How long it stays open at most, however often it has opened.")
            .usual("20s"),
        now("half_open", Whole(1), "How many may try at once then.").usual("1"),
    ],
};

/// One of several keys, as written.
pub(crate) struct Key {
    pub(crate) name: String,
    /// The key, and where it stands.
    pub(crate) secret: Written<String>,
    pub(crate) weight: u32,
    pub(crate) priority: i64,
    pub(crate) quota: Quota,
    pub(crate) expires: Option<SystemTime>,
}

/// Reads `keys`. Whatever has a mistake in it is none of them, and that is told.
pub(super) fn keys(at: &At<'_>) -> Vec<Key> {
    at.named()
        .into_iter()
        .filter(|(_, at)| !at.node.is_null())
        .filter_map(|(name, at)| key(name, at))
        .collect()
}

fn key(name: String, at: At<'_>) -> Option<Key> {
    let proper = crate::document::proper_name(&name).map_err(|against| at.wrong(against)).is_ok();
    let section = Section::open(at, &KEY);
    let secret = match section.get("key") {
        Some(at) => super::api_key(&at),
        None => {
            // A variable that is not set is told already.
            let path = format!("{}.key", section.here().path);
            if !section.here().findings.told(&path) {
                section.here().wrong_as("has no `key`.", "Write `key: ${NAME}`.");
            }
            None
        }
    };
    let weight = section.or("weight", |at| at.count(0), 1);
    let priority = section.or("priority", |at| at.number(i64::MIN), 0);
    let expires = section.or("expires", |at| at.parse(moment).map(Some), None);
    let quota = Quota { concurrency: None, ..minute(&section) };
    section.close();
    let secret = secret.filter(|_| proper)?;
    Some(Key { name, secret, weight, priority, quota, expires })
}

/// What a provider as a whole may be asked for.
pub(super) fn quota(section: &Section<'_>) -> Quota {
    let at_once = section.get("max_concurrency").and_then(|at| at.count(1));
    Quota { concurrency: at_once, ..minute(section) }
}

fn minute(section: &Section<'_>) -> Quota {
    let some = |key| section.get(key).and_then(|at| at.count(1));
    Quota { tpm: some("max_tpm"), rpm: some("max_rpm"), concurrency: None }
}

/// Reads `breaker`.
pub(super) fn breaker(section: Option<Section<'_>>) -> Breaker {
    let usual = Breaker::default();
    let Some(section) = section else { return usual };
    let longest = section.get("open_most");
    let most = longest.as_ref().and_then(|at| at.parse(not_zero));
    let mut breaker = Breaker {
        window: section.or("window", |at| at.parse(not_zero), usual.window),
        failure_rate: section.or("failure_rate", |at| at.parse(some_share), usual.failure_rate),
        min_requests: section.or("min_requests", |at| at.count(1), usual.min_requests),
        open_for: section.or("open_for", |at| at.parse(not_zero), usual.open_for),
        open_most: most.unwrap_or(usual.open_most),
        half_open: section.or("half_open", |at| at.count(1), usual.half_open),
    };
    match longest.filter(|_| most.is_some_and(|most| most < breaker.open_for)) {
        Some(at) => {
            let first = breaker.open_for;
            at.wrong_as(
                format!("is shorter than `open_for`, {first:?}."),
                "Write how long it stays open at most.",
            );
        }
        // Whoever writes a longer time at first means no shorter one later.
        None => breaker.open_most = breaker.open_most.max(breaker.open_for),
    }
    section.close();
    breaker
}

/// A share of nothing would open a breaker that nothing has failed in.
fn some_share(text: &str) -> Result<f64, Wrong> {
    match share(text)?.0 {
        part if part > 0.0 => Ok(part),
        _ => wrong("is nothing, and would leave it alone for ever.", "Write 50%, or 0.5."),
    }
}

/// Reads `health`; none while nobody is to ask.
pub(super) fn health(section: Option<Section<'_>>) -> Option<HealthCheck> {
    let section = section?;
    let every = section.or("active", |at| at.parse(every), None);
    let check = HealthCheck {
        every: every.unwrap_or_default(),
        path: section.or("path", |at| at.parse(path), None),
        fail_after: section.or("fail_after", |at| at.count(1), 3),
        pass_after: section.or("pass_after", |at| at.count(1), 1),
    };
    section.close();
    every.map(|_| check)
}

fn every(text: &str) -> Result<Option<Duration>, Wrong> {
    const LEAST: Duration = Duration::from_secs(1);
    if ["off", "false", "no"].iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(None);
    }
    match duration(text).map_err(|wrong| wrong.or_write("off"))? {
        often if often < LEAST => wrong(format!("is {text}; the least is 1s."), "Write off, or 30s."),
        some => Ok(Some(some)),
    }
}

fn path(text: &str) -> Result<Option<String>, Wrong> {
    match text {
        "" | "auto" => Ok(None),
        path => super::serving::own_path(path).map(Some),
    }
}
