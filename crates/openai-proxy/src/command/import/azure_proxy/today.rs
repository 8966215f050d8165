//! What the layers of an older installation come to, in the form we would write, and the report of who said what.

use std::path::Path;

use config::{Layer, Leaf, Said, Sources};
use serde_json::{Map, Value as Json, json};

use super::shown;
use crate::command::import::keys::Keys;
use crate::command::import::made::take_out;
use crate::predecessor::{Modern, Strange, modern};
use crate::report::{Report, Spot, Verdict};

/// The document in the form we would write it, and the report of every setting with who said it.
pub(super) fn today(mut document: Json, sources: &Sources, (keys, report): (&mut Keys, &mut Report)) -> Json {
    let Some(top) = document.as_object_mut() else { return document };
    if top.shift_remove("version").is_some() {
        let said = sources.below("version").next().and_then(winner);
        report.needless(spot(said), "version: the older file's own number");
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
        let first = |path: &str| spot(sources.below(path).next().and_then(winner));
        let place = |key: &str| first(&format!("{path}.{key}"));
        let Modern { mut settings, remarks, off } = modern(members, Strange::Kept);
        let nowhere = !settings.contains_key("base_url") && !has_home(&settings);
        let left_out = match off {
            Some(true) => Some("it is switched off, which has no place here"),
            _ if !config::is_provider_name(&name) => Some("not a name we can use"),
            _ if nowhere => Some("nothing says where it is"),
            _ => None,
        };
        if let Some(why) = left_out {
            report.lost(first(&path), format!("{path}: {why}; left out"));
            continue;
        }
        let lost = |key: &str| {
            remarks.iter().any(|(verdict, text)| {
                !matches!(verdict, Verdict::Changed | Verdict::Carried)
                    && text.starts_with(&format!("{key}:"))
            })
        };
        let literal = |key: &str| settings.get(key).and_then(Json::as_str).is_some_and(is_secret(key));
        let hidden: Vec<&str> = SECRETS.iter().copied().filter(|key| literal(key)).collect();
        for leaf in sources.below(&path) {
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

/// Whether its kind has an address of its own.
fn has_home(settings: &Map<String, Json>) -> bool {
    let kind = settings.get("type").and_then(Json::as_str).and_then(protocol::vendor::find);
    kind.is_some_and(|vendor| vendor.home().is_some())
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
