//! The older Azure proxy (seed 003): `base.yaml` and the file of its environment, below them its shared state file, and
//! strongest its database. Who wins is decided setting by setting, by the very layers a configuration of ours has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Given, Layer, Leaf, Said, Sources};
use serde_json::{Map, Value as Json, json};

use super::keys::Keys;
use super::made::{Made, filled, take_out};
use crate::exit::{Exit, Failure};
use crate::predecessor::{Modern, Places, Strange, carried_over, modern};
use crate::report::{Report, Spot, Verdict};

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
    let document = config::written(&given).map_err(refused)?;
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

/// The document in the form we would write it, and the report of every setting with who said it.
fn today(mut document: Json, sources: &Sources, (keys, report): (&mut Keys, &mut Report)) -> Json {
    let Some(top) = document.as_object_mut() else { return document };
    for (key, why) in [("version", "the older file's own number")] {
        if top.shift_remove(key).is_some() {
            report.needless(spot(sources.below(key).next().and_then(winner)), format!("{key}: {why}"));
        }
    }
    let general = |leaf: &&Leaf| !leaf.path.starts_with("providers.") && leaf.path != "version";
    let mut strange = Vec::new();
    for leaf in sources.leaves.iter().filter(general) {
        let words: Vec<&str> = leaf.path.split('.').collect();
        carried(leaf, config::is_setting(&words), (&mut strange, report));
    }
    if let Some(said) = sources.below("server.listen").next().and_then(winner)
        && said.value.as_deref().is_some_and(|listen| listen.starts_with("127.0.0.1:"))
    {
        let told = "server.listen: this computer alone; the older program let everybody in reach in";
        report.changed(spot(Some(said)), told);
    }
    let Some(providers) = top.get_mut("providers").and_then(Json::as_object_mut) else { return document };
    let mut priorities = Vec::new();
    for (name, provider) in std::mem::take(providers) {
        let path = format!("providers.{name}");
        let Some(members) = provider.as_object() else { continue };
        let place = |key: &str| spot(sources.below(&format!("{path}.{key}")).next().and_then(winner));
        let Modern { mut settings, remarks, off } = modern(members, Strange::Kept);
        let lost = |key: &str| {
            remarks.iter().any(|(verdict, text)| {
                !matches!(verdict, Verdict::Changed | Verdict::Carried)
                    && text.starts_with(&format!("{key}:"))
            })
        };
        let literal = |key: &str| settings.get(key).and_then(Json::as_str).is_some_and(is_secret(key));
        let hidden: Vec<&str> = SECRETS.iter().copied().filter(|key| literal(key)).collect();
        for leaf in sources.below(&path).filter(|_| !off) {
            let key = leaf.path[path.len()..].trim_start_matches('.').split('.').next().unwrap_or_default();
            if !lost(key) && !hidden.contains(&key) {
                let known = config::is_setting(&["providers", &name, key]);
                carried(leaf, known, (&mut strange, report));
            }
        }
        for (verdict, text) in &remarks {
            report.note(
                place(text.split(':').next().unwrap_or_default()),
                *verdict,
                format!("{path}.{text}"),
            );
        }
        if off {
            report.lost(
                place("enabled"),
                format!("{path}: it is switched off, which has no place here; left out"),
            );
            continue;
        }
        settings.retain(|_, value| !value.is_null());
        usual_kind(&path, &mut settings, report);
        for key in hidden {
            let Some(secret) = settings.get(key).and_then(Json::as_str) else { continue };
            let reference = keys.keep(&format!("{name}_{key}"), secret);
            report.changed(place(key), format!("{path}.{key}: not copied; {reference} asks for it"));
            settings.insert(key.to_owned(), json!(reference));
        }
        priorities.extend(settings.get("priority").cloned());
        providers.insert(name, Json::Object(in_order(settings)));
    }
    for path in strange {
        take_out(&mut document, &path);
    }
    priorities.dedup();
    if priorities.len() > 1 {
        report.changed(0, "priority: the higher number is tried first; see whether that is what was meant");
    }
    document
}

/// What a person looks for first stands first.
fn in_order(settings: Map<String, Json>) -> Map<String, Json> {
    const FIRST: &[&str] =
        &["type", "base_url", "api_key", "api_version", "priority", "weight", "max_tpm", "max_rpm"];
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut settings: Vec<(String, Json)> = settings.into_iter().collect();
    settings.sort_by_key(|(key, _)| rank(key));
    settings.into_iter().collect()
}

/// Settings that may hold a secret.
const SECRETS: &[&str] = &["api_key", "base_url", "proxy"];

/// Whether what stands there must not be copied: a key, or an address with a login.
fn is_secret(key: &str) -> impl Fn(&str) -> bool {
    let bare = key == "api_key";
    move |text| !text.trim().is_empty() && !text.contains("${") && (bare || text.contains('@'))
}

/// What the older program took an instance for when it was not told.
fn usual_kind(path: &str, settings: &mut Map<String, Json>, report: &mut Report) {
    if settings.contains_key("type") {
        return;
    }
    settings.insert("type".to_owned(), json!("azure"));
    report.changed(0, format!("{path}.type: azure, as the older program took it"));
}

/// Who counts, among those whose settings are carried over.
fn winner(leaf: &Leaf) -> Option<&Said> {
    leaf.said.iter().rev().find(|said| theirs(said))
}

fn theirs(said: &Said) -> bool {
    matches!(said.origin.layer, Layer::File | Layer::Included | Layer::Environment | Layer::Imported)
}

fn spot(said: Option<&Said>) -> Spot {
    let Some(said) = said else { return Spot::default() };
    Spot { file: shown(Path::new(&*said.origin.place.file)), line: said.origin.place.line }
}

/// One setting: its value, where it stands, and whom it stands over; or that we know no such setting.
fn carried(leaf: &Leaf, known: bool, (strange, report): (&mut Vec<String>, &mut Report)) {
    let Some(said) = winner(leaf) else { return };
    let Some(value) = &said.value else { return };
    if !known {
        strange.push(leaf.path.clone());
        return report.lost(spot(Some(said)), format!("{}: not a setting we know", leaf.path));
    }
    let over: Vec<String> = leaf
        .losers()
        .filter(|other| theirs(other))
        .filter_map(|other| {
            let Spot { file, line } = spot(Some(other));
            let place = if line == 0 { file } else { format!("{file}:{line}") };
            Some(format!("{} of {place}", other.value.as_deref()?))
        })
        .collect();
    let over = if over.is_empty() { String::new() } else { format!(", over {}", over.join(" and ")) };
    report.carried(spot(Some(said)), format!("{}: {value}{over}", leaf.path));
}
