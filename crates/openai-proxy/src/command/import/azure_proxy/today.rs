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
    let mut telling = Telling { sources, strange: Vec::new(), keys, report };
    telling.general(&mut document);
    if let Some(providers) = document.get_mut("providers").and_then(Json::as_object_mut) {
        for (name, provider) in std::mem::take(providers) {
            let settings = provider.as_object().and_then(|older| telling.provider(&name, older));
            providers.extend(settings.map(|settings| (name, Json::Object(in_order(settings)))));
        }
        let priorities: Vec<&Json> =
            providers.values().filter_map(|settings| settings.get("priority")).collect();
        if priorities.windows(2).any(|pair| pair[0] != pair[1]) {
            let told = "priority: the higher number is tried first; see whether that is what was meant";
            telling.report.changed(0, told);
        }
    }
    for path in telling.strange {
        take_out(&mut document, &path);
    }
    document
}

/// What is told meanwhile.
struct Telling<'t> {
    sources: &'t Sources,
    /// Settings nobody knows: to be taken out.
    strange: Vec<String>,
    keys: &'t mut Keys,
    report: &'t mut Report,
}

impl Telling<'_> {
    /// Where something at a path, or below it, counts.
    fn spot(&self, path: &str) -> Spot {
        spot(self.sources.below(path).next().and_then(winner))
    }

    /// Everything but the providers.
    fn general(&mut self, document: &mut Json) {
        if document.as_object_mut().is_some_and(|top| top.shift_remove("version").is_some()) {
            self.report.needless(self.spot("version"), "version: the older file's own number");
        }
        let sources = self.sources;
        let general = |leaf: &&Leaf| !leaf.path.starts_with("providers.") && leaf.path != "version";
        for leaf in sources.leaves.iter().filter(general) {
            let words: Vec<&str> = leaf.path.split('.').collect();
            self.carried(leaf, config::is_setting(&words));
        }
        let listen =
            sources.below("server.listen").next().and_then(winner).and_then(|said| said.value.as_deref());
        if listen.is_some_and(|listen| listen.starts_with("127.0.0.1:")) {
            let told = "server.listen: this computer alone; the older program let everybody in reach in";
            self.report.changed(self.spot("server.listen"), told);
        }
    }

    /// One instance's settings in today's words; none when it is left out.
    fn provider(&mut self, name: &str, older: &Map<String, Json>) -> Option<Map<String, Json>> {
        let path = format!("providers.{name}");
        let Modern { mut settings, remarks, off } = modern(older, Strange::Kept);
        let nowhere = !settings.contains_key("base_url") && !has_home(&settings);
        let left_out = match off {
            Some(true) => Some("it is switched off, which has no place here"),
            _ if !config::is_provider_name(name) => Some("not a name we can use"),
            _ if nowhere => Some("nothing says where it is"),
            _ => None,
        };
        if let Some(why) = left_out {
            self.report.lost(self.spot(&path), format!("{path}: {why}; left out"));
            return None;
        }
        let lost = |key: &str| {
            let so = |(verdict, text): &(Verdict, String)| {
                !matches!(verdict, Verdict::Changed | Verdict::Carried)
                    && text.starts_with(&format!("{key}:"))
            };
            remarks.iter().any(so)
        };
        let literal = |key: &str| settings.get(key).and_then(Json::as_str).is_some_and(is_secret(key));
        let hidden: Vec<&str> = SECRETS.iter().copied().filter(|key| literal(key)).collect();
        let sources = self.sources;
        for leaf in sources.below(&path) {
            let key = leaf.path[path.len()..].trim_start_matches('.').split('.').next().unwrap_or_default();
            if !lost(key) && !hidden.contains(&key) {
                self.carried(leaf, config::is_setting(&["providers", name, key]));
            }
        }
        for (verdict, text) in &remarks {
            let key = text.split(':').next().unwrap_or_default();
            self.report.note(self.spot(&format!("{path}.{key}")), *verdict, format!("{path}.{text}"));
        }
        settings.retain(|_, value| !value.is_null());
        usual_kind(&path, &mut settings, self.report);
        for key in hidden {
            let Some(secret) = settings.get(key).and_then(Json::as_str) else { continue };
            let reference = self.keys.keep(&format!("{name}_{key}"), secret);
            let told = format!("{path}.{key}: not copied; {reference} asks for it");
            self.report.changed(self.spot(&format!("{path}.{key}")), told);
            settings.insert(key.to_owned(), json!(reference));
        }
        Some(settings)
    }

    /// One setting: its value, where it stands, and whom it stands over; or that we know no such setting.
    fn carried(&mut self, leaf: &Leaf, known: bool) {
        let Some(said) = winner(leaf) else { return };
        let Some(value) = &said.value else { return };
        if !known {
            self.strange.push(leaf.path.clone());
            return self.report.lost(spot(Some(said)), format!("{}: not a setting we know", leaf.path));
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
        self.report.carried(spot(Some(said)), format!("{}: {value}{over}", leaf.path));
    }
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
