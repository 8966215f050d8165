//! The state an older program left (seed 003): instances in a shared JSON file and in an SQLite database. Read, never
//! written. What the database says is stronger than what the state file says, setting by setting; both become rows of the
//! layer of imported state.
//!
//! Neither form was ever published. So both are read by what is in them: things with a name and settings that we know.

mod database;
mod instance;
mod modern;
mod state_file;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use config::{Given, Layer, Problems, Stored};
use serde_json::Value as Json;
use store::StoreProblem;
use store::db::foreign::{self, Whose};

use crate::report::Report;
use instance::Instance;
pub(crate) use modern::{Modern, Strange, modern};

/// Names the database.
const DATABASE: &str = "INSTANCE_MANAGER_DB_PATH";
/// Names the shared state.
const STATE: &str = "INSTANCE_MANAGER_STATE_FILE";
/// Where the database is when nobody names another place, below the home folder.
const USUAL_DATABASE: &str = ".azure_openai_proxy/instance_state.db";

/// Where the state is.
#[derive(Clone, Default, Debug)]
pub(crate) struct Places {
    /// The SQLite database.
    pub(crate) database: Option<PathBuf>,
    /// The JSON file.
    pub(crate) state_file: Option<PathBuf>,
}

/// What was left, as rows of our own.
#[derive(Debug)]
pub(crate) struct CarriedOver {
    /// Weakest first.
    pub(crate) rows: Vec<Stored>,
    /// Instances that were switched off, whatever weaker layers say of them, and where that stands.
    pub(crate) off: Vec<(String, String)>,
}

/// What cannot be read.
#[derive(Debug)]
pub struct Unread {
    file: PathBuf,
    why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} cannot be taken over: {}.\nNothing was changed. Stop the older program if it runs, or leave this file out.",
            self.file.display(),
            self.why.trim_end_matches('.')
        )
    }
}

/// What one source holds.
#[derive(Debug)]
struct Left {
    instances: Vec<Instance>,
    /// Versions of the same that do not count.
    older: usize,
}

impl Places {
    /// Where the older program itself would look: what the environment names, else the usual place. The shared state of one
    /// that nobody named is in a folder everybody may write to, and is not believed.
    pub(crate) fn usual(environment: &BTreeMap<String, String>, home: Option<&Path>) -> Self {
        let named = |name: &str| environment.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let there = |path: &PathBuf| path.symlink_metadata().is_ok();
        let database = named(DATABASE).or_else(|| home.map(|home| home.join(USUAL_DATABASE)));
        // Where ours is by now, there is nothing of theirs.
        let theirs = |path: &PathBuf| there(path) && !matches!(foreign::whose(path), Ok(Whose::Ours));
        Self { database: database.filter(theirs), state_file: named(STATE).filter(there) }
    }

    /// Reads them, and tells what cannot be carried over.
    ///
    /// # Errors
    /// When one of them cannot be read; nothing is taken over then.
    pub(crate) fn carried_over(&self, report: &mut Report) -> Result<CarriedOver, Unread> {
        let mut carried = CarriedOver { rows: Vec::new(), off: Vec::new() };
        if let Some(file) = &self.state_file {
            carried.add(file, state_file::read(file)?, report);
        }
        if let Some(file) = &self.database {
            carried.add(file, database::read(file)?, report);
        }
        for (name, place) in &carried.off {
            report.lost(
                &**place,
                format!("providers.{name}: it is switched off, which has no place here; left out"),
            );
            carried.rows.retain(|row| row.path.get(1) != Some(name));
        }
        Ok(carried)
    }
}

/// The older program's state, where it would look for it itself, as rows of the layer of imported state.
///
/// # Errors
/// When something is there and cannot be read.
pub(crate) fn carried_over(
    environment: &BTreeMap<String, String>,
    home: Option<&Path>,
    report: &mut Report,
) -> Result<CarriedOver, Unread> {
    Places::usual(environment, home).carried_over(report)
}

/// Whether somebody said where that state is.
pub(crate) fn is_named(environment: &BTreeMap<String, String>) -> bool {
    [DATABASE, STATE].iter().any(|name| environment.get(*name).is_some_and(|path| !path.is_empty()))
}

/// The variables that name another program's database where ours could be.
pub(crate) fn set_apart(environment: &BTreeMap<String, String>) -> Vec<String> {
    let path = environment.get(DATABASE).filter(|path| !path.is_empty());
    // What cannot be told now is told when it is opened.
    let another = path.is_some_and(|path| matches!(foreign::whose(Path::new(path)), Ok(Whose::Another)));
    if another { vec![DATABASE.to_owned()] } else { Vec::new() }
}

impl CarriedOver {
    /// The rows as they are recorded: what was switched off is taken away where files name it.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub(crate) fn rows(self, given: &Given) -> Result<Vec<Stored>, Problems> {
        let files = config::sheet(given)?;
        let mut rows = self.rows;
        for (name, place) in self.off {
            let path = vec!["providers".to_owned(), name];
            // One that files do not name is not there anyway.
            if files.at(&path).is_some() {
                let (layer, value) = (Layer::Imported, "null".to_owned());
                rows.push(Stored { layer, path, value, alone: false, place, author: None, time: None });
            }
        }
        Ok(rows)
    }

    /// Lays what one source holds over the weaker ones.
    fn add(&mut self, file: &Path, left: Left, report: &mut Report) {
        let place = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        if left.instances.is_empty() {
            report.needless(&*place, "it holds no instance");
        }
        if left.older > 0 {
            let count = match left.older {
                1 => "1 other version stays".to_owned(),
                count => format!("{count} other versions stay"),
            };
            report.needless(&*place, format!("{count} behind: one counts, the current or the newest"));
        }
        for instance in left.instances {
            let name = &instance.name;
            if !config::is_provider_name(name) {
                report.lost(&*place, format!("{}: not a name we can use", shown(name)));
                continue;
            }
            let Modern { settings, remarks, off } = modern(&instance.settings, Strange::Lost);
            let path = format!("providers.{name}");
            for (verdict, text) in remarks {
                report.note(&*place, verdict, format!("{path}.{text}"));
            }
            if let Some(off) = off {
                self.off.retain(|(other, _)| other != name);
                self.off.extend(off.then(|| (name.clone(), place.clone())));
            }
            self.rows.extend(
                settings.iter().map(|(key, value)| stored((name, key), value, &place, instance.time)),
            );
        }
    }
}

/// A name of theirs as it may be shown.
fn shown(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    format!("instance `{name}`")
}

fn stored((name, key): (&str, &str), value: &Json, place: &str, time: Option<SystemTime>) -> Stored {
    Stored {
        alone: false,
        layer: Layer::Imported,
        path: ["providers", name, key].map(str::to_owned).to_vec(),
        // JSON is YAML.
        value: value.to_string(),
        place: place.to_owned(),
        author: None,
        time,
    }
}

fn unread(file: &Path, why: impl fmt::Display) -> Unread {
    Unread { file: file.to_owned(), why: why.to_string() }
}

fn unread_database(file: &Path, problem: StoreProblem) -> Unread {
    let why = match problem {
        StoreProblem::Away(why) => format!("it is in use, or away ({why})"),
        StoreProblem::Damaged { why, .. } => format!("it is damaged, or no database ({why})"),
        StoreProblem::File { why, .. } => why,
        other => other.to_string(),
    };
    unread(file, why)
}
