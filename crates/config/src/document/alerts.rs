//! `alerts`: who is told when something is wrong, and what.

use std::time::Duration;

use protocol::secret::Secret;

use super::listener::not_zero;
use crate::address::{BaseUrl, base_url};
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{
    Address, Choice, List, OneOf, Sealed, Secret as Hidden, Section, Switch, Text, Value,
};
use crate::reader::table::{Form, Table, later, now};
use crate::reader::{At, DURATION, SHARE, Section as Settings, Written, duration, share};
use crate::snapshot::{Alerts, ErrorRate, Occasion, Service, Share};

/// Telling people.
pub(crate) const ALERTS: Table = Table {
    noun: "alerts",
    rows: &[
        now("on", List(&Choice(WORDS)), "What is told; without it all that is in use."),
        now("error_rate", Section(&ERROR_RATE), "When errors are many."),
        now("repeat", Value(&DURATION), "When the same is told again, as long as it is so.").usual("5m"),
        now("to", Section(&TO), "Who is told."),
    ],
};

const WORDS: &[&str] = &[
    "provider_down",
    "provider_recovered",
    "error_rate",
    "key_parked",
    "budget",
    "key_expiring",
    "disk",
    "certificate",
    "config_rejected",
];

const ERROR_RATE: Table = Table {
    noun: "the error rate",
    rows: &[
        now("above", Value(&SHARE), "The share of calls that may end with an error.").usual("5%"),
        now(
            "for",
            Value(&DURATION),
            "Over how long: one of telemetry.stats_windows, or the next longer one.",
        )
        .usual("5m"),
    ],
};

const TO: Table = Table {
    noun: "those who are told",
    rows: &[
        now("feishu", OneOf(&[Sealed(&HOOK), Section(&SIGNED)]), "A bot of a group at Feishu or Lark."),
        now("slack", OneOf(&[Sealed(&HOOK), Section(&PLAIN)]), "A hook of Slack."),
        now("webhook", OneOf(&[Sealed(&HOOK), Section(&SIGNED)]), "A program of yours."),
        later("email", Section(&EMAIL), "People."),
    ],
};

const SIGNED: Table = Table {
    noun: "a hook",
    rows: &[
        now("url", Sealed(&HOOK), "Where it is."),
        now("secret", Hidden, "What messages to it are signed with."),
        now("allow_private", Switch, "Whether its name may lead to a private address."),
    ],
};

const PLAIN: Table = Table {
    noun: "a hook",
    rows: &[
        now("url", Sealed(&HOOK), "Where it is."),
        now("allow_private", Switch, "Whether its name may lead to a private address."),
    ],
};

const EMAIL: Table = Table {
    noun: "e-mail",
    rows: &[
        later("smtp", Address, "The server."),
        later("from", Text, "Who writes."),
        later("to", List(&Text), "Who reads."),
    ],
};

/// Whoever knows such an address may use it.
const HOOK: Form = Form { read: |text| hook(text).map(drop), pattern: "^(https?://.+)?$" };

/// A hook, as written.
pub(crate) struct Hook {
    pub(crate) service: Service,
    pub(crate) url: Written<Target>,
    pub(crate) sign: Option<Secret>,
    pub(crate) allow_private: Option<bool>,
}

/// Where a hook is.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) at: BaseUrl,
    /// Path and query.
    pub(crate) path: Secret,
}

/// Reads an address; what may be a secret in it is never repeated. An empty one is none.
fn hook(text: &str) -> Result<Option<Target>, Wrong> {
    if text.is_empty() {
        return Ok(None);
    }
    let web = text.starts_with("https://") || text.starts_with("http://");
    let end = text.find("://").and_then(|at| text[at + 3..].find(['/', '?', '#']).map(|path| at + 3 + path));
    let (server, path) = text.split_at(end.unwrap_or(text.len()));
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let proper = web && !path.contains('#') && http::uri::PathAndQuery::try_from(path.as_str()).is_ok();
    match base_url(server) {
        Ok(at) if proper => Ok(Some(Target { at, path: Secret::new(path) })),
        _ => wrong("is not an address.", "Write it with its scheme, like https://host/path."),
    }
}

/// Reads `alerts`: all but where hooks are, which takes more than they say.
pub(crate) fn read(section: Option<Settings<'_>>) -> (Alerts, Vec<Hook>) {
    let (mut alerts, mut hooks) = (Alerts::default(), Vec::new());
    let Some(section) = section else { return (alerts, hooks) };
    if let Some(at) = section.get("on") {
        alerts.on = at.list().iter().filter(|item| !item.node.is_null()).filter_map(occasion).collect();
        alerts.on.sort_unstable();
        alerts.on.dedup();
    }
    if let Some(rate) = section.section("error_rate", &ERROR_RATE) {
        let usual = alerts.error_rate;
        alerts.error_rate = ErrorRate {
            above: rate.or("above", |at| at.parse(some_share), usual.above),
            during: rate.or("for", |at| at.parse(not_zero), usual.during),
        };
        rate.close();
    }
    alerts.repeat = section.or("repeat", |at| at.parse(repeat), alerts.repeat);
    if let Some(to) = section.section("to", &TO) {
        for (key, service, table) in [
            ("feishu", Service::Feishu, &SIGNED),
            ("slack", Service::Slack, &PLAIN),
            ("webhook", Service::Webhook, &SIGNED),
        ] {
            hooks.extend(to.get(key).and_then(|at| one(at, service, table)));
        }
        to.close();
    }
    section.close();
    (alerts, hooks)
}

/// What is told; a word from which nothing follows yet is noted.
fn occasion(at: &At<'_>) -> Option<Occasion> {
    let known: Vec<(&str, Option<Occasion>)> = WORDS
        .iter()
        .map(|word| (*word, Occasion::ALL.iter().find(|(known, _)| known == word).map(|(_, what)| *what)))
        .collect();
    let occasion = at.choice(&known)?;
    if occasion.is_none() {
        at.later();
    }
    occasion
}

fn one(at: At<'_>, service: Service, table: &'static Table) -> Option<Hook> {
    let url = |at: &At<'_>| at.parse(hook).flatten().map(|target| at.written(target));
    if at.node.scalar().is_some() {
        return Some(Hook { service, url: url(&at)?, sign: None, allow_private: None });
    }
    let section = Settings::open(at, table);
    let target = section.get("url").and_then(|at| url(&at));
    let signed = table.row("secret").is_some();
    let sign = if signed { section.text("secret").map(Secret::new) } else { None };
    let allow_private = section.get("allow_private").and_then(|at| at.switch());
    section.close();
    Some(Hook { service, url: target?, sign, allow_private })
}

/// A share of nothing would be told with every error.
fn some_share(text: &str) -> Result<Share, Wrong> {
    match share(text)? {
        part if part.0 > 0.0 => Ok(part),
        _ => wrong("is nothing.", "Write 5%, or 0.05."),
    }
}

/// Nobody wants to hear the same every second.
fn repeat(text: &str) -> Result<Duration, Wrong> {
    match duration(text)? {
        often if often < Duration::from_secs(10) => {
            wrong(format!("is {text}; the least is 10s."), "Write 5m.")
        }
        some => Ok(some),
    }
}
