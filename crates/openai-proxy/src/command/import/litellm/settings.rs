//! What holds for all models, in the making; and settings that are the same in several sections of theirs.

use serde_json::{Map, Value as Json, json};

use super::at::At;
use super::names::Names;
use crate::report::Report;

/// A configuration in the making, by the words of its paths.
#[derive(Default)]
pub(super) struct Settings {
    root: Map<String, Json>,
}

impl Settings {
    /// What was set below one top-level word.
    pub(super) fn take(&mut self, word: &str) -> Option<Json> {
        self.root.shift_remove(word)
    }

    /// LiteLLM chooses at random where nothing is said.
    pub(super) fn by_turns(&mut self, report: &mut Report) {
        if self.root.get("routing").and_then(|routing| routing.get("strategy")).is_none() {
            report.carried(0, "several places of one name: `routing.strategy: weighted`, in equal shares");
            self.set("routing.strategy", json!("weighted"));
        }
    }

    fn set(&mut self, path: &str, value: Json) {
        let mut here = &mut self.root;
        let mut words = path.split('.').peekable();
        while let Some(word) = words.next() {
            if words.peek().is_none() {
                here.insert(word.to_owned(), value);
                return;
            }
            let below = here.entry(word).or_insert_with(|| json!({}));
            match below.as_object_mut() {
                Some(members) => here = members,
                None => return,
            }
        }
    }

    /// A number of seconds.
    pub(super) fn clock(&mut self, at: &At<'_>, path: &str, report: &mut Report) {
        match at.clock() {
            Some(clock) => self.carry(at, path, json!(clock), report),
            None => {
                report.lost(at.spot(), format!("{}: no number of seconds, or longer than a year", at.key))
            }
        }
    }

    /// Sets it unless a stronger section did.
    pub(super) fn carry(&mut self, at: &At<'_>, path: &str, value: Json, report: &mut Report) {
        let pointer = format!("/{}", path.replace('.', "/"));
        let root = Json::Object(std::mem::take(&mut self.root));
        let set = root.pointer(&pointer).cloned();
        if let Json::Object(root) = root {
            self.root = root;
        }
        match set {
            Some(set) if set != value => {
                report.needless(at.spot(), format!("{}: it is said elsewhere, and that counts", at.key));
            }
            Some(_) => report.carried(at.spot(), format!("{}: `{path}`", at.key)),
            None => {
                report.carried(at.spot(), format!("{}: `{path}`", at.key));
                self.set(path, value);
            }
        }
    }
}

/// What each setting of the three sections is here, where it is the same in all of them.
pub(super) fn shared(at: &At<'_>, names: &Names<'_>, out: &mut Settings, report: &mut Report) -> bool {
    match at.key {
        "num_retries" => match at.whole() {
            Some(retries) => out.carry(at, "routing.retries", json!(retries), report),
            None => report.lost(at.spot(), "num_retries: no whole number"),
        },
        "timeout" | "request_timeout" => out.clock(at, "provider_defaults.timeouts.total", report),
        "stream_timeout" => out.clock(at, "provider_defaults.timeouts.first_byte", report),
        "cooldown_time" => out.clock(at, "provider_defaults.breaker.open_for", report),
        "fallbacks" => fallbacks(at, None, (names, out, report)),
        "context_window_fallbacks" => fallbacks(at, Some("context_length"), (names, out, report)),
        "content_policy_fallbacks" => fallbacks(at, Some("content_policy"), (names, out, report)),
        "default_fallbacks" => fallback(at, ("*", &at.texts()), None, (names, out, report)),
        _ => return false,
    }
    true
}

/// A list of maps: a model, and those that may stand in for it, after one kind of failure or after any.
fn fallbacks(at: &At<'_>, on: Option<&str>, (names, out, report): (&Names<'_>, &mut Settings, &mut Report)) {
    for item in at.items().iter().flat_map(At::members) {
        fallback(&item, (item.key, &item.texts()), on, (names, out, report));
    }
}

fn fallback(
    at: &At<'_>,
    (of, to): (&str, &[String]),
    on: Option<&str>,
    (names, out, report): (&Names<'_>, &mut Settings, &mut Report),
) {
    if of != "*" && !names.knows(of) {
        return report.lost(at.spot(), format!("fallbacks of {of}: no model is called so"));
    }
    let (known, unknown): (Vec<&String>, Vec<&String>) =
        to.iter().filter(|name| *name != of).partition(|name| names.knows(name));
    for name in unknown {
        report.lost(at.spot(), format!("fallback of {of} to {name}: no model is called so"));
    }
    if known.is_empty() {
        return;
    }
    let mut all =
        out.root.get("routing").and_then(|routing| routing.get("fallbacks")).cloned().unwrap_or(json!({}));
    if let Some(members) = all.as_object_mut() {
        let before = members.get(of).and_then(Json::as_array).cloned().unwrap_or_default();
        let (mut kinds, names): (Vec<Json>, Vec<Json>) = before.into_iter().partition(Json::is_object);
        let names = match on {
            // Those of one kind are asked first when it comes to that.
            Some(on) => {
                report.carried(at.spot(), format!("fallbacks of {of}: `routing.fallbacks`, on {on}"));
                kinds.push(json!({"to": known, "on": on}));
                names
            }
            None => {
                report.carried(at.spot(), format!("fallbacks of {of}: `routing.fallbacks`"));
                known.iter().map(|name| json!(name)).collect()
            }
        };
        kinds.extend(names);
        members.insert(of.to_owned(), Json::Array(kinds));
    }
    out.set("routing.fallbacks", all);
}
