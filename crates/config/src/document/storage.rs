//! `storage`: where records are kept.

use std::path::PathBuf;
use std::time::Duration;

use protocol::secret::Secret;

use super::upkeep;
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{Address, Choice, Or, Sealed, Secret as Hidden, Section, Switch, Value};
use crate::reader::table::{Form, Table, later, now};
use crate::reader::{AGE, At, SIZE, Section as Settings, Written, age, size};
use crate::snapshot::{Database, KeptResponses, Upkeep};

/// What is kept, and where.
pub(crate) const STORAGE: Table = Table {
    noun: "storage",
    rows: &[
        now("database", Sealed(&DATABASE), "sqlite:path, postgres://user@host/name, or memory."),
        later("redis", Address, "What several gateways share."),
        later("objects", Address, "Where large things are kept."),
        now("encryption_key", Or(&["auto"], &Hidden), "What secrets are sealed with; `auto` makes one.")
            .usual("auto"),
        later("on_outage", Choice(&["serve", "fail"]), "What happens without the database."),
        now("backup", Section(&upkeep::BACKUP), "Copies of the database."),
        now("retention", Section(&upkeep::RETENTION), "How long things are kept."),
        now("upkeep", Section(&upkeep::UPKEEP), "What else it wants now and then."),
        now("responses", Section(&RESPONSES), "Answers of /v1/responses that their place does not keep."),
    ],
};

/// Answers that are kept for callers.
const RESPONSES: Table = Table {
    noun: "kept responses",
    rows: &[
        now("keep", Switch, "Whether they are kept, sealed, for whoever asked.").usual("on"),
        now("age", Value(&AGE), "How long, from the last time a conversation went on.").usual("30d"),
        now("most", Value(&SIZE), "How much of all callers' together.").usual("1GiB"),
    ],
};

/// Kept secret as a whole: the login may hold a password.
const DATABASE: Form =
    Form { read: |text| database(text).map(|_| ()), pattern: "^(memory|sqlite:.+|postgres(ql)?://.+)$" };

/// Where records are kept, if that is written, and what is done to them.
pub(crate) struct Storage {
    pub(crate) database: Option<Written<Database>>,
    /// What secrets are sealed with, if it is not to be made.
    pub(crate) key: Option<Secret>,
    pub(crate) upkeep: Upkeep,
    /// How answers are kept for callers; `None`: they are not.
    pub(crate) responses: Option<KeptResponses>,
}

/// Reads `storage`.
pub(crate) fn read(section: Option<Settings<'_>>) -> Storage {
    let Some(section) = section else {
        return Storage { database: None, key: None, upkeep: upkeep::usual(), responses: Some(USUAL) };
    };
    let database = section.written("database", database);
    let key = section.get("encryption_key").and_then(|at| key(&at));
    let upkeep = upkeep::read(&section);
    let responses = section.section("responses", &RESPONSES).map_or(Some(USUAL), responses);
    section.close();
    Storage { database, key, upkeep, responses }
}

/// As long as OpenAI keeps them ("Response objects are saved for 30 days by default").
const USUAL: KeptResponses = KeptResponses { age: Duration::from_secs(30 * 86_400), most: 1 << 30 };

fn responses(section: Settings<'_>) -> Option<KeptResponses> {
    let keep = section.or("keep", At::switch, true);
    let age = section.or("age", |at| at.parse(some_age), USUAL.age);
    let most = section.or("most", |at| at.parse(size), USUAL.most);
    section.close();
    keep.then_some(KeptResponses { age, most })
}

fn some_age(text: &str) -> Result<Duration, Wrong> {
    match age(text)? {
        Duration::ZERO => wrong("is zero.", "Write how long, like 30d, or `keep: off`."),
        some => Ok(some),
    }
}

/// A key, or several, one a line, the first for new secrets. `auto`, and a variable that is not set: one is made.
fn key(at: &At<'_>) -> Option<Secret> {
    const SHORTEST: usize = 32;
    let text = at.text().filter(|text| !text.trim().is_empty() && text != "auto")?;
    if text.lines().map(str::trim).any(|line| !line.is_empty() && line.len() < SHORTEST) {
        let what = format!("holds a key that is too short: {SHORTEST} characters are the least.");
        at.wrong_as(what, "Make one: openssl rand -hex 32");
        return None;
    }
    Some(Secret::new(text))
}

/// Never repeats what is written: a URL may hold a password.
fn database(text: &str) -> Result<Database, Wrong> {
    const FIX: &str = "Write `sqlite:/path/to/file`, `postgres://user@host/name` or `memory`.";
    if text == "memory" {
        return Ok(Database::Memory);
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Database::Postgres(Secret::new(text)));
    }
    match text.strip_prefix("sqlite:") {
        // As other programs write it: sqlite:///absolute, sqlite://relative.
        Some(rest) => match rest.strip_prefix("//").unwrap_or(rest) {
            "" | ":memory:" => wrong("names no file.", FIX),
            path if path.contains('?') => wrong("takes a file alone, without options behind a `?`.", FIX),
            path => Ok(Database::File(PathBuf::from(path))),
        },
        None => wrong("is no database we know.", FIX),
    }
}
