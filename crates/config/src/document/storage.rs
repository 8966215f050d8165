//! `storage`: where records are kept.

use std::path::PathBuf;

use protocol::secret::Secret;

use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{
    Address, Choice, Or, Sealed, Secret as Hidden, Section, Switch, Text, Value, Whole,
};
use crate::reader::table::{Form, Table, later, now};
use crate::reader::{AGE, DURATION, Section as Settings, Written};
use crate::snapshot::Database;

/// What is kept, and where.
pub(crate) const STORAGE: Table = Table {
    noun: "storage",
    rows: &[
        now("database", Sealed(&DATABASE), "sqlite:path, postgres://user@host/name, or memory."),
        later("redis", Address, "What several gateways share."),
        later("objects", Address, "Where large things are kept."),
        later("encryption_key", Hidden, "What secrets are sealed with; `auto` makes one."),
        later("on_outage", Choice(&["serve", "fail"]), "What happens without the database."),
        later("backup", Section(&BACKUP), "Copies of the database."),
        later("retention", Section(&RETENTION), "How long things are kept."),
    ],
};

/// Kept secret as a whole: the login may hold a password.
const DATABASE: Form =
    Form { read: |text| database(text).map(|_| ()), pattern: "^(memory|sqlite:.+|postgres(ql)?://.+)$" };

const BACKUP: Table = Table {
    noun: "backups",
    rows: &[
        later("every", Or(&["off"], &Value(&DURATION)), "How often."),
        later("keep", Whole(0), "How many."),
        later("to", Text, "Where."),
        later("verify", Switch, "Whether each is read again."),
    ],
};

const KEPT: crate::reader::table::Shape = Or(&["forever"], &Value(&AGE));

const RETENTION: Table = Table {
    noun: "retention",
    rows: &[
        later("requests", KEPT, "Usage records."),
        later("bodies", KEPT, "Prompts and answers."),
        later("audit", KEPT, "Who changed what."),
        later("usage_daily", KEPT, "Sums of a day."),
    ],
};

/// Where records are kept, if that is written.
pub(crate) struct Storage {
    pub(crate) database: Option<Written<Database>>,
}

/// Reads `storage`.
pub(crate) fn read(section: Option<Settings<'_>>) -> Storage {
    let Some(section) = section else { return Storage { database: None } };
    let database = section.written("database", database);
    section.close();
    Storage { database }
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
