//! A PostgreSQL server.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::sync::OnceCell;

use super::Health;
use super::ask::Work;
use super::engine::Engine;
use super::statements::postgres::schema;
use crate::problem::StoreProblem;

/// What the problems call it: its URL may hold a password.
const PLACE: &str = "postgres";
/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a start waits for a server that does not answer: the spool has what comes meanwhile.
const START: Duration = Duration::from_millis(500);
const CONNECTIONS: u32 = 5;
/// No statement of ours takes longer than this unless something is wrong. Said in a statement, for a pooler between us and
/// the server does not pass on what is said while connecting.
const BOUNDED: &str = "SET statement_timeout = '10s'";
/// Who has waited for another's change then sees it, whatever the server's own setting is.
const SEES_WHAT_IT_WAITED_FOR: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// The lock two processes take that bring the same database up to date ("oaip").
const LOCK: i64 = 0x6f61_6970;

/// A database on a server.
#[derive(Debug)]
pub(super) struct Postgres {
    engine: Engine,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Set once the database has been brought up to this version.
    ready: OnceCell<()>,
    pool: PgPool,
}

impl Postgres {
    /// Opens the database of this URL. A server that does not answer is asked again when there is something to write.
    ///
    /// # Errors
    /// When the URL is none, or the database is newer.
    pub(super) fn open(url: &str) -> Result<Self, StoreProblem> {
        let engine = Engine::start()?;
        let options =
            PgConnectOptions::from_str(url).map_err(|error| StoreProblem::Address(told(url, &error)))?;
        let options = options.application_name("openai-proxy");
        let pool = engine.wait_apart(async {
            let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
            let pool = pool.after_connect(|connection, _about| {
                Box::pin(async move { sqlx::raw_sql(BOUNDED).execute(connection).await.map(|_done| ()) })
            });
            Ok(pool.connect_lazy_with(options))
        })?;
        let postgres = Self { engine, inner: Arc::new(Inner { ready: OnceCell::new(), pool }) };
        let inner = postgres.inner.clone();
        let opened = postgres.engine.wait_apart(async move {
            let late = |_late| StoreProblem::Away("it has not answered yet".to_owned());
            tokio::time::timeout(START, inner.make_ready()).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
        });
        match opened {
            Err(problem) if problem.is_final() => Err(problem),
            Err(problem) => {
                tracing::warn!("usage is spooled meanwhile: {problem}");
                Ok(postgres)
            }
            Ok(()) => Ok(postgres),
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Asks something.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreProblem> {
        let inner = self.inner.clone();
        let read = async move {
            inner.make_ready().await?;
            let mut reader = inner.pool.acquire().await.map_err(away)?;
            work(&mut reader).await.map_err(away)
        };
        self.engine.run(read).await
    }

    /// Changes something, wholly or not at all.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreProblem> {
        let inner = self.inner.clone();
        let write = async move {
            inner.make_ready().await?;
            let mut change = inner.pool.begin_with(SEES_WHAT_IT_WAITED_FOR).await.map_err(away)?;
            let done = work(&mut change).await.map_err(away)?;
            change.commit().await.map_err(away)?;
            Ok(done)
        };
        self.engine.run(write).await
    }

    pub(super) async fn bytes(&self) -> Result<u64, StoreProblem> {
        self.read(|on| Box::pin(bytes(on))).await
    }

    pub(super) async fn health(&self) -> Result<Health, StoreProblem> {
        self.read(|on| Box::pin(health(on))).await
    }

    pub(super) async fn vacuum(&self) -> Result<(), StoreProblem> {
        let inner = self.inner.clone();
        let work = async move {
            inner.make_ready().await?;
            let mut writer = inner.pool.acquire().await.map_err(away)?;
            // It takes as long as it takes, and only here.
            sqlx::raw_sql("SET statement_timeout = 0").execute(&mut *writer).await.map_err(away)?;
            let done = sqlx::raw_sql("VACUUM").execute(&mut *writer).await.map_err(away);
            sqlx::raw_sql(BOUNDED).execute(&mut *writer).await.map_err(away)?;
            done.map(|_done| ())
        };
        self.engine.run(work).await
    }
}

async fn bytes(on: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let bytes = sqlx::query_scalar::<_, i64>("SELECT pg_database_size(current_database())");
    Ok(u64::try_from(bytes.fetch_one(on).await?).unwrap_or(0))
}

async fn health(on: &mut PgConnection) -> Result<Health, sqlx::Error> {
    let mut health = Health { bytes: bytes(&mut *on).await?, ..Health::default() };
    schema::contents(on, &mut health).await?;
    Ok(health)
}

impl Inner {
    async fn make_ready(&self) -> Result<(), StoreProblem> {
        self.ready.get_or_try_init(|| self.prepare()).await.map(|_done| ())
    }

    /// Brings the database up to this version, one process at a time.
    async fn prepare(&self) -> Result<(), StoreProblem> {
        let mut change = self.pool.begin_with(SEES_WHAT_IT_WAITED_FOR).await.map_err(away)?;
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
        lock.execute(&mut *change).await.map_err(away)?;
        schema::migrate(&mut change, PLACE).await?;
        change.commit().await.map_err(away)
    }
}

fn away(error: sqlx::Error) -> StoreProblem {
    super::problem_of(PLACE, &error)
}

/// What is wrong with a URL, without the URL.
fn told(url: &str, error: &sqlx::Error) -> String {
    error.to_string().replace(url, "***")
}
