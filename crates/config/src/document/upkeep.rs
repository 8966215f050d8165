//! `storage.backup`, `storage.retention`, `storage.upkeep` and `config.history`: what is done to the database now and then.

use std::path::PathBuf;
use std::time::Duration;

use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{self, Or, Switch, Text, Value, Whole};
use crate::reader::table::{Table, later, now};
use crate::reader::{AGE, At, DURATION, Section as Settings, age, duration};
use crate::snapshot::{Backup, Kept, Upkeep};

const EVERY: Shape = Or(&["off"], &Value(&DURATION));

/// Copies of the database.
pub(crate) const BACKUP: Table = Table {
    noun: "backups",
    rows: &[
        now("every", EVERY, "How often.").usual("1d"),
        now("keep", Whole(1), "How many of them stay.").usual("14"),
        now("to", Text, "Their folder; relative: beside the database.").usual("./backups"),
        now("verify", Switch, "Whether each is read again.").usual("on"),
    ],
};

const KEPT: Shape = Or(&["forever"], &Value(&AGE));

/// How long things are kept.
pub(crate) const RETENTION: Table = Table {
    noun: "retention",
    rows: &[
        now("requests", KEPT, "Usage records.").usual("90d"),
        later("bodies", KEPT, "Prompts and answers."),
        now("audit", KEPT, "Who changed what.").usual("400d"),
        now("usage_daily", KEPT, "Sums of usage.").usual("forever"),
    ],
};

/// The rest of what a database wants.
pub(crate) const UPKEEP: Table = Table {
    noun: "upkeep",
    rows: &[
        now("health_every", EVERY, "How often it is looked through for damage.").usual("7d"),
        now("vacuum_every", EVERY, "How often the room of what was deleted is given back.").usual("30d"),
    ],
};

const DAY: Duration = Duration::from_secs(86_400);

/// What holds when nobody says anything.
pub(crate) fn usual() -> Upkeep {
    Upkeep {
        backup: Some(Backup { every: DAY, keep: 14, to: PathBuf::from("./backups"), verify: true }),
        health_every: Some(DAY * 7),
        vacuum_every: Some(DAY * 30),
        kept: Kept { requests: Some(DAY * 90), audit: Some(DAY * 400), sums: None, revisions: 500 },
    }
}

/// Reads the three sections of `storage`.
pub(crate) fn read(storage: &Settings<'_>) -> Upkeep {
    let mut upkeep = usual();
    if let Some(section) = storage.section("backup", &BACKUP) {
        upkeep.backup = backup(section);
    }
    if let Some(section) = storage.section("retention", &RETENTION) {
        let kept = &mut upkeep.kept;
        kept.requests = section.or("requests", |at| at.parse(until), kept.requests);
        kept.audit = section.or("audit", |at| at.parse(until), kept.audit);
        kept.sums = section.or("usage_daily", |at| at.parse(until), kept.sums);
        section.close();
    }
    if let Some(section) = storage.section("upkeep", &UPKEEP) {
        upkeep.health_every = section.or("health_every", |at| at.parse(every), upkeep.health_every);
        upkeep.vacuum_every = section.or("vacuum_every", |at| at.parse(every), upkeep.vacuum_every);
        section.close();
    }
    upkeep
}

fn backup(section: Settings<'_>) -> Option<Backup> {
    let keep = section.or("keep", |at| at.number(1), 14);
    let often = section.or("every", |at| at.parse(every), Some(DAY));
    let to = section.text("to").map_or_else(|| PathBuf::from("./backups"), PathBuf::from);
    let verify = section.or("verify", At::switch, true);
    section.close();
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    often.map(|every| Backup { every, keep, to, verify })
}

/// `config.history`.
pub(crate) fn history(at: &At<'_>) -> Option<u64> {
    at.number(0).and_then(|number| u64::try_from(number).ok())
}

/// How often something is done; `None`: never.
fn every(text: &str) -> Result<Option<Duration>, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "off" | "no" | "false" => Ok(None),
        _ => match with_word("off", duration(text))? {
            Duration::ZERO => wrong("is zero.", "Write how often, like 1d, or `off`."),
            some => Ok(Some(some)),
        },
    }
}

/// How long something is kept; `None`: for ever.
fn until(text: &str) -> Result<Option<Duration>, Wrong> {
    match text.eq_ignore_ascii_case("forever") {
        true => Ok(None),
        false => match with_word("forever", age(text))? {
            Duration::ZERO => wrong("is zero.", "Write how long, like 90d, or `forever`."),
            some => Ok(Some(some)),
        },
    }
}

/// What might be written instead, with the word.
fn with_word<T>(word: &str, read: Result<T, Wrong>) -> Result<T, Wrong> {
    read.map_err(|wrong| wrong.or_write(word))
}
