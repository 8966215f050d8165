//! The older Azure proxy (seed 003): `base.yaml` and the file of its environment, below them its shared state file, and
//! strongest its database. Who wins is decided setting by setting, by the very layers a configuration of ours has.

mod today;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::Given;

use super::keys::Keys;
use super::made::{Made, filled, take_out};
use crate::exit::{Exit, Failure};
use crate::predecessor::{Places, carried_over};
use crate::report::Report;
use today::today;

/// Where the older program kept its own when nobody said otherwise.
const USUAL: &str = "/config/base.yaml";
const MAIN: &str = "base.yaml";
const DATABASE: &str = "instance_state.db";
const STATE_FILES: &[&str] = &["state.json", "instance_state.json", "azure_openai_proxy_instances.json"];

/// An installation of it.
#[derive(Default)]
struct Installation {
    main: Option<PathBuf>,
    places: Places,
}

/// Reads it.
///
/// # Errors
/// When nothing is there, or something cannot be read.
pub(super) fn read(
    paths: &[PathBuf],
    environment: &BTreeMap<String, String>,
    chosen: Option<String>,
) -> Result<Made, Failure> {
    let home = environment.get("HOME").map(PathBuf::from);
    let usual = Places::usual(environment, home.as_deref());
    let mut found = Installation::default();
    for path in paths {
        found.add(path)?;
    }
    let named = paths.first().map_or(Path::new("azure-proxy"), PathBuf::as_path);
    let mut report = Report::new(named);
    if paths.is_empty() {
        found.main = Some(PathBuf::from(USUAL)).filter(|path| path.is_file());
    }
    let name = chosen.or_else(|| environment.get("ENVIRONMENT").cloned()).filter(|name| !name.is_empty());
    if let Some(main) = &found.main {
        report.reading(main);
        name.iter().for_each(|name| report.reading(&main.with_file_name(format!("{name}.yaml"))));
    }
    let carried = if paths.is_empty() {
        found.places = usual;
        carried_over(environment, home.as_deref(), &mut report)
    } else {
        // The database has a place of its own, outside the folder.
        found.places.database = found.places.database.or(usual.database);
        found.places.state_file = found.places.state_file.or(usual.state_file);
        found.places.carried_over(&mut report)
    };
    let carried = carried.map_err(|unread| Failure::new(Exit::Failed, unread.to_string()))?;
    if found.main.is_none() && carried.rows.is_empty() {
        let say = format!(
            "Nothing of the older proxy was found: {MAIN}, {DATABASE} and {} are looked for.\nName its folder, or the files themselves.",
            STATE_FILES[0]
        );
        return Err(Failure::new(Exit::Failed, say));
    }
    let mut given = Given {
        no_file: found.main.is_none(),
        file: found.main.clone(),
        environment: name.iter().map(|name| ("ENVIRONMENT".to_owned(), name.clone())).collect(),
        stored: carried.rows,
        ..Given::default()
    };
    let refused =
        |problems: config::Problems| Failure::new(Exit::Failed, format!("It cannot be read:\n{problems}"));
    let mut document = config::written(&given).map_err(refused)?;
    for (name, _) in &carried.off {
        take_out(&mut document, &format!("providers.{name}"));
    }
    // A variable that is not there would hide who asks for it.
    given.environment.extend(filled(&document));
    let sources = config::sources(&given).map_err(refused)?;
    if let Some(main) = &found.main {
        others(main, name.as_deref(), &mut report);
    }
    let mut keys = Keys::default();
    let document = today(document, &sources, (&mut keys, &mut report));
    let title = format!("Made from {} by `openai-proxy import azure-proxy`.", shown(named));
    Ok(Made { title, document, keys, report })
}

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl Installation {
    /// A folder of it, or one of its files: what it is, its content says.
    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        if path.is_dir() {
            let there = |name: &str| Some(path.join(name)).filter(|path| path.symlink_metadata().is_ok());
            let main = there(MAIN).or_else(|| there(&format!("config/{MAIN}")));
            self.main = self.main.take().or(main);
            self.places.database = self.places.database.take().or_else(|| there(DATABASE));
            let state = STATE_FILES.iter().find_map(|name| there(name));
            self.places.state_file = self.places.state_file.take().or(state);
            return Ok(());
        }
        let failed = |why: std::io::Error| {
            Failure::new(Exit::Failed, format!("{} cannot be read: {why}.", path.display()))
        };
        path.metadata().map_err(failed)?;
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        match end {
            "db" | "sqlite" | "sqlite3" => self.places.database = Some(path.to_owned()),
            "json" => self.places.state_file = Some(path.to_owned()),
            _ => self.main = Some(path.to_owned()),
        }
        Ok(())
    }
}

/// Files beside the main one that no environment picks.
fn others(main: &Path, chosen: Option<&str>, report: &mut Report) {
    if main.file_name().is_none_or(|name| name != MAIN) {
        return;
    }
    let folder = main.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    for name in names {
        let Some(stem) = name.strip_suffix(".yaml").filter(|stem| *stem != "base" && chosen != Some(stem))
        else {
            continue;
        };
        report.lost(&*name, format!("not read: `--environment {stem}` reads it instead"));
    }
}
