//! LiteLLM's config.yaml: its models become providers, one for each account, and public names.

mod account;
mod accounts;
mod aliases;
mod aside;
mod at;
mod deployment;
mod general;
mod identity;
mod library;
mod names;
mod per_model;
mod router;
mod settings;
mod vendors;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::keys::Keys;
use super::made::{Made, filled};
use crate::exit::{Exit, Failure};
use crate::report::Report;
use at::{At, File, reference};
use deployment::Deployment;
use names::Names;
use settings::Settings;

/// Where LiteLLM listens when it is not told, on this computer alone.
const LISTEN: &str = "127.0.0.1:4000";
/// How many files may include each other.
const MOST_FILES: usize = 32;

/// Reads a configuration and those it includes.
///
/// # Errors
/// When one cannot be read or is no YAML.
pub(super) fn read(path: &Path) -> Result<Made, Failure> {
    let mut files = Vec::new();
    load(path, &mut files)?;
    let mut report = Report::new(path);
    let mut keys = Keys::default();
    let document = convert(&files, (&mut keys, &mut report));
    let title = format!("Made from {} by `openai-proxy import litellm`.", shown(path));
    Ok(Made { title, document, keys, report })
}

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The file, and behind it those it includes: they are stronger, and their lists are added.
fn load(path: &Path, files: &mut Vec<File>) -> Result<(), Failure> {
    if files.len() >= MOST_FILES {
        return Err(Failure::new(
            Exit::Failed,
            format!("{} is included by too many, or by itself.", path.display()),
        ));
    }
    let text = config::read_text(path)
        .map_err(|why| Failure::new(Exit::Failed, format!("{} cannot be read: {why}.", path.display())))?;
    let plain = config::plain(&text, &shown(path))
        .map_err(|problems| Failure::new(Exit::Failed, format!("It cannot be read:\n{problems}")))?;
    if !plain.value.is_object() {
        let say = format!("{} holds no settings, but something else.", path.display());
        return Err(Failure::new(Exit::Failed, say));
    }
    let file = File { name: shown(path), plain };
    let included = At::top(&file).get("include").map(|at| at.texts()).unwrap_or_default();
    files.push(file);
    let folder = path.parent().unwrap_or(Path::new(""));
    for name in included {
        load(&folder.join(PathBuf::from(name)), files)?;
    }
    Ok(())
}

/// All that lists of this name say, in all files.
fn list<'f>(files: &'f [File], key: &str) -> Vec<At<'f>> {
    files.iter().filter_map(|file| At::top(file).get(key)).flat_map(|at| at.items()).collect()
}

/// A section: that of the last file that has it counts.
fn section<'f>(files: &'f [File], key: &str, report: &mut Report) -> Option<At<'f>> {
    let mut all: Vec<At<'f>> = files.iter().filter_map(|file| At::top(file).get(key)).collect();
    let last = all.pop();
    for other in all {
        report.lost(other.spot(), format!("{key}: another file that is included says it again"));
    }
    last
}

/// Sections that are read below.
const SECTIONS: &[&str] = &[
    "model_list",
    "credential_list",
    "include",
    "router_settings",
    "litellm_settings",
    "general_settings",
    "environment_variables",
];

fn convert(files: &[File], (keys, report): (&mut Keys, &mut Report)) -> Json {
    for at in files.iter().flat_map(|file| At::top(file).members()) {
        if at.key.starts_with("x-") {
            report.needless(at.spot(), format!("{}: what it holds counts where it is repeated", at.key));
        } else if !SECTIONS.contains(&at.key) {
            report.lost(at.spot(), format!("{}: it has no place here", at.key));
        }
    }
    let credentials = list(files, "credential_list");
    let entries = list(files, "model_list");
    let deployments: Vec<Deployment> =
        entries.iter().filter_map(|entry| deployment::read(entry, &credentials, report)).collect();
    let accounts = accounts::group(&deployments);
    let mut names = Names::new(&deployments, &accounts);
    names.read(report);
    let mut settings = Settings::default();
    if let Some(at) = section(files, "router_settings", report) {
        router::read(&at, &mut names, &mut settings, (keys, report));
    }
    if names.balances() {
        settings.by_turns(report);
    }
    if let Some(at) = section(files, "litellm_settings", report) {
        library::read(&at, &names, &mut settings, (keys, report));
    }
    if let Some(at) = section(files, "general_settings", report) {
        general::read(&at, &mut settings, (keys, report));
    }
    let mut providers = Map::new();
    for (index, account) in accounts.iter().enumerate().filter(|(index, _)| names.uses(*index)) {
        let mut provider = account.settings(&deployments, (keys, report));
        if let Some(listed) = names.listed(index) {
            let key = if provider.get("type") == Some(&json!("azure")) && listed.is_object() {
                "model_deployments"
            } else {
                "models"
            };
            provider.insert(key.to_owned(), listed);
        }
        providers.insert(account.name.clone(), Json::Object(provider));
    }
    let mut document = json!({"server": {"listen": LISTEN}});
    let told = "server.listen: this computer alone, on LiteLLM's own port; it let everybody in reach in";
    report.changed(0, told);
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            match (document.get_mut(key).and_then(Json::as_object_mut), value) {
                (Some(known), Json::Object(more)) => known.extend(more),
                (_, value) => document[key] = value,
            }
        }
    };
    put("server", settings.take("server"));
    put("provider_defaults", settings.take("provider_defaults"));
    put("providers", Some(Json::Object(providers)));
    put("models", names.top());
    put("routing", settings.take("routing"));
    put("limits", per_model::limits(&deployments, &accounts, report));
    for word in ["limits", "cache", "admin", "storage", "logging", "telemetry", "alerts"] {
        put(word, settings.take(word));
    }
    put("pricing", per_model::prices(&deployments, report));
    if let Some(at) = section(files, "environment_variables", report) {
        variables(&at, &document, (keys, report));
    }
    document
}

/// Variables that were set in the file: kept, if the result asks for them.
fn variables(section: &At<'_>, document: &Json, (keys, report): (&mut Keys, &mut Report)) {
    let asked = filled(document);
    for at in section.members() {
        let Some(value) = at.text() else { continue };
        match (reference(&value), asked.contains_key(at.key)) {
            (Some(same), true) if same == format!("${{{}}}", at.key) => {
                report.carried(at.spot(), at.key.to_owned())
            }
            (Some(other), true) => {
                report.lost(at.spot(), format!("{}: it is {other} by another name; set it", at.key))
            }
            (None, true) => {
                keys.hold(at.key, &value);
                report.carried(at.spot(), format!("{}: kept with the keys", at.key));
            }
            (_, false) => report.lost(at.spot(), format!("{}: nothing here asks for it", at.key)),
        }
    }
}
