//! A database file of another program: told apart from ours, looked into, never written.
//!
//! One that is closed in order is read where it is. One with a log beside it (`-wal`, `-journal`), or that would need one,
//! is copied first: SQLite itself writes beside such a file even for a reader.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value as Json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Row, SqliteConnection, TypeInfo, ValueRef};

use super::engine::Engine;
use super::sqlite::OURS;
use crate::files;
use crate::problem::StoreProblem;

/// Whose a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Nobody's: it is not there, or empty.
    Nobody,
    /// Ours, of whatever version.
    Ours,
    /// Another program's.
    Another,
}

/// A table: its rows as JSON, names of columns as they are written.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows, in the order they are stored.
    pub rows: Vec<Map<String, Json>>,
}

/// The most that is looked into: more is no program's settings.
const LARGEST: u64 = 256 * 1024 * 1024;
/// The most rows of a table.
const MOST_ROWS: usize = 10_000;
/// How long another program that writes is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What an SQLite file begins with (sqlite.org/fileformat.html, 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Whose the database file at this path is. Blocks.
///
/// # Errors
/// When it cannot be read, or is no SQLite file.
pub fn whose(path: &Path) -> Result<Whose, StoreProblem> {
    let head = head(path)?;
    if head.is_empty() {
        return Ok(Whose::Nobody);
    }
    if application(&head) == Some(OURS) {
        return Ok(Whose::Ours);
    }
    // What was begun and not closed in order stands in the log beside the file only.
    let look = Look::prepare(path, &head)?;
    let told = Engine::start()?.wait_apart(async {
        let told = async {
            let mut connection = look.options.connect().await?;
            let id = sqlx::query_scalar::<_, i32>("PRAGMA application_id").fetch_one(&mut connection).await?;
            let tables = "SELECT COUNT(*) FROM sqlite_master";
            let tables = sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut connection).await?;
            connection.close().await.map(|()| (id, tables))
        };
        told.await.map_err(|error: sqlx::Error| super::problem_of(&path.display().to_string(), &error))
    })?;
    Ok(match told {
        (OURS, _) => Whose::Ours,
        (0, 0) => Whose::Nobody,
        _ => Whose::Another,
    })
}

/// The tables that have one of these columns, in the order they were made. Blocks.
///
/// # Errors
/// When the file is damaged, in use, too large, or no SQLite file.
pub fn tables(path: &Path, columns: &[&str]) -> Result<Vec<Table>, StoreProblem> {
    let head = head(path)?;
    if head.is_empty() {
        return Ok(Vec::new());
    }
    let look = Look::prepare(path, &head)?;
    let tables = Engine::start()?.wait_apart(async {
        let read = read_tables(&look.options, columns).await;
        read.map_err(|error| super::problem_of(&path.display().to_string(), &error))
    })?;
    let tables = tables.map_err(|why| StoreProblem::Damaged { place: path.display().to_string(), why })?;
    match tables.iter().find(|table| table.rows.len() > MOST_ROWS) {
        Some(table) => Err(StoreProblem::file(
            path,
            format!(
                "its table `{}` has more than {MOST_ROWS} rows, which no program's settings have",
                table.name
            ),
        )),
        None => Ok(tables),
    }
}

/// The first bytes of the file; none of one that is empty or not there.
fn head(path: &Path) -> Result<Vec<u8>, StoreProblem> {
    let at = |error: std::io::Error| StoreProblem::file(path, error);
    let data = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(at)?,
    };
    if !data.is_file() && !data.is_symlink() {
        return Err(StoreProblem::file(path, "it is not a regular file"));
    }
    if data.len() > LARGEST {
        return Err(StoreProblem::file(path, format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    let mut head = Vec::new();
    files::read_file(path).map_err(at)?.take(100).read_to_end(&mut head).map_err(at)?;
    if head.is_empty() || head.starts_with(MAGIC) {
        return Ok(head);
    }
    Err(StoreProblem::Damaged { place: path.display().to_string(), why: "it is no SQLite file".to_owned() })
}

/// `PRAGMA application_id`, where the file itself says it.
fn application(head: &[u8]) -> Option<i32> {
    head.get(68..72)?.try_into().ok().map(i32::from_be_bytes)
}

/// How a file is looked into: itself, or a copy of it that is gone afterwards.
struct Look {
    options: SqliteConnectOptions,
    _copy: Option<tempfile::TempDir>,
}

impl Look {
    fn prepare(path: &Path, head: &[u8]) -> Result<Self, StoreProblem> {
        let logs = ["-wal", "-journal"].map(|ending| PathBuf::from(format!("{}{ending}", path.display())));
        let logged = logs.iter().any(|log| std::fs::metadata(log).is_ok_and(|data| data.len() > 0));
        // Byte 18 is 2 where a write-ahead log is used, be it there or not.
        let copied = logged || head.get(18) == Some(&2);
        let copy = if copied { Some(copy(path, &logs)?) } else { None };
        let file = copy.as_ref().map_or_else(|| path.to_owned(), |folder| folder.path().join("copy.db"));
        let options = SqliteConnectOptions::new().filename(&file).busy_timeout(PATIENCE);
        // A copy is ours to bring in order; the file itself is not.
        let options = options.read_only(!copied).create_if_missing(false);
        // Nothing in the file may do more than be read.
        let options = options.pragma("trusted_schema", "OFF").pragma("cell_size_check", "ON");
        Ok(Self { options, _copy: copy })
    }
}

/// The tables that have one of these columns; or what is damaged.
async fn read_tables(
    options: &SqliteConnectOptions,
    columns: &[&str],
) -> Result<Result<Vec<Table>, String>, sqlx::Error> {
    let mut connection = options.connect().await?;
    let check = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(&mut connection).await?;
    if check != "ok" {
        return Ok(Err(check));
    }
    // Virtual tables are programs; ordinary ones are rows.
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
    let names = sqlx::query_scalar::<_, String>(names).fetch_all(&mut connection).await?;
    let mut tables = Vec::new();
    for name in names {
        if has_one(&mut connection, &name, columns).await? {
            tables.push(table(&mut connection, name).await?);
        }
    }
    connection.close().await.map(|()| Ok(tables))
}

/// A copy of the file with its logs, in a folder only we may enter, gone when it is dropped.
fn copy(path: &Path, logs: &[PathBuf; 2]) -> Result<tempfile::TempDir, StoreProblem> {
    let at = |error: std::io::Error| StoreProblem::file(path, error);
    let folder = tempfile::tempdir().map_err(at)?;
    for (from, to) in [(path, "copy.db"), (&logs[0], "copy.db-wal"), (&logs[1], "copy.db-journal")] {
        if from != path && !from.exists() {
            continue;
        }
        let mut source = files::read_file(from).map_err(at)?.take(LARGEST + 1);
        let mut target = files::private_file(&folder.path().join(to), files::Open::New).map_err(at)?;
        if std::io::copy(&mut source, &mut target).map_err(at)? > LARGEST {
            return Err(StoreProblem::file(from, format!("it is larger than {} MiB", LARGEST >> 20)));
        }
    }
    Ok(folder)
}

/// Whether a table has one of these columns.
async fn has_one(on: &mut SqliteConnection, table: &str, columns: &[&str]) -> Result<bool, sqlx::Error> {
    let names = sqlx::query_scalar::<_, String>("SELECT name FROM pragma_table_info($1)");
    let names = names.bind(table).fetch_all(on).await?;
    Ok(names.iter().any(|name| columns.contains(&name.to_ascii_lowercase().as_str())))
}

async fn table(on: &mut SqliteConnection, name: String) -> Result<Table, sqlx::Error> {
    // The name is the file's own, and stands in quotes as SQL wants it.
    let rows = format!("SELECT * FROM \"{}\" LIMIT {}", name.replace('"', "\"\""), MOST_ROWS + 1);
    let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(on).await?;
    Ok(Table { name, rows: rows.iter().map(members).collect() })
}

fn members(row: &SqliteRow) -> Map<String, Json> {
    let cell = |column: &sqlx::sqlite::SqliteColumn| (column.name().to_owned(), cell(row, column.ordinal()));
    row.columns().iter().map(cell).collect()
}

/// A cell by what is in it, whatever its column was declared as. Bytes that are no text are nothing to us.
fn cell(row: &SqliteRow, at: usize) -> Json {
    let Ok(raw) = row.try_get_raw(at) else { return Json::Null };
    if raw.is_null() {
        return Json::Null;
    }
    let found = match raw.type_info().name() {
        "INTEGER" => row.try_get_unchecked::<i64, _>(at).map(Json::from),
        "REAL" => row.try_get_unchecked::<f64, _>(at).map(Json::from),
        "TEXT" => row.try_get_unchecked::<String, _>(at).map(Json::from),
        _ => {
            let bytes = row.try_get_unchecked::<Vec<u8>, _>(at);
            bytes.map(|bytes| String::from_utf8(bytes).map_or(Json::Null, Json::from))
        }
    };
    found.unwrap_or(Json::Null)
}
