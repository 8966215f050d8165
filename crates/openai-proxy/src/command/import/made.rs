//! A configuration an import has made: checked by our own reader, printed or written, and its keys beside it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::keys::Keys;
use crate::command::output;
use crate::exit::{Exit, Failure, Outcome};
use crate::report::Report;
use crate::talk::Talk;

/// What came of another program's files.
pub(super) struct Made {
    /// Where it comes from: the first line, as a comment.
    pub(super) title: String,
    /// The configuration.
    pub(super) document: Json,
    /// Keys that stood in those files.
    pub(super) keys: Keys,
    pub(super) report: Report,
}

impl Made {
    /// Tells the report and hands the result over: to a file, with its keys in a `.env` beside it, or to standard output.
    ///
    /// # Errors
    /// When nothing was found in it, or a file cannot be written.
    pub(super) fn deliver(mut self, talk: &Talk, file: Option<&Path>) -> Outcome {
        let none = |providers: &Json| providers.as_object().is_some_and(serde_json::Map::is_empty);
        if self.document.get("providers").is_none_or(none) {
            talk.say(&self.report.told());
            let say = "No provider was found in it, so there is nothing to carry over.";
            return Err(Failure::new(Exit::Failed, say));
        }
        self.check();
        let yaml = format!("# {}\n{}", self.title, config::yaml(&self.document));
        talk.say(&self.report.told());
        let Some(file) = file else {
            talk.print(&yaml);
            if let Some(names) = self.keys.names() {
                talk.say(&format!(
                    "Keys are not printed: set {names}, or use --output, which puts them into a .env (0600) beside the file."
                ));
            }
            return Ok(Exit::Done);
        };
        let beside = file.with_file_name(".env");
        // First of all, so that nothing is written when it cannot be.
        let variables = self.keys.added_to(&beside)?;
        let next = format!("openai-proxy check-config {}", file.display());
        let done = output::deliver(talk, file, &yaml, &next)?;
        if let (Some(text), Some(names)) = (variables, self.keys.names()) {
            output::write_private(&beside, &text)?;
            talk.say(&format!("{} holds {names}, for you alone (0600).", beside.display()));
        }
        Ok(done)
    }

    /// Has our own reader look at it. What it does not know is taken out and told; what else it says is told.
    fn check(&mut self) {
        const ROUNDS: usize = 8;
        for _ in 0..ROUNDS {
            let text = config::yaml(&known(&self.document));
            match config::parse(&text, &filled(&self.document)) {
                Ok(loaded) => {
                    self.report.not_in_use = not_in_use(&loaded.notes);
                    self.report.refused = None;
                    return;
                }
                Err(problems) => {
                    self.report.refused = Some(problems.to_string());
                    let strange =
                        problems.0.iter().filter(|problem| problem.what.contains("is not a setting of"));
                    let strange: Vec<&str> = strange.map(|problem| problem.path.as_str()).collect();
                    let mut taken = false;
                    for path in strange {
                        if take_out(&mut self.document, path) {
                            taken = true;
                            self.report.lost(0, format!("{path}: not a setting we know"));
                        }
                    }
                    if !taken {
                        return;
                    }
                }
            }
        }
    }
}

/// Settings that are checked and nothing follows from yet, those of all providers as one.
fn not_in_use(notes: &[config::Problem]) -> Vec<String> {
    let mut paths = Vec::new();
    for note in notes.iter().filter(|note| note.what.ends_with("is not in use yet.")) {
        let mut words: Vec<&str> = note.path.split('.').collect();
        let last = words.len() - 1;
        if last > 1 && matches!(words[0], "providers" | "models") {
            words.splice(1..last, ["*"]);
        }
        let path = words.join(".");
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Takes one setting out, by its dotted path. Keys may hold dots themselves.
pub(super) fn take_out(document: &mut Json, path: &str) -> bool {
    let Some(members) = document.as_object_mut() else { return false };
    if members.shift_remove(path).is_some() {
        return true;
    }
    members.iter_mut().any(|(key, below)| {
        path.strip_prefix(key.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| take_out(below, rest))
    })
}

/// Somebody at Google.
const LOGIN: &str = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;

/// The same where it runs: there the platform says who we are, and files are where they are named.
fn known(document: &Json) -> Json {
    let mut document = document.clone();
    let providers = document.get_mut("providers").and_then(Json::as_object_mut).into_iter().flatten();
    for (_, provider) in providers {
        if let Some(google) = provider.get_mut("google").and_then(Json::as_object_mut) {
            let said = google.get("credentials").and_then(Json::as_str);
            if said.is_none_or(|said| said.starts_with("${file:")) {
                google.insert("credentials".to_owned(), LOGIN.into());
            }
        }
        if let Some(aws) = provider.get_mut("aws").and_then(Json::as_object_mut)
            && !aws.contains_key("access_key_id")
            && !aws.contains_key("profile")
        {
            aws.extend([
                ("access_key_id".to_owned(), "a".into()),
                ("secret_access_key".to_owned(), "s".into()),
            ]);
        }
    }
    document
}

/// The variables a document asks for, each with something that may stand in its place.
pub(super) fn filled(document: &Json) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    fill(document, "", &mut out);
    out
}

fn fill(value: &Json, key: &str, out: &mut BTreeMap<String, String>) {
    match value {
        Json::String(text) => {
            for name in variables(text) {
                let whole = text.starts_with("${") && text.ends_with('}');
                let with = match key {
                    "base_url" | "proxy" if whole => "http://localhost:9",
                    "slack" | "feishu" | "webhook" | "otlp" => "https://localhost/x",
                    "redis" if whole => "redis://localhost:6379",
                    "listen" => "127.0.0.1:2020",
                    "credentials" => LOGIN,
                    "priority" | "weight" | "max_tpm" | "max_rpm" | "retries" => "1",
                    _ => "localhost",
                };
                out.insert(name.to_owned(), with.to_owned());
            }
        }
        Json::Array(items) => items.iter().for_each(|item| fill(item, key, out)),
        Json::Object(members) => members.iter().for_each(|(key, value)| fill(value, key, out)),
        _ => {}
    }
}

/// The names in `${NAME}` and `${NAME:?why}`; what has a default needs nothing.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let inner = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
    let inner = inner.filter(|inner| !inner.contains(":-") && !inner.starts_with("file:"));
    inner.map(|inner| inner.split(":?").next().unwrap_or(inner))
}
