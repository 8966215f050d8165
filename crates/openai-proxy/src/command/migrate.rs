//! `migrate`: what another program remembers goes into our own database, before a gateway runs on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use config::{Layer, Stored};
use control::{Actor, Change, Control, Proposal, Refused, Via};
use gateway::Gateway;
use serde_json::{Value, json};
use store::upkeep;

use super::reach;
use crate::exit::{Exit, Failure, Outcome};
use crate::foundation::{Foundation, looked};
use crate::given::{Named, refused};
use crate::predecessor::Places;
use crate::report::Report;
use crate::talk::{Mark, Talk};

/// Take over what another program remembers.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy migrate from-state-file --state-file /tmp/azure_proxy_state.json --db-path openai-proxy.db",
    after_help = "A gateway does this by itself when it starts first, for what INSTANCE_MANAGER_STATE_FILE and\nINSTANCE_MANAGER_DB_PATH name.\nExit codes: 0 done, 1 failed, 5 something is recorded there already, 78 refused."
)]
pub(super) struct Migrate {
    #[command(subcommand)]
    from: From,
}

#[derive(Subcommand)]
enum From {
    /// The state file of the older Azure proxy, into a database that is made if it is not there.
    FromStateFile(StateFile),
}

#[derive(Args)]
struct StateFile {
    /// The state file: JSON with instances.
    #[arg(long, value_name = "FILE")]
    state_file: PathBuf,
    /// Our database.
    #[arg(long, value_name = "FILE")]
    db_path: PathBuf,
    #[command(flatten)]
    named: Named,
}

impl Migrate {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let From::FromStateFile(from) = self.from;
        from.run(talk)
    }
}

impl StateFile {
    fn run(self, talk: &Talk) -> Outcome {
        let database = std::path::absolute(&self.db_path).unwrap_or(self.db_path);
        upkeep::nobody_uses(&database)?;
        let mut report = Report::new(&self.state_file);
        let places = Places { state_file: Some(self.state_file.clone()), database: None };
        let carried = places
            .carried_over(&mut report)
            .map_err(|unread| Failure::new(Exit::Failed, unread.to_string()))?;
        carried.rows.iter().for_each(|row| tell(row, &mut report));
        talk.say(&report.told());
        let mut given = self.named.given(Vec::new())?;
        given.overrides.push(("storage.database".to_owned(), format!("sqlite:{}", database.display())));
        let rows = carried.rows(&given).map_err(|problems| refused(&problems))?;
        if rows.is_empty() {
            let say = format!("{} holds nothing to take over.", self.state_file.display());
            return Err(Failure::new(Exit::Failed, say));
        }
        // Before anything is made or written.
        let mut wanted = given.clone();
        wanted.stored.extend_from_slice(&rows);
        config::load(&wanted).map_err(|problems| refused(&problems))?;
        record(&given, &rows, &database)?;
        read_back(&given, &rows, &database)?;
        let settings = rows.len();
        if talk.json() {
            talk.print_json(&json!({"database": database, "settings": settings, "verified": true}));
        } else {
            let mark = talk.mark(Mark::Good);
            talk.say(&format!(
                "{mark} {settings} settings are in {}, and were read back.\nNext: storage.database: \"sqlite:{0}\", then openai-proxy start",
                database.display()
            ));
        }
        Ok(Exit::Done)
    }
}

/// Tells a row; of a secret that it is one.
fn tell(row: &Stored, report: &mut Report) {
    let value = serde_json::from_str(&row.value).unwrap_or_else(|_| Value::String(row.value.clone()));
    let shown = match config::open_secrets(&row.path, &value).is_empty() {
        true => row.value.trim_matches('"'),
        false => "sealed",
    };
    report.carried(&*row.place, format!("{}: {shown}", row.path.join(".")));
}

/// Records the rows as the first revision, by the way every change goes; the gateway for it opens no door.
fn record(given: &config::Given, rows: &[Stored], database: &Path) -> Result<(), Failure> {
    let foundation = Foundation::with(given.clone(), |_| Ok(rows.to_vec()))?;
    if foundation.remembered.left().is_empty() {
        let say = format!(
            "{} has revisions of its own already, and they stay. Take single instances over: openai-proxy providers add, or config apply",
            database.display()
        );
        return Err(Failure::new(Exit::Conflict, say));
    }
    let loaded = config::load(&foundation.given()).map_err(|problems| refused(&problems))?;
    let Foundation { books, given, remembered } = foundation;
    let gateway = Arc::new(Gateway::new(loaded.snapshot, books.clone()));
    let control = Control::new(gateway.clone(), books, given, remembered);
    let recorded = reach::run(async {
        let applied = control.apply(&Actor::itself(Via::Command), Change::from(Proposal::Reread)).await;
        gateway.close_books().await;
        Ok(applied)
    })?;
    recorded.map(drop).map_err(|why| match why {
        Refused::Problems(problems) => refused(&problems),
        other => Failure::new(Exit::Failed, other.to_string()),
    })
}

/// Whether the database says what was to be put there, asked as a gateway asks that starts on it.
fn read_back(given: &config::Given, rows: &[Stored], database: &Path) -> Result<(), Failure> {
    let missed = |what: &str| {
        let say =
            format!("{what} What is in {} is not what was to be there; do not use it.", database.display());
        Failure::new(Exit::Trouble, say)
    };
    let known = looked(given).map_err(|why| missed(&format!("{why}.")))?;
    let imported: Vec<&Stored> = known.stored.iter().filter(|row| row.layer == Layer::Imported).collect();
    if let Some(row) = rows.iter().find(|row| !imported.iter().any(|known| known.path == row.path)) {
        return Err(missed(&format!("`{}` is not there.", row.path.join("."))));
    }
    config::load(&known).map(drop).map_err(|problems| missed(&format!("{problems}\n")))
}
