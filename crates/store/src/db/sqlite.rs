//! A file on this computer: one writer, and readers beside it (write-ahead log).

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::OnceCell;

use super::Health;
use super::ask::Work;
use super::engine::Engine;
use super::migrations;
use super::statements::newer;
use super::statements::sqlite::schema;
use crate::files::{self, Open};
use crate::problem::StoreProblem;

/// Stands in the head of our files (`PRAGMA application_id`): "oaip".
pub(super) const OURS: i32 = 0x6f61_6970;
/// How long one process waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);
/// The writer's memory, in KiB as SQLite wants it, as far as it is needed: with less, pages of the indexes are written and
/// read again and again within one batch.
const CACHE: &str = "-32768";
/// Where the writer keeps what a statement of many rows would be undone with. Else it makes a file of it under `/var/tmp` each time,
/// and every page that is changed is written there as well.
const UNDONE_FROM: &str = "memory";
/// What stays of the log beside the file when a long reader has let it grow, in bytes.
const LOG: &str = "67108864";
/// Connections that read, and how long one of them, with its thread and its memory, is kept at least for the next question. Chores ask
/// once a minute, so that one usually stays.
const READERS: u32 = 4;
const KEPT: Duration = Duration::from_secs(60);
/// Holes of less than this part of a file are not worth writing it anew for: nothing else can be written meanwhile.
const WORTH: u64 = 20;

/// A database in a file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    engine: Engine,
    inner: std::sync::Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Set once the file has been brought up to this version.
    ready: OnceCell<()>,
    /// Why it is not written any more: the disk has failed (F-51). A second sync would say that all is well.
    suspect: OnceLock<String>,
    /// Which file it is: its device and number.
    file: OnceLock<(u64, u64)>,
    /// The writer is writing the file anew.
    made_small: AtomicBool,
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
        let writing = writing
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", UNDONE_FROM)
            .pragma("journal_size_limit", LOG);
        let pool = |most| SqlitePoolOptions::new().max_connections(most).acquire_timeout(BUSY);
        let inner = engine.wait_apart(async {
            let writer = pool(1).connect_lazy_with(writing);
            let readers = pool(READERS).idle_timeout(KEPT).connect_lazy_with(options.read_only(true));
            Ok(Inner {
                path,
                ready: OnceCell::new(),
                suspect: OnceLock::new(),
                file: OnceLock::new(),
                made_small: AtomicBool::new(false),
                writer,
                readers,
            })
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

    /// Asks something.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreProblem> {
        let inner = self.inner.clone();
        let read = async move {
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut reader = inner.readers.acquire().await.map_err(away)?;
            work(&mut reader).await.map_err(away)
        };
        self.engine.run(read).await
    }

    /// Changes something, wholly or not at all.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreProblem> {
        let inner = self.inner.clone();
        let write = async move {
            inner.may_be_written()?;
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            inner.is_there()?;
            let mut writer = inner.writer.acquire().await.map_err(|error| inner.is_busy(&error))?;
            // Whoever had it before may have found out.
            inner.may_be_written()?;
            let done = async {
                // At once for writing: a lock that is asked for in the middle cannot be waited for.
                let mut change = writer.begin_with("BEGIN IMMEDIATE").await?;
                let done = work(&mut change).await?;
                change.commit().await?;
                Ok(done)
            };
            let done = done.await.map_err(away);
            // On a disk that failed, closing would sync once more.
            if done.is_err() && inner.may_be_written().is_ok() {
                // One whose commit failed, on a full disk for example, never begins anything again.
                writer.close_on_drop();
            }
            done
        };
        self.engine.run(write).await
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }

    pub(super) async fn bytes(&self) -> Result<u64, StoreProblem> {
        self.read(|on| Box::pin(bytes(on))).await
    }

    pub(crate) async fn health(&self, thorough: bool) -> Result<Health, StoreProblem> {
        self.read(move |on| Box::pin(health(on, thorough))).await
    }

    /// Whether it has holes enough to be written anew for.
    pub(super) async fn has_holes(&self) -> Result<bool, StoreProblem> {
        let (free, bytes) = self
            .read(|on| Box::pin(async move { Ok((free_bytes(&mut *on).await?, bytes(on).await?)) }))
            .await?;
        Ok(free > 0 && free >= bytes / WORTH)
    }

    pub(super) async fn vacuum(&self) -> Result<(), StoreProblem> {
        let inner = self.inner.clone();
        let work = async move {
            inner.may_be_written()?;
            inner.make_ready().await?;
            let away = |error: sqlx::Error| inner.problem(&error);
            let mut writer = inner.writer.acquire().await.map_err(away)?;
            // Whoever had it before may have found out.
            inner.may_be_written()?;
            // The whole of it would be in memory otherwise.
            let vacuum = "PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY";
            inner.made_small.store(true, Ordering::Relaxed);
            let done = sqlx::raw_sql(vacuum).execute(&mut *writer).await;
            inner.made_small.store(false, Ordering::Relaxed);
            done.map(|_done| ()).map_err(away)
        };
        self.engine.run(work).await
    }

    /// Copies what is committed at this moment into a new file.
    pub(crate) async fn copy_to(&self, new: &Path) -> Result<(), StoreProblem> {
        let new = new.display().to_string();
        self.read(move |on| {
            Box::pin(async move { sqlx::query("VACUUM INTO $1").bind(new).execute(on).await.map(|_done| ()) })
        })
        .await
    }
}

impl Inner {
    async fn make_ready(&self) -> Result<(), StoreProblem> {
        let ready = self.ready.get_or_try_init(|| self.begin()).await;
        ready.map(|_done| ()).map_err(|problem| self.noted(problem))
    }

    /// Has the file prepared, and the writer take over from whoever did it: if the last one left in between, the log would be
    /// put into the file and begun anew, which is a handful of syncs.
    async fn begin(&self) -> Result<(), StoreProblem> {
        let first = prepare(&self.path).await?;
        let writer = self.writer.acquire().await;
        let _ = first.close().await;
        let place = self.path.display().to_string();
        writer.map(drop).map_err(|error| super::problem_of(&place, &error))
    }

    /// Whether the file is still the one that was opened: what is written into one that was taken away is lost.
    fn is_there(&self) -> Result<(), StoreProblem> {
        let now = std::fs::metadata(&self.path).map(|data| (data.dev(), data.ino())).ok();
        match (now, self.file.get()) {
            (Some(now), Some(file)) if now == *file => Ok(()),
            (Some(now), None) => {
                let _ = self.file.set(now);
                Ok(())
            }
            _ => Err(StoreProblem::Away(format!(
                "{} was taken away, or is another file now; put it back, or restart",
                self.path.display()
            ))),
        }
    }

    fn may_be_written(&self) -> Result<(), StoreProblem> {
        let place = || self.path.display().to_string();
        let suspect = self.suspect.get().cloned();
        suspect.map_or(Ok(()), |why| Err(StoreProblem::Suspect { place: place(), why }))
    }

    /// The writer was not to be had.
    fn is_busy(&self, error: &sqlx::Error) -> StoreProblem {
        if matches!(error, sqlx::Error::PoolTimedOut) && self.made_small.load(Ordering::Relaxed) {
            return StoreProblem::Away("it is being made smaller, and takes nothing meanwhile".to_owned());
        }
        self.problem(error)
    }

    fn problem(&self, error: &sqlx::Error) -> StoreProblem {
        self.noted(super::problem_of(&self.path.display().to_string(), error))
    }

    fn noted(&self, problem: StoreProblem) -> StoreProblem {
        if let StoreProblem::Suspect { why, .. } = &problem
            && self.suspect.set(why.clone()).is_ok()
        {
            // Here, for it may follow upon another problem that was told already.
            tracing::error!("{problem}");
        }
        problem
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

async fn pragma(on: &mut SqliteConnection, sql: &'static str) -> Result<u64, sqlx::Error> {
    let number = sqlx::query_scalar::<_, i64>(sql).fetch_one(on).await?;
    Ok(u64::try_from(number).unwrap_or(0))
}

async fn bytes(on: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    Ok(pragma(on, "PRAGMA page_size").await? * pragma(on, "PRAGMA page_count").await?)
}

async fn free_bytes(on: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    Ok(pragma(on, "PRAGMA page_size").await? * pragma(on, "PRAGMA freelist_count").await?)
}

/// How a file is. What a damaged one says while it is looked through is what is wrong with it.
async fn health(on: &mut SqliteConnection, thorough: bool) -> Result<Health, sqlx::Error> {
    let mut health = Health::default();
    if thorough {
        let check = sqlx::query_scalar::<_, String>("PRAGMA integrity_check");
        health.damages = check.fetch_all(&mut *on).await?;
        health.damages.retain(|line| line != "ok");
    }
    health.bytes = bytes(on).await?;
    health.free_bytes = free_bytes(on).await?;
    if health.damages.is_empty() {
        schema::contents(on, &mut health).await?;
    }
    Ok(health)
}

/// Makes the file if it is not there, and brings it up to this version; by this connection. Nothing is written into a file
/// that is not ours or newer than we are.
async fn prepare(path: &Path) -> Result<SqliteConnection, StoreProblem> {
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
    // A sync for each step would be one too many: what is written later is synced with all that came before it.
    let options = options.synchronous(SqliteSynchronous::Normal);
    let mut connection = options.connect().await.map_err(away)?;
    let done = step_up(&mut connection, path).await;
    drop(lock);
    match done {
        Ok(()) => Ok(connection),
        Err(problem) => {
            let _ = connection.close().await;
            Err(problem)
        }
    }
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
    let version = schema::version(connection).await.map_err(away)?;
    newer(&place, version).map(|()| Some(version))
}

async fn step_up(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreProblem> {
    let place = path.display().to_string();
    let away = |error: sqlx::Error| super::problem_of(&place, &error);
    let version = is_ours(connection, path).await?;
    if version == Some(migrations::known()) {
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode").fetch_one(&mut *connection).await;
        // Nothing to do, and so no need to wait for somebody who writes.
        if mode.map_err(away)?.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
    }
    let mode = match version {
        Some(_) => "PRAGMA journal_mode = WAL",
        // There is nothing yet that a journal would have to bring back.
        None => "PRAGMA journal_mode = MEMORY; PRAGMA journal_mode = WAL",
    };
    sqlx::raw_sql(mode).execute(&mut *connection).await.map_err(away)?;
    let mut change = connection.begin_with("BEGIN IMMEDIATE").await.map_err(away)?;
    // 0x6f616970.
    sqlx::raw_sql("PRAGMA application_id = 1868654960").execute(&mut *change).await.map_err(away)?;
    schema::migrate(&mut change, &place).await?;
    change.commit().await.map_err(away)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_number_in_the_statement_is_ours() {
        assert_eq!(super::OURS, 1_868_654_960);
    }
}
