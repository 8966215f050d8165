//! LiteLLM's config.yaml: its models become providers, one for each account, and public names.

mod accounts;
mod at;
mod deployment;
mod names;
mod settings;
mod vendors;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::keys::Keys;
use super::made::{Made, filled};
use crate::exit::{Exit, Failure};
use crate::report::Report;
use at::{At, File, reference};
use deployment::{Deployment, number};
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
        settings::router(&at, &mut names, &mut settings, (keys, report));
    }
    if names.balances() {
        settings.by_turns(report);
    }
    if let Some(at) = section(files, "litellm_settings", report) {
        settings::litellm(&at, &names, &mut settings, (keys, report));
    }
    if let Some(at) = section(files, "general_settings", report) {
        settings::general(&at, &mut settings, (keys, report));
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
    put("limits", limits(&deployments, &accounts, report));
    for word in ["limits", "cache", "admin", "storage", "logging", "telemetry", "alerts"] {
        put(word, settings.take(word));
    }
    put("pricing", prices(&deployments, report));
    if let Some(at) = section(files, "environment_variables", report) {
        variables(&at, &document, (keys, report));
    }
    document
}

/// Limits of single models, where an account serves several: a limit of the public name, for all of its places together.
fn limits(deployments: &[Deployment], accounts: &[accounts::Provider], report: &mut Report) -> Option<Json> {
    let shared = |index: &usize| {
        accounts.iter().any(|account| account.serves.len() > 1 && account.serves.contains(index))
    };
    let mut all = Map::new();
    for (index, deployment) in deployments.iter().enumerate() {
        if all.contains_key(&deployment.public) || !shared(&index) || deployment.public.contains('*') {
            continue;
        }
        let group: Vec<&Deployment> =
            deployments.iter().filter(|other| other.public == deployment.public).collect();
        let mut limit = Map::new();
        for (ours, theirs, of) in
            [("requests", "rpm", (|d| d.rpm) as fn(&Deployment) -> Option<u64>), ("tokens", "tpm", |d| d.tpm)]
        {
            let said: Vec<u64> = group.iter().filter_map(|deployment| of(deployment)).collect();
            if said.is_empty() {
                continue;
            }
            let public = &deployment.public;
            if said.len() < group.len() {
                report.lost(
                    deployment.spot.clone(),
                    format!("{public}: {theirs}: not all of its places have one"),
                );
                continue;
            }
            let what = if group.len() > 1 {
                "the sum of its places, for all of them together"
            } else {
                "for the model, at an account of several"
            };
            report
                .changed(deployment.spot.clone(), format!("{public}: {theirs}: `limits.per_model`, {what}"));
            limit.insert(ours.to_owned(), json!(format!("{}/min", said.iter().sum::<u64>())));
        }
        if !limit.is_empty() {
            all.insert(deployment.public.clone(), Json::Object(limit));
        }
    }
    (!all.is_empty()).then(|| json!({"per_model": all}))
}

/// Prices that were written: of a million tokens here, of one there.
fn prices(deployments: &[Deployment], report: &mut Report) -> Option<Json> {
    let mut all = Map::new();
    for deployment in deployments.iter().filter(|deployment| !deployment.prices.is_empty()) {
        let price = deployment.prices.iter().map(|(key, price)| ((*key).to_owned(), number(*price)));
        let price = Json::Object(price.collect());
        match all.get(&deployment.public) {
            Some(known) if *known != price => {
                let told =
                    format!("{}: prices belong to a model here, and the first ones count", deployment.public);
                report.changed(deployment.spot.clone(), told);
            }
            Some(_) => {}
            None => {
                report.carried(
                    deployment.spot.clone(),
                    format!("{}: its prices: `pricing.overrides`", deployment.public),
                );
                all.insert(deployment.public.clone(), price);
            }
        }
    }
    (!all.is_empty()).then(|| json!({"overrides": all}))
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
