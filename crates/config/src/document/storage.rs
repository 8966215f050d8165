//! `storage`: where records are kept.

use std::path::PathBuf;

use protocol::secret::Secret;

use super::upkeep;
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{Address, Choice, Sealed, Secret as Hidden, Section};
use crate::reader::table::{Form, Table, later, now};
use crate::reader::{Section as Settings, Written};
use crate::snapshot::{Database, Upkeep};

/// What is kept, and where.
pub(crate) const STORAGE: Table = Table {
    noun: "storage",
    rows: &[
        now("database", Sealed(&DATABASE), "sqlite:path, postgres://user@host/name, or memory."),
        later("redis", Address, "What several gateways share."),
        later("objects", Address, "Where large things are kept."),
        later("encryption_key", Hidden, "What secrets are sealed with; `auto` makes one."),
        later("on_outage", Choice(&["serve", "fail"]), "What happens without the database."),
        now("backup", Section(&upkeep::BACKUP), "Copies of the database."),
        now("retention", Section(&upkeep::RETENTION), "How long things are kept."),
        now("upkeep", Section(&upkeep::UPKEEP), "What else it wants now and then."),
    ],
};

/// Kept secret as a whole: the login may hold a password.
const DATABASE: Form =
    Form { read: |text| database(text).map(|_| ()), pattern: "^(memory|sqlite:.+|postgres(ql)?://.+)$" };

/// Where records are kept, if that is written, and what is done to them.
pub(crate) struct Storage {
    pub(crate) database: Option<Written<Database>>,
    pub(crate) upkeep: Upkeep,
}

/// Reads `storage`.
pub(crate) fn read(section: Option<Settings<'_>>) -> Storage {
    let Some(section) = section else { return Storage { database: None, upkeep: upkeep::usual() } };
    let database = section.written("database", database);
    let upkeep = upkeep::read(&section);
    section.close();
    Storage { database, upkeep }
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
