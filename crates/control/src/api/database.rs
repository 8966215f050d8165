//! What an operator does with the database: looks how it is, copies it, makes it smaller.

use std::path::Path;

use axum::Json;
use config::snapshot::Database;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody, NoQuery};
use super::objection::Objection;
use super::row::{Outcome, Reply};
use crate::status::now_us;

/// How thoroughly to look.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Look {
    /// Look every page through; takes longer the larger it is.
    #[param(default = false)]
    thorough: Option<bool>,
}

/// How the database is.
#[derive(Serialize, ToSchema)]
#[schema(as = DatabaseHealth)]
pub(super) struct Health {
    /// sqlite, postgres or memory.
    kind: &'static str,
    /// Whether rows outlast the process.
    outlasts_the_process: bool,
    /// Whether every page was looked through.
    thorough: bool,
    /// What contradicts itself; empty: nothing that was seen.
    damages: Vec<String>,
    bytes: u64,
    /// Of that, what a vacuum would give back.
    free_bytes: u64,
    tables: Vec<Table>,
    /// The steps it has taken.
    versions: Vec<Version>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DatabaseTable)]
struct Table {
    name: String,
    rows: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DatabaseVersion)]
struct Version {
    version: i64,
    name: String,
    /// When it was reached; milliseconds since 1970.
    applied_unix_ms: u64,
}

fn kind(database: &Database) -> &'static str {
    match database {
        Database::File(_) => "sqlite",
        Database::Postgres(_) => "postgres",
        Database::Memory | Database::Nowhere => "memory",
    }
}

/// `GET /admin/v1/database`
pub(super) async fn health(ask: Ask<Look, NoBody>) -> Outcome<Health> {
    let (world, db) = (ask.control.gateway().world(), &ask.control.books().db);
    let thorough = ask.query.thorough.unwrap_or_default();
    let health = db.health(thorough).await?;
    Ok(Reply::of(Health {
        kind: if db.outlasts_the_process() { kind(&world.storage.database) } else { "memory" },
        outlasts_the_process: db.outlasts_the_process(),
        thorough,
        damages: health.damages,
        bytes: health.bytes,
        free_bytes: health.free_bytes,
        tables: health.tables.into_iter().map(|(name, rows)| Table { name, rows }).collect(),
        versions: health
            .versions
            .into_iter()
            .map(|(version, name, us)| Version { version, name, applied_unix_ms: us / 1000 })
            .collect(),
    }))
}

/// How many copies stay.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Keep {
    /// The newest so many copies stay; without it as many as `storage.backup.keep` says.
    #[param(minimum = 1, maximum = 1000)]
    keep: Option<usize>,
}

/// A copy that was made, looked through before and after.
#[derive(Serialize, ToSchema)]
#[schema(as = DatabaseCopy)]
pub(super) struct Copied {
    /// Its name, in the folder of copies (`storage.backup.to`).
    name: String,
    bytes: u64,
    /// Older copies that were taken away.
    removed: Vec<String>,
}

/// `POST /admin/v1/database/backup`
pub(super) async fn backup(ask: Ask<Keep, NoBody>) -> Outcome<Copied> {
    let world = ask.control.gateway().world();
    let usual = world.upkeep.backup.as_ref().map_or(14, |backup| backup.keep.max(1));
    let keep = ask.query.keep.unwrap_or(usual);
    if !(1..=1000).contains(&keep) {
        return Err(Objection::malformed("`keep` is a number from 1 to 1000."));
    }
    let db = &ask.control.books().db;
    let Database::File(file) = &world.storage.database else { return Err(only_files()) };
    if !db.outlasts_the_process() {
        return Err(only_files());
    }
    // Where the gateway's own copies go, or beside the database where it makes none.
    let beside = || file.parent().unwrap_or(Path::new(".")).join("backups");
    let folder = world.upkeep.backup.as_ref().map_or_else(beside, |backup| backup.to.clone());
    let copied = db.back_up(&folder, keep, true).await?;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let copied = Copied {
        name: name(&copied.file),
        bytes: copied.bytes,
        removed: copied.removed.iter().map(|path| name(path)).collect(),
    };
    let detail = json!({"bytes": copied.bytes, "removed": copied.removed});
    ask.control
        .audit(
            &ask.actor,
            crate::Deed { action: "database.backup", subject: &copied.name, outcome: "done", detail },
        )
        .await;
    Ok(Reply::of(copied))
}

fn only_files() -> Objection {
    let detail = "Only a database in a file is copied here. For PostgreSQL use pg_dump; what is in memory goes with the process.";
    Objection::new(StatusCode::CONFLICT, "no_file", detail)
}

/// That it was done.
#[derive(Serialize, ToSchema)]
pub(super) struct Vacuumed {
    /// Its size before.
    bytes_before: u64,
    /// Its size after.
    bytes: u64,
}

/// `POST /admin/v1/database/vacuum`
pub(super) async fn vacuum(ask: Ask<NoQuery, NoBody>) -> Outcome<Vacuumed> {
    let db = &ask.control.books().db;
    let bytes_before = db.health(false).await?.bytes;
    db.vacuum().await?;
    let bytes = db.health(false).await?.bytes;
    let detail = json!({"bytes_before": bytes_before, "bytes": bytes});
    ask.control
        .audit(
            &ask.actor,
            crate::Deed { action: "database.vacuum", subject: "database", outcome: "done", detail },
        )
        .await;
    Ok(Reply::of(Vacuumed { bytes_before, bytes }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Rotated {
    /// So many secrets were sealed under an older key.
    rotated: usize,
}

/// `POST /admin/v1/secrets/rotate`
pub(super) async fn rotate(ask: Ask<NoQuery, NoBody>) -> Outcome<Rotated> {
    let rotated = ask.control.rotate_secrets().await?;
    let detail = json!({"rotated": rotated});
    ask.control
        .audit(
            &ask.actor,
            crate::Deed { action: "secrets.rotate", subject: "secrets", outcome: "done", detail },
        )
        .await;
    Ok(Reply::of(Rotated { rotated }))
}

/// What is old enough to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `older_than_days`")]
#[schema(as = PruneBefore)]
pub(super) struct Old {
    /// Records of calls that began longer ago than this.
    #[schema(minimum = 1, maximum = 100_000)]
    older_than_days: u64,
}

/// What has gone.
#[derive(Serialize, ToSchema)]
pub(super) struct Pruned {
    /// So many records; the sums of hours stay.
    removed: u64,
}

const DAY: u64 = 86_400_000_000;

/// `POST /admin/v1/database/prune`
pub(super) async fn prune(ask: Ask<NoQuery, Json<Old>>) -> Outcome<Pruned> {
    let days = ask.body.older_than_days;
    if !(1..=100_000).contains(&days) {
        return Err(Objection::impossible("bad_time", "`older_than_days` is a number from 1 to 100000."));
    }
    let before = now_us().saturating_sub(days * DAY);
    let removed = ask.control.books().db.prune(before).await?;
    let detail = json!({"older_than_days": days, "removed": removed});
    ask.control
        .audit(
            &ask.actor,
            crate::Deed { action: "database.prune", subject: "requests", outcome: "done", detail },
        )
        .await;
    Ok(Reply::of(Pruned { removed }))
}
