//! What a command is given: the file somebody named, settings on the command line, and the environment, which is read here
//! and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use config::Given;

use crate::exit::{Exit, Failure};
use crate::predecessor;

/// Which configuration is meant.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct Named {
    /// The configuration file. Without it: ./openai-proxy.yaml, the user's, the system's; without any, the environment.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Any setting, by its path: --set routing.expose_headers=off. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) settings: Vec<String>,
}

/// Settings that are secrets, wherever they stand.
const SECRETS: &[&str] = &["api_key", "key", "secret", "password", "token"];

/// The words of a dotted path; what stands in double quotes is one: models."gpt-4.1".
pub(crate) fn words(path: &str) -> Vec<String> {
    config::Sheet::default().words(path)
}

/// Whether a value at this path is a secret in the open, which everybody who lists processes would see.
pub(crate) fn shows_a_secret(path: &str, value: &serde_json::Value) -> bool {
    let words = words(path);
    let known: Vec<&str> = words.iter().map(String::as_str).collect();
    if config::is_setting(&known) {
        return !config::open_secrets(&words, value).is_empty();
    }
    let last = known.last().copied().unwrap_or_default();
    SECRETS.contains(&last) && value.as_str().is_none_or(|value| !value.contains("${"))
}

impl Named {
    /// What the configuration is read from, with more settings on top of those named here.
    ///
    /// # Errors
    /// When a `--set` has no `=`, or carries a secret.
    pub(crate) fn given(&self, more: Vec<(String, String)>) -> Result<Given, Failure> {
        let mut overrides = more;
        for setting in &self.settings {
            let Some((path, value)) = setting.split_once('=') else {
                return Err(Failure::new(
                    Exit::Misused,
                    format!(
                        "`--set {setting}` has no `=`. Write a path and a value: --set routing.expose_headers=off."
                    ),
                ));
            };
            let last = path.rsplit('.').next().unwrap_or_default();
            if SECRETS.contains(&last) && !value.contains("${") {
                return Err(Failure::new(
                    Exit::Misused,
                    format!(
                        "`--set {path}=...` would show a secret to everybody who lists processes.\nPut it into a variable and name that: --set '{path}=${{NAME}}'"
                    ),
                ));
            }
            overrides.push((path.to_owned(), value.to_owned()));
        }
        let environment = environment();
        let home = environment.get("HOME").map(PathBuf::from);
        let set_apart = predecessor::set_apart(&environment);
        Ok(Given { file: self.config.clone(), environment, overrides, home, set_apart, ..Given::default() })
    }
}

/// The process environment. What is not text is nobody's setting.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A configuration that is refused: every mistake, exit 78.
pub(crate) fn refused(problems: &config::Problems) -> Failure {
    Failure::new(Exit::Refused, format!("The configuration is refused:\n{problems}"))
}
