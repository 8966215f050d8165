//! Instances in JSON, in the shapes they are found in: a list, a map of names, either below `instances`, with settings as
//! they are or apart in `config` and `state`.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json};

use super::words::is_setting;

/// One instance, as one source has it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Instance {
    pub(crate) name: String,
    /// By their older names.
    pub(crate) settings: Map<String, Json>,
    /// When it was written, where the source knows.
    pub(crate) time: Option<SystemTime>,
}

impl Instance {
    /// Whether it says anything we know: a thing with a name alone is something else.
    pub(crate) fn says_something(&self) -> bool {
        self.settings.keys().any(|key| is_setting(key))
    }
}

/// The instances a JSON value holds, if any.
pub(crate) fn instances(value: &Json, time: Option<SystemTime>) -> Vec<Instance> {
    let list = match value {
        Json::Object(members) => members.get("instances").unwrap_or(value),
        _ => value,
    };
    let found: Vec<Instance> = match list {
        Json::Array(items) => items.iter().filter_map(|item| named(None, item.as_object()?, time)).collect(),
        Json::Object(members) => {
            members.iter().filter_map(|(name, item)| named(Some(name), item.as_object()?, time)).collect()
        }
        _ => Vec::new(),
    };
    found.into_iter().filter(Instance::says_something).collect()
}

/// One instance; its name stands in it, or before it.
fn named(before: Option<&str>, members: &Map<String, Json>, time: Option<SystemTime>) -> Option<Instance> {
    let inside = || members.get("config").and_then(|config| config.get("name"));
    let name = members.get("name").or_else(inside).and_then(Json::as_str).or(before)?.to_owned();
    Some(Instance { name, settings: settings_of(members), time })
}

/// What stands in it, and in its `config` and `state`.
pub(crate) fn settings_of(members: &Map<String, Json>) -> Map<String, Json> {
    let is_part =
        |(key, value): &(&String, &Json)| matches!(key.as_str(), "config" | "state") && value.is_object();
    let (parts, own): (Vec<_>, Vec<_>) = members.iter().partition(is_part);
    let inner = parts.into_iter().filter_map(|(_, part)| part.as_object()).flatten();
    let said = own.into_iter().chain(inner).filter(|(key, value)| *key != "name" && !value.is_null());
    said.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Seconds since 1970, as Python's `time.time()` gives them.
pub(crate) fn time(value: Option<&Json>) -> Option<SystemTime> {
    let seconds = value?.as_f64().filter(|seconds| (0.0..1e11).contains(seconds))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))
}
