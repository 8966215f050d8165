//! A file on this computer: one writer, and readers beside it (write-ahead log).

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::OnceCell;

use super::Health;
use super::engine::Engine;
use super::migrations;
use super::query::{Cursor, Filter, Hour, Page};
use super::secrets::Change;
use super::statements::{newer, sqlite};
use crate::files::{self, Open};
use crate::problem::StoreProblem;
use crate::usage_record::UsageRecord;
use crate::vault::Sealed;

/// Stands in the head of our files (`PRAGMA application_id`): "oaip".
pub(super) const OURS: i32 = 0x6f61_6970;
/// How long one process waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);
/// The writer's memory, in KiB as SQLite wants it, as far as it is needed: with less, pages of the indexes are written and
/// read again and again within one batch.
const CACHE: &str = "-32768";
/// Connections that read.
const READERS: u32 = 4;

/// A database in a file.
#[derive(Debug)]
pub struct Sqlite {
    engine: Engine,
    inner: std::sync::Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Set once the file has been brought up to this version.
    ready: OnceCell<()>,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    /// Opens the file, which is made if it is not there: 0600, in a folder of 0700.
    ///
    /// # Errors
    /// When it is newer, somebody else's, damaged, or cannot be a file.
    pub(super) fn open(path: &Path) -> Result<Self, StoreProblem> {
        let engine = Engine::start()?;
        let path = std::path::absolute(path).map_err(|error| StoreProblem::file(path, error))?;
        let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY).foreign_keys(true);
        let writing = options.clone().journal_mode(SqliteJournalMode::Wal);
        // What has been committed is struck from the spool, so it has to be on the disk itself by then.
        let writing = writing.synchronous(SqliteSynchronous::Full).pragma("cache_size", CACHE);
        let pool = |most| SqlitePoolOptions::new().max_connections(most).acquire_timeout(BUSY);
        let inner = engine.wait_apart(async {
            let writer = pool(1).connect_lazy_with(writing);
            let readers = pool(READERS).connect_lazy_with(options.read_only(true));
            Ok(Inner { path, ready: OnceCell::new(), writer, readers })
        })?;
        let sqlite = Self { engine, inner: std::sync::Arc::new(inner) };
        let inner = sqlite.inner.clone();
        match sqlite.engine.wait_apart(async move { inner.make_ready().await }) {
            Err(problem) if problem.is_final() => Err(problem),
            Err(problem) => {
                tracing::warn!("usage is spooled meanwhile: {problem}");
                Ok(sqlite)
            }
            Ok(()) => Ok(sqlite),
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) async fn append(&self, batch: Vec<UsageRecord>) -> Result<usize, StoreProblem> {
        let inner = self.inner.clone();
        let work = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            // At once for writing: a lock that is asked for in the middle cannot be waited for.
            let mut change = inner.writer.begin_with("BEGIN IMMEDIATE").await.map_err(away)?;
            let new = sqlite::append(&mut change, &batch).await.map_err(away)?;
            change.commit().await.map_err(away)?;
            Ok(new)
        };
        self.engine.run(work).await
    }

    pub(super) async fn page(
        &self,
        filter: &Filter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, StoreProblem> {
        let (inner, filter, after) = (self.inner.clone(), filter.clone(), after.cloned());
        let work = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut reader = inner.readers.acquire().await.map_err(away)?;
            sqlite::page(&mut reader, &filter, after.as_ref(), limit).await.map_err(away)
        };
        self.engine.run(work).await
    }

    pub(super) async fn hours(&self, from_us: u64, until_us: u64) -> Result<Vec<Hour>, StoreProblem> {
        let inner = self.inner.clone();
        let work = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut reader = inner.readers.acquire().await.map_err(away)?;
            sqlite::hours(&mut reader, from_us, until_us).await.map_err(away)
        };
        self.engine.run(work).await
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }

    pub(crate) async fn health(&self, thorough: bool) -> Result<Health, StoreProblem> {
        let inner = self.inner.clone();
        let work = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut reader = inner.readers.acquire().await.map_err(away)?;
            health(&mut reader, thorough).await.map_err(away)
        };
        self.engine.run(work).await
    }

    pub(super) async fn vacuum(&self) -> Result<(), StoreProblem> {
        let inner = self.inner.clone();
        let work = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut writer = inner.writer.acquire().await.map_err(away)?;
            sqlx::raw_sql("VACUUM").execute(&mut *writer).await.map_err(away)?;
            Ok(())
        };
        self.engine.run(work).await
    }

    pub(super) async fn prune(&self, before_us: u64) -> Result<u64, StoreProblem> {
        let inner = self.inner.clone();
        let work = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut writer = inner.writer.acquire().await.map_err(away)?;
            sqlite::prune(&mut writer, before_us).await.map_err(away)
        };
        self.engine.run(work).await
    }

    /// Copies what is committed at this moment into a new file.
    pub(crate) async fn copy_to(&self, new: &Path) -> Result<(), StoreProblem> {
        let (inner, new) = (self.inner.clone(), new.display().to_string());
        let work = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut reader = inner.readers.acquire().await.map_err(away)?;
            sqlx::query("VACUUM INTO $1").bind(new).execute(&mut *reader).await.map_err(away)?;
            Ok(())
        };
        self.engine.run(work).await
    }

    pub(super) async fn secrets(&self) -> Result<Vec<Sealed>, StoreProblem> {
        let inner = self.inner.clone();
        self.engine.run(async move { inner.secrets().await }).await
    }

    pub(super) async fn secret(&self, name: String) -> Result<Option<Sealed>, StoreProblem> {
        let inner = self.inner.clone();
        self.engine.run(async move { inner.secret(&name).await }).await
    }

    pub(super) async fn change_secret(&self, change: Change) -> Result<bool, StoreProblem> {
        let inner = self.inner.clone();
        self.engine.run(async move { inner.change_secret(&change).await }).await
    }
}

impl Inner {
    async fn secrets(&self) -> Result<Vec<Sealed>, StoreProblem> {
        self.make_ready().await?;
        let mut reader = self.readers.acquire().await.map_err(|error| self.problem(&error))?;
        sqlite::secrets(&mut reader).await.map_err(|error| self.problem(&error))
    }

    async fn secret(&self, name: &str) -> Result<Option<Sealed>, StoreProblem> {
        self.make_ready().await?;
        let mut reader = self.readers.acquire().await.map_err(|error| self.problem(&error))?;
        sqlite::secret_of(&mut reader, name).await.map_err(|error| self.problem(&error))
    }

    async fn change_secret(&self, change: &Change) -> Result<bool, StoreProblem> {
        self.make_ready().await?;
        let mut writer = self.writer.acquire().await.map_err(|error| self.problem(&error))?;
        let done = match change {
            Change::Put(new) => sqlite::put_secret(&mut writer, new).await.map(|()| true),
            Change::Remove(name) => sqlite::remove_secret(&mut writer, name).await,
            Change::Rewrap(old, new) => sqlite::rewrap_secret(&mut writer, old, new).await,
        };
        done.map_err(|error| self.problem(&error))
    }

    async fn make_ready(&self) -> Result<(), StoreProblem> {
        self.ready.get_or_try_init(|| prepare(&self.path)).await.map(|_done| ())
    }

    fn problem(&self, error: &sqlx::Error) -> StoreProblem {
        super::problem_of(&self.path.display().to_string(), error)
    }
}

/// Looks a file through that nobody uses, and says whether it is ours and not newer than we are. Blocks.
pub(crate) fn look_through(path: &Path) -> Result<Health, StoreProblem> {
    let engine = Engine::start()?;
    engine.wait_apart(async {
        let place = path.display().to_string();
        let away = |error: sqlx::Error| super::problem_of(&place, &error);
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut connection = options.connect().await.map_err(away)?;
        let looked = async {
            is_ours(&mut connection, path).await?;
            health(&mut connection, true).await.map_err(away)
        };
        let looked = looked.await;
        let _ = connection.close().await;
        looked
    })
}

/// How a file is. What a damaged one says while it is looked through is what is wrong with it.
async fn health(on: &mut SqliteConnection, thorough: bool) -> Result<Health, sqlx::Error> {
    let mut health = Health::default();
    if thorough {
        let check = sqlx::query_scalar::<_, String>("PRAGMA integrity_check");
        health.damages = check.fetch_all(&mut *on).await?;
        health.damages.retain(|line| line != "ok");
    }
    let pragma = async |on: &mut SqliteConnection, sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql).fetch_one(on).await.map(|number| u64::try_from(number).unwrap_or(0))
    };
    let page = pragma(on, "PRAGMA page_size").await?;
    health.bytes = page * pragma(on, "PRAGMA page_count").await?;
    health.free_bytes = page * pragma(on, "PRAGMA freelist_count").await?;
    if health.damages.is_empty() {
        sqlite::contents(on, &mut health).await?;
    }
    Ok(health)
}

/// Makes the file if it is not there, and brings it up to this version. Nothing is written into a file that is not ours or
/// newer than we are.
async fn prepare(path: &Path) -> Result<(), StoreProblem> {
    let at = |error: std::io::Error| StoreProblem::file(path, error);
    if let Some(folder) = path.parent() {
        files::private_folder(folder).map_err(|error| StoreProblem::file(folder, error))?;
    }
    drop(files::private_file(path, Open::Kept).map_err(at)?);
    // Two processes that start at once: one at a time, for the change to a write-ahead log waits for nobody.
    let mut beside = path.as_os_str().to_owned();
    beside.push("-lock");
    let lock = files::private_file(Path::new(&beside), Open::Kept).map_err(at)?;
    lock.lock().map_err(at)?;
    let place = path.display().to_string();
    let away = |error: sqlx::Error| super::problem_of(&place, &error);
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY);
    let mut connection = options.connect().await.map_err(away)?;
    let done = step_up(&mut connection, path).await;
    let _ = connection.close().await;
    drop(lock);
    done
}

/// Whether a file is ours, and not newer than we are; then its version. An empty one is nobody's yet.
async fn is_ours(connection: &mut SqliteConnection, path: &Path) -> Result<Option<i64>, StoreProblem> {
    let place = path.display().to_string();
    let away = |error: sqlx::Error| super::problem_of(&place, &error);
    let tables = "SELECT COUNT(*) FROM sqlite_master";
    let tables = sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut *connection).await.map_err(away)?;
    let whose = "PRAGMA application_id";
    let whose = sqlx::query_scalar::<_, i32>(whose).fetch_one(&mut *connection).await.map_err(away)?;
    if whose != OURS && (tables > 0 || whose != 0) {
        return Err(StoreProblem::Foreign(path.to_owned()));
    }
    if tables == 0 {
        return Ok(None);
    }
    let version = sqlite::version(connection).await.map_err(away)?;
    newer(&place, version).map(|()| Some(version))
}

async fn step_up(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreProblem> {
    let place = path.display().to_string();
    let away = |error: sqlx::Error| super::problem_of(&place, &error);
    if is_ours(connection, path).await? == Some(migrations::known()) {
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode").fetch_one(&mut *connection).await;
        // Nothing to do, and so no need to wait for somebody who writes.
        if mode.map_err(away)?.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
    }
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *connection).await.map_err(away)?;
    let mut change = connection.begin_with("BEGIN IMMEDIATE").await.map_err(away)?;
    // 0x6f616970.
    sqlx::raw_sql("PRAGMA application_id = 1868654960").execute(&mut *change).await.map_err(away)?;
    sqlite::migrate(&mut change, &place).await?;
    change.commit().await.map_err(away)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_number_in_the_statement_is_ours() {
        assert_eq!(super::OURS, 1_868_654_960);
    }
}
