//! The steps a database has taken, and what is in it, in SQL.

use sqlx::Row as _;

use super::{Connection, Driver, Row, chores};
use crate::clock;
use crate::db::statements::{Result, newer, signed, unsigned};
use crate::db::{Health, History, migrations, problem_of};
use crate::problem::StoreProblem;

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_us BIGINT NOT NULL)";
const STEPS: &str = "SELECT version, name, applied_us FROM schema_versions ORDER BY version";
/// The oldest revision there is and the newest.
const HISTORY: &str = "SELECT oldest.number, oldest.made_us, newest.number, newest.made_us, newest.actor FROM revisions AS oldest, revisions AS newest WHERE oldest.number = (SELECT MIN(number) FROM revisions) AND newest.number = (SELECT MAX(number) FROM revisions)";
/// Every table, since which version it is there, and how its rows are counted.
const COUNTS: &[(&str, i64, &str)] = &[
    ("usage_records", 1, "SELECT COUNT(*) FROM usage_records"),
    ("usage_hourly", 1, "SELECT COUNT(*) FROM usage_hourly"),
    ("secrets", 2, "SELECT COUNT(*) FROM secrets"),
    ("revisions", REVISIONS, "SELECT COUNT(*) FROM revisions"),
    ("audit", 3, "SELECT COUNT(*) FROM audit"),
    ("once_requests", 3, "SELECT COUNT(*) FROM once_requests"),
    ("standings", 3, "SELECT COUNT(*) FROM standings"),
    ("chores", CHORES, "SELECT COUNT(*) FROM chores"),
    ("learnt", 7, "SELECT COUNT(*) FROM learnt"),
    ("responses", 8, "SELECT COUNT(*) FROM responses"),
];
/// Since which versions these are there.
const REVISIONS: i64 = 3;
const CHORES: i64 = 4;

/// The newest step this database has taken; 0: none.
pub(in crate::db) async fn version(on: &mut Connection) -> Result<i64> {
    let newest = "SELECT COALESCE(MAX(version), 0) FROM schema_versions";
    sqlx::query_scalar::<Driver, i64>(newest).fetch_one(on).await
}

/// Takes the steps that are missing, inside the caller's transaction, which holds the lock.
pub(in crate::db) async fn migrate(
    on: &mut Connection,
    place: &str,
) -> std::result::Result<(), StoreProblem> {
    let away = |error: sqlx::Error| problem_of(place, &error);
    sqlx::raw_sql(VERSIONS).execute(&mut *on).await.map_err(away)?;
    let found = version(on).await.map_err(away)?;
    newer(place, found)?;
    for step in migrations::ALL.iter().filter(|step| step.version > found) {
        sqlx::raw_sql(step.sql).execute(&mut *on).await.map_err(away)?;
        let taken = "INSERT INTO schema_versions (version, name, applied_us) VALUES ($1, $2, $3)";
        let taken = sqlx::query::<Driver>(taken).bind(step.version).bind(step.name);
        taken.bind(signed(clock::now_us())).execute(&mut *on).await.map_err(away)?;
    }
    Ok(())
}

/// How many rows there are, and which steps were taken. A copy may be of an older version.
pub(in crate::db) async fn contents(on: &mut Connection, health: &mut Health) -> Result<()> {
    let version = version(on).await?;
    for (table, _, count) in COUNTS.iter().filter(|(_, since, _)| *since <= version) {
        let rows = sqlx::query_scalar::<Driver, i64>(*count).fetch_one(&mut *on).await?;
        health.tables.push(((*table).to_owned(), unsigned(rows)));
    }
    for row in sqlx::query::<Driver>(STEPS).fetch_all(&mut *on).await? {
        health.versions.push((row.try_get(0)?, row.try_get(1)?, unsigned(row.try_get(2)?)));
    }
    if version >= REVISIONS {
        let history = sqlx::query::<Driver>(HISTORY).fetch_optional(&mut *on).await?;
        health.history = history.as_ref().map(span).transpose()?;
    }
    if version >= CHORES {
        health.chores = chores::all(on).await?;
    }
    Ok(())
}

fn span(row: &Row) -> Result<History> {
    Ok(History {
        oldest: unsigned(row.try_get(0)?),
        oldest_us: unsigned(row.try_get(1)?),
        newest: unsigned(row.try_get(2)?),
        newest_us: unsigned(row.try_get(3)?),
        actor: row.try_get(4)?,
    })
}
