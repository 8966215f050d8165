//! An instance's settings in today's words. What has no place is told; what is state starts fresh.

use serde_json::{Map, Value as Json, json};

use super::words::{BOOKKEEPING, KEPT, LOST, STATE, is_setting};
use crate::report::Verdict;

/// What an instance says, in today's words.
#[derive(Default, Debug)]
pub(crate) struct Modern {
    /// By today's names.
    pub(crate) settings: Map<String, Json>,
    /// What became of the rest: `name: why`.
    pub(crate) remarks: Vec<(Verdict, String)>,
    /// Whether it is switched off, where it is said.
    pub(crate) off: Option<bool>,
}

/// What becomes of settings that are not of the older program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strange {
    /// They stay: somebody may have written today's words already.
    Kept,
    /// They are told.
    Lost,
}

/// Reads an instance's settings.
pub(crate) fn modern(older: &Map<String, Json>, strange: Strange) -> Modern {
    let mut out = Modern::default();
    let mut state = Vec::new();
    for (key, value) in older.iter().filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            "enabled" | "is_active" | "active" => {
                out.off = Some(out.off == Some(true) || is_off(value));
            }
            "timeout" | "timeout_seconds" => out.timeout(key, value),
            "rate_limit_enabled" => {}
            key if BOOKKEEPING.contains(&key) || key.starts_with("x-") => {}
            key if STATE.contains(&key) => state.push(key),
            key if strange == Strange::Kept
                && !is_setting(key)
                && !LOST.iter().any(|(lost, _)| *lost == key) =>
            {
                out.settings.insert(key.to_owned(), value.clone());
            }
            key => out.setting(key, value),
        }
    }
    if !state.is_empty() {
        state.sort_unstable();
        out.remark(Verdict::Needless, &state.join(", "), "not carried over: state starts fresh");
    }
    if older.get("rate_limit_enabled").is_some_and(is_off) {
        let limits = ["max_tpm", "max_rpm"].map(|limit| out.settings.shift_remove(limit).is_some());
        if limits.contains(&true) {
            out.remark(Verdict::Changed, "max_tpm", "left out, for `rate_limit_enabled` is off");
        }
    }
    out.one_list();
    out
}

fn is_off(value: &Json) -> bool {
    matches!(value, Json::Bool(false)) || value.as_i64() == Some(0) || value.as_str() == Some("false")
}

impl Modern {
    fn remark(&mut self, verdict: Verdict, key: &str, why: &str) {
        self.remarks.push((verdict, format!("{key}: {why}")));
    }

    fn setting(&mut self, key: &str, value: &Json) {
        if let Some((_, why)) = LOST.iter().find(|(lost, _)| *lost == key) {
            // 0 and nothing say what we do anyway.
            let nothing = value.as_f64() == Some(0.0) || value.as_str() == Some("");
            if !nothing {
                self.remark(Verdict::Lost, key, why);
            }
            return;
        }
        let Some((_, today, form)) = KEPT.iter().find(|(older, ..)| *older == key) else {
            return self.remark(Verdict::Lost, key, "not a setting we know");
        };
        match (form.of(value), *today) {
            (None, _) => self.remark(Verdict::Lost, key, "its value is not of the form it should have"),
            // What is empty says nothing.
            (Some(Json::String(text)), _) if text.trim().is_empty() => {}
            (Some(Json::Number(number)), "max_tpm" | "max_rpm") if number.as_i64() == Some(0) => {
                self.remark(Verdict::Carried, key, "0 is no limit, and so none is written");
            }
            (Some(Json::String(url)), "base_url") if !url.contains("${") && config::origin(&url).is_err() => {
                self.remark(Verdict::Lost, key, "it is no address");
            }
            (Some(Json::String(url)), "proxy") if !url.contains("${") && !is_proxy(&url) => {
                self.remark(Verdict::Lost, key, "it is no address of a proxy: http://host:port");
            }
            (Some(Json::String(kind)), "type") => self.kind(key, &kind),
            (Some(value), today) => drop(self.settings.insert(today.to_owned(), value)),
        }
    }

    /// The older program knew one vendor by its name, and any other as a generic one.
    fn kind(&mut self, key: &str, kind: &str) {
        let ours = match kind.to_ascii_lowercase().as_str() {
            "generic" | "custom" => COMPATIBLE.to_owned(),
            other if protocol::vendor::find(other).is_some() || other.contains("${") => other.to_owned(),
            _ => return self.remark(Verdict::Lost, key, &format!("`{kind}` is no kind of service we know")),
        };
        if ours == COMPATIBLE && kind != COMPATIBLE {
            self.remark(Verdict::Changed, key, &format!("`{kind}` is called `{COMPATIBLE}`"));
        }
        self.settings.insert("type".to_owned(), json!(ours));
    }

    fn timeout(&mut self, key: &str, value: &Json) {
        match value.as_f64().filter(|seconds| *seconds > 0.0) {
            Some(seconds) => {
                let told = "waiting for the first byte; an answer as a whole may take 15 minutes";
                self.remark(Verdict::Changed, key, told);
                let first_byte = format!("{}ms", (seconds * 1000.0).round());
                self.settings.insert("timeouts".to_owned(), json!({"first_byte": first_byte}));
            }
            None => self.remark(Verdict::Lost, key, "not a number of seconds"),
        }
    }

    /// A list of models and a map of deployments become the one map that says both. What weaker layers say of either is
    /// taken away: the two lists of one instance belong together.
    fn one_list(&mut self) {
        let deployments = self.settings.get("model_deployments").and_then(Json::as_object).cloned();
        let supported = self.settings.get("supported_models").and_then(Json::as_array).cloned();
        let (Some(deployments), Some(supported)) = (deployments, supported) else { return };
        let mut models = Map::new();
        for name in supported.iter().filter_map(Json::as_str) {
            let own = deployments.get(name).cloned().unwrap_or_else(|| json!(name));
            models.insert(name.to_owned(), own);
        }
        let dropped: Vec<&str> =
            deployments.keys().map(String::as_str).filter(|name| !models.contains_key(*name)).collect();
        if models.is_empty() {
            models = deployments;
        } else if !dropped.is_empty() {
            let why = format!("{} left out: not among `supported_models`", dropped.join(", "));
            self.remark(Verdict::Changed, "model_deployments", &why);
        }
        self.settings.insert("model_deployments".to_owned(), Json::Null);
        self.settings.insert("supported_models".to_owned(), Json::Null);
        if !models.is_empty() {
            self.settings.insert("models".to_owned(), Json::Object(models));
        }
    }
}

/// `http://host:port`, with or without scheme and login.
fn is_proxy(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place).trim_end_matches('/');
    !place.contains('/') && config::origin(&format!("http://{place}")).is_ok()
}

/// Any service that speaks the same API.
const COMPATIBLE: &str = "openai-compatible";
