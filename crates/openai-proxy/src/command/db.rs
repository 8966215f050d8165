//! `db`: what a person does with the database now and then. It works on the file itself, beside a running gateway; only
//! `restore` wants that to be stopped.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};

use serde_json::json;
use store::db::{Health, History};
use store::{Db as Store, Place, StoreProblem, upkeep};

use crate::chores::Kind;
use crate::exit::{Exit, Failure, Outcome};
use crate::given::{Named, refused};
use crate::talk::{Mark, Talk};
use crate::{folders, foundation};

/// Look after the database: health, copies, less of it.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy db health\n  openai-proxy db backup --backup-dir /backups --max-backups 14\n  openai-proxy db restore /backups/openai-proxy_20240615_120000.db\n  openai-proxy db restore --recover\n  openai-proxy db prune --older-than-days 90",
    after_help = "Exit codes: 0 done, 1 failed, 4 health found damage, 78 the database is newer, damaged or not ours."
)]
pub(super) struct Db {
    #[command(subcommand)]
    what: What,
}

/// Which database is meant.
#[derive(Args)]
struct Which {
    #[command(flatten)]
    named: Named,
    /// This database instead of the configured one.
    #[arg(long, value_name = "FILE")]
    db_path: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Look it through: integrity, size, tables, versions.
    Health {
        #[command(flatten)]
        which: Which,
        /// Write the report, as JSON, into this file, too.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tell sizes and counts, without looking it through.
    Stats {
        #[command(flatten)]
        which: Which,
    },
    /// Copy it, also while a gateway runs.
    Backup {
        #[command(flatten)]
        which: Which,
        /// Where copies go. Default: `storage.backup.to`, which is `backups` beside the database.
        #[arg(long, value_name = "FOLDER")]
        backup_dir: Option<PathBuf>,
        /// How many copies stay there.
        #[arg(long, value_name = "COUNT", default_value_t = 14)]
        max_backups: usize,
        /// Leave the database itself as it is; the copy is compact in any case.
        #[arg(long)]
        no_vacuum: bool,
    },
    /// Put a copy in its place; what was there is kept beside it.
    Restore {
        #[command(flatten)]
        which: Which,
        /// The copy.
        #[arg(value_name = "COPY", required_unless_present = "recover")]
        copy: Option<PathBuf>,
        /// It is damaged or gone: take the newest copy that is good.
        #[arg(long, conflicts_with = "copy")]
        recover: bool,
        /// Where copies are. Default: `storage.backup.to`, which is `backups` beside the database.
        #[arg(long, value_name = "FOLDER", requires = "recover")]
        backup_dir: Option<PathBuf>,
    },
    /// Give back the room of what was deleted.
    Vacuum {
        #[command(flatten)]
        which: Which,
    },
    /// Delete records of old calls; sums of hours stay.
    Prune {
        #[command(flatten)]
        which: Which,
        /// Calls that began longer ago than this.
        #[arg(long, value_name = "DAYS")]
        older_than_days: u64,
    },
}

impl From<StoreProblem> for Failure {
    fn from(problem: StoreProblem) -> Self {
        let exit = match problem {
            StoreProblem::Newer { .. } | StoreProblem::Foreign(_) | StoreProblem::Damaged { .. } => {
                Exit::Refused
            }
            _ => Exit::Failed,
        };
        Self::new(exit, problem.to_string())
    }
}

impl Db {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let (place, copies) = self.what.which().place()?;
        if let What::Restore { copy, backup_dir, .. } = self.what {
            let folder = backup_dir.or(copies).unwrap_or_else(|| beside(&place));
            return restore(talk, copy, &folder, &place);
        }
        if let Place::Sqlite(file) = &place
            && !file.exists()
        {
            let say = format!("{} is not there yet: no gateway has kept anything in it.", file.display());
            return Err(Failure::new(Exit::Failed, say));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Exit::Failed, format!("There is no runtime: {error}.")))?;
        runtime.block_on(self.what.run(talk, &place, copies))
    }
}

impl Which {
    /// The database, and where copies of it go, if that is configured.
    fn place(&self) -> Result<(Place, Option<PathBuf>), Failure> {
        if let Some(file) = &self.db_path {
            return Ok((Place::Sqlite(file.clone()), None));
        }
        let loaded = config::load(&self.named.given(Vec::new())?).map_err(|problems| refused(&problems))?;
        let copies = loaded.snapshot.upkeep.backup.map(|backup| backup.to);
        match foundation::place(&loaded.snapshot.storage.database) {
            place @ (Place::Sqlite(_) | Place::Postgres(_)) => Ok((place, copies)),
            Place::Memory => {
                let say =
                    "Usage is kept in memory only. Set storage.database, or name a file: --db-path FILE";
                Err(Failure::new(Exit::Failed, say))
            }
        }
    }
}

impl What {
    fn which(&self) -> &Which {
        match self {
            Self::Health { which, .. }
            | Self::Stats { which }
            | Self::Backup { which, .. }
            | Self::Restore { which, .. }
            | Self::Vacuum { which }
            | Self::Prune { which, .. } => which,
        }
    }

    async fn run(self, talk: &Talk, place: &Place, copies: Option<PathBuf>) -> Outcome {
        let db = Store::open(place)?;
        match self {
            Self::Health { output, .. } => health(talk, place, &db.health(true).await?, output.as_deref()),
            Self::Stats { .. } => {
                show(talk, place, &db.health(false).await?);
                Ok(Exit::Done)
            }
            Self::Backup { backup_dir, max_backups, no_vacuum, .. } => {
                let folder = backup_dir.or(copies).unwrap_or_else(|| beside(place));
                if !no_vacuum && let Err(problem) = db.vacuum().await {
                    // A gateway that writes all the time is no reason to have no copy.
                    talk.say(&format!(
                        "{} The database was not made smaller: {problem}.",
                        talk.mark(Mark::Warning)
                    ));
                }
                let copied = db.back_up(&folder, max_backups, true).await?;
                let shown = copied.file.display();
                if talk.json() {
                    talk.print_json(
                        &json!({"file": copied.file, "bytes": copied.bytes, "removed": copied.removed}),
                    );
                } else {
                    talk.say(&format!(
                        "{} {shown}   {} bytes, looked through",
                        talk.mark(Mark::Good),
                        copied.bytes
                    ));
                    for old in &copied.removed {
                        talk.say(&format!("  removed {}", old.display()));
                    }
                }
                Ok(Exit::Done)
            }
            Self::Vacuum { .. } => {
                let before = db.health(false).await?.bytes;
                db.vacuum().await?;
                let after = db.health(false).await?.bytes;
                talk.say(&format!("{} {before} bytes before, {after} now", talk.mark(Mark::Good)));
                Ok(Exit::Done)
            }
            Self::Prune { older_than_days, .. } => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let age = Duration::from_secs(older_than_days.saturating_mul(86_400));
                let before = u64::try_from(now.saturating_sub(age).as_micros()).unwrap_or(0);
                let gone = db.prune(before).await?;
                talk.say(&format!("{} {gone} records deleted; sums of hours stay", talk.mark(Mark::Good)));
                Ok(Exit::Done)
            }
            // Done before anything is opened.
            Self::Restore { .. } => Ok(Exit::Misused),
        }
    }
}

fn restore(talk: &Talk, copy: Option<PathBuf>, folder: &Path, place: &Place) -> Outcome {
    let Place::Sqlite(file) = place else {
        return Err(Failure::new(
            Exit::Failed,
            "Only a file can be restored here. For PostgreSQL: pg_restore.",
        ));
    };
    let (copy, aside) = match copy {
        Some(copy) => {
            let aside = upkeep::put_back(&copy, file)?;
            (copy, aside)
        }
        None => {
            let recovered = upkeep::recover(folder, file)?;
            for (_, problem) in &recovered.passed_over {
                talk.say(&format!("{} passed over: {problem}", talk.mark(Mark::Warning)));
            }
            (recovered.copy, recovered.aside)
        }
    };
    talk.say(&format!("{} {} is what {} was", talk.mark(Mark::Good), file.display(), copy.display()));
    if let Some(aside) = aside {
        talk.say(&format!("  what was there before: {}", aside.display()));
    }
    Ok(Exit::Done)
}

fn beside(place: &Place) -> PathBuf {
    let folder = match place {
        Place::Sqlite(file) => file.parent().map(Path::to_owned),
        Place::Memory | Place::Postgres(_) => None,
    };
    folder.unwrap_or_default().join("backups")
}

fn health(talk: &Talk, place: &Place, health: &Health, output: Option<&Path>) -> Outcome {
    show(talk, place, health);
    if let Some(file) = output {
        let failed =
            |error| Failure::new(Exit::Failed, format!("{} cannot be written: {error}.", file.display()));
        folders::write_private(file, &format!("{:#}\n", report(place, health))).map_err(failed)?;
    }
    if health.damages.is_empty() {
        if !talk.json() {
            talk.say(&format!("{} no damage found", talk.mark(Mark::Good)));
        }
        return Ok(Exit::Done);
    }
    for damage in health.damages.iter().take(20) {
        talk.say(&format!("{} {damage}", talk.mark(Mark::Bad)));
    }
    talk.say("Put the newest good copy in its place: openai-proxy db restore --recover");
    Ok(Exit::Trouble)
}

fn name(place: &Place) -> String {
    match place {
        Place::Sqlite(file) => file.display().to_string(),
        Place::Postgres(_) => "PostgreSQL".to_owned(),
        Place::Memory => "memory".to_owned(),
    }
}

fn report(place: &Place, health: &Health) -> serde_json::Value {
    let tables: Vec<_> =
        health.tables.iter().map(|(name, rows)| json!({"name": name, "rows": rows})).collect();
    let version = |(version, name, at): &(i64, String, u64)| json!({"version": version, "name": name, "applied_us": at});
    json!({
        "database": name(place),
        "damages": health.damages,
        "bytes": health.bytes,
        "free_bytes": health.free_bytes,
        "growth": grown(health).map(|(bytes, since)| json!({"bytes": bytes, "since_us": since})),
        "tables": tables,
        "history": health.history.as_ref().map(history),
        "versions": health.versions.iter().map(version).collect::<Vec<_>>(),
    })
}

/// How much larger it is than when a gateway last looked it through, and when that was.
fn grown(health: &Health) -> Option<(i64, u64)> {
    let last = health.chores.iter().find(|chore| chore.name == Kind::Health.name() && chore.done_us > 0)?;
    Some((i64::try_from(health.bytes).ok()? - i64::try_from(last.bytes).ok()?, last.done_us))
}

fn history(history: &History) -> serde_json::Value {
    let History { oldest, oldest_us, newest, newest_us, actor } = history;
    json!({
        "oldest": {"revision": oldest, "made_us": oldest_us},
        "newest": {"revision": newest, "made_us": newest_us, "actor": actor},
    })
}

fn show(talk: &Talk, place: &Place, health: &Health) {
    if talk.json() {
        talk.print_json(&report(place, health));
        return;
    }
    let mut text = format!(
        "{}\n  bytes          {}\n  of that free   {}\n",
        name(place),
        health.bytes,
        health.free_bytes
    );
    if let Some((bytes, _since)) = grown(health) {
        text += &format!("  grown          {bytes} since a gateway last looked it through\n");
    }
    if let Some(History { oldest, newest, actor, .. }) = &health.history {
        text += &format!("  revisions      {oldest} to {newest}, the newest by {actor}\n");
    }
    for (table, rows) in &health.tables {
        text += &format!("  {table:<14} {rows} rows\n");
    }
    for (version, name, _at) in &health.versions {
        text += &format!("  version {version:<6} {name}\n");
    }
    talk.print(&text);
}
