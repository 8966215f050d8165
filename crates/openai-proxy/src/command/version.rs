//! `version`: which program this is, and with `--verbose` how it was built.

use clap::Args;
use serde_json::json;

use super::licenses::version_of;
use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

/// Show the version; with --verbose also how this program was built.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy version\n  openai-proxy version --verbose\n  openai-proxy version --json"
)]
pub(super) struct Version {}

/// How this program was built: what it is, and the word for it in JSON.
pub(super) fn facts() -> Vec<(&'static str, String)> {
    let library = |name: &str| format!("{name} {}", version_of(name).unwrap_or("?"));
    vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("profile", env!("BUILT_AS").to_owned()),
        ("target", env!("BUILT_FOR").to_owned()),
        ("compiler", env!("BUILT_BY").to_owned()),
        ("features", "none".to_owned()),
        ("tls", format!("{}, {}", library("rustls"), library("aws-lc-rs"))),
        ("http", format!("{}, {}", library("hyper"), library("h2"))),
        ("tables", format!("operations and vendors as of {}", protocol::TABLES_OF)),
    ]
}

impl Version {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        if talk.json() {
            let facts = facts().into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
            talk.print_json(&facts.collect::<serde_json::Map<_, _>>().into());
        } else if talk.verbose() == 0 {
            talk.print(&format!("openai-proxy {}\n", env!("CARGO_PKG_VERSION")));
        } else {
            let lines = facts().into_iter().map(|(name, value)| format!("{name:10} {value}\n"));
            talk.print(&format!("openai-proxy\n{}", lines.collect::<String>()));
        }
        Ok(Exit::Done)
    }
}
