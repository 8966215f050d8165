//! `storage`: where records are kept.

use std::path::PathBuf;

use protocol::secret::Secret;

use crate::problem::{Wrong, wrong};
use crate::reader::{Section, Written};
use crate::snapshot::Database;

/// Where records are kept, if that is written.
pub(crate) struct Storage {
    pub(crate) database: Option<Written<Database>>,
}

/// Reads `storage`.
pub(crate) fn read(section: Option<Section<'_>>) -> Storage {
    let Some(mut section) = section else { return Storage { database: None } };
    let database = section.written("database", database);
    section.later(&["redis", "objects", "encryption_key", "on_outage", "backup", "retention"]);
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
