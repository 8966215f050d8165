//! `check-config`: whether a configuration is accepted, and what is worth knowing of it. An haproxy.cfg, as the first versions
//! had, is checked by HAProxy itself where that is installed, and by our own reader.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use config::snapshot::Source;
use config::{Given, Layer};
use serde_json::json;

use crate::exit::{Exit, Failure, Outcome};
use crate::given::{Named, refused};
use crate::talk::Talk;

/// Check the configuration.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy check-config\n  openai-proxy check-config --config openai-proxy.yaml\n  openai-proxy check-config /etc/haproxy/conf.d/openai-proxy.cfg",
    after_help = "Nothing is contacted. Exit codes: 0 valid, 78 not."
)]
pub(super) struct CheckConfig {
    /// A file: ours, or an haproxy.cfg. Without one: what `serve` would read.
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    named: Named,
}

/// Where the first versions kept theirs (seed 001); looked at when there is no file of ours.
const OLDER: &str = "/etc/haproxy/conf.d/openai-proxy.cfg";

impl CheckConfig {
    pub(super) fn run(mut self, talk: &Talk) -> Outcome {
        if let Some(file) = self.file.take() {
            if file.extension().is_some_and(|end| end == "cfg") {
                return haproxy(talk, &file);
            }
            self.named.config = Some(file);
        }
        let given = self.named.given(Vec::new())?;
        let none_of_ours =
            self.named.config.is_none() && !config::places(&given).iter().any(|path| path.is_file());
        if none_of_ours && Path::new(OLDER).is_file() {
            return haproxy(talk, Path::new(OLDER));
        }
        ours(talk, &given)
    }
}

/// What `serve` would read.
fn ours(talk: &Talk, given: &Given) -> Outcome {
    let found = config::places(given).into_iter().find(|path| path.is_file()).or_else(|| given.file.clone());
    let shown = found
        .as_ref()
        .map_or("the environment (no configuration file)".to_owned(), |path| path.display().to_string());
    if !talk.json() {
        talk.print(&format!("Checking configuration: {shown}\n"));
    }
    let loaded = match config::load(given) {
        Ok(loaded) => loaded,
        Err(problems) if talk.json() => {
            let told: Vec<_> = problems.0.iter().map(problem).collect();
            talk.print_json(&json!({"valid": false, "source": shown, "problems": told}));
            return Ok(Exit::Refused);
        }
        Err(problems) => return Err(refused(&problems)),
    };
    if talk.json() {
        let notes: Vec<_> = loaded.notes.iter().map(problem).collect();
        talk.print_json(&json!({"valid": true, "source": shown, "notes": notes}));
        return Ok(Exit::Done);
    }
    for note in &loaded.notes {
        talk.say(&format!("note: {note}"));
    }
    if talk.verbose() > 0 {
        if let Source::File(path) = &loaded.snapshot.source {
            talk.print(&format!("Configuration file {} has valid syntax\n", path.display()));
            let beside = config::looked(given).into_iter().filter(|looked| {
                let file = looked.what == Layer::Included.name() || looked.what == Layer::Environment.name();
                file && looked.outcome == config::Outcome::Taken
            });
            for looked in beside {
                talk.print(&format!("Configuration file {} has valid syntax\n", looked.place));
            }
        }
        for provider in &loaded.snapshot.providers {
            talk.print(&format!(
                "Provider {}: {} at {}\n",
                provider.name,
                provider.vendor.name(),
                provider.origin.authority
            ));
        }
    }
    talk.print("Configuration is valid\n");
    Ok(Exit::Done)
}

fn problem(problem: &config::Problem) -> serde_json::Value {
    let place = problem.place.as_ref().map(ToString::to_string);
    json!({"setting": problem.path, "place": place, "what": problem.what, "fix": problem.fix})
}

/// An haproxy.cfg, in the words of seed 001.
fn haproxy(talk: &Talk, file: &Path) -> Outcome {
    let shown = file.display();
    if !talk.json() {
        talk.print(&format!("Checking HAProxy configuration: {shown}\n"));
    }
    let invalid = |why: &str| Failure::new(Exit::Refused, format!("Configuration is not valid:\n{why}"));
    match Command::new("haproxy").args(["-c", "-f"]).arg(file).output() {
        Ok(output) if !output.status.success() => {
            return Err(invalid(&alerts(&String::from_utf8_lossy(&output.stderr))));
        }
        Ok(_) => {}
        Err(_) => {
            talk.say("note: haproxy is not installed here, so only what openai-proxy reads of the file was looked at.");
            super::import::convert(&talk.hushed(), super::import::Kind::Haproxy, file)
                .map_err(|failure| invalid(&failure.say))?;
        }
    }
    if talk.json() {
        talk.print_json(&json!({"valid": true, "source": shown.to_string(), "notes": []}));
        return Ok(Exit::Done);
    }
    if talk.verbose() > 0 {
        talk.print(&format!("Configuration file {shown} has valid syntax\n"));
    }
    talk.print("Configuration is valid\n");
    Ok(Exit::Done)
}

/// What HAProxy has against a file, without its own name and number before each line; three lines at most.
fn alerts(said: &str) -> String {
    let alerts = said.lines().filter(|line| line.starts_with("[ALERT]"));
    let alerts = alerts.map(|line| line.split_once(": config : ").map_or(line, |(_, what)| what));
    let told: Vec<&str> = alerts.filter(|what| !what.starts_with("Fatal errors")).take(3).collect();
    if told.is_empty() { said.trim_end().to_owned() } else { told.join("\n") }
}
