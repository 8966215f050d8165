//! `import`: another program's configuration becomes ours, with a report of what was carried over and what was not.

mod azure_proxy;
mod env;
mod haproxy;
mod keys;
mod litellm;
mod made;
mod plan;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::output;
use crate::exit::{Exit, Failure, Outcome};
use crate::given;
use crate::report::Report;
use crate::talk::Talk;
use plan::Plan;

/// Turn another program's configuration into ours.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  openai-proxy import haproxy /etc/haproxy/conf.d/openai-proxy.cfg\n  openai-proxy import haproxy openai-proxy.cfg --output openai-proxy.yaml\n  openai-proxy import env config/env > openai-proxy.yaml\n  openai-proxy import azure-proxy /config --output openai-proxy.yaml\n  openai-proxy import litellm config.yaml --output openai-proxy.yaml\n\nThe configuration goes to standard output, the report to standard error.\nExit codes: 0 done, 1 failed, 2 wrong use, 5 the output file is there and differs."
)]
pub(super) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Subcommand)]
enum From {
    /// A haproxy.cfg: binds, path rules, backends and their servers.
    Haproxy(Source),
    /// The environment file of the older template: PORT and `BACKEND_*`.
    Env(Source),
    /// The older Azure proxy: base.yaml and what is beside it, its state file, its database.
    AzureProxy(Installation),
    /// LiteLLM's config.yaml: models, accounts, routing.
    Litellm(Source),
}

#[derive(Args)]
struct Installation {
    /// Its folder, or single files of it. Without any: where it would look itself.
    #[arg(value_name = "FOLDER|FILE")]
    paths: Vec<PathBuf>,
    /// Which file beside base.yaml counts; without it ENVIRONMENT says so.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Write the configuration to this file, and keys into a .env (0600) beside it.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
struct Source {
    /// The file to read.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the configuration to this file and not to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let (source, kind): (_, Kind) = match self.from {
            From::Haproxy(source) => (source, Kind::Haproxy),
            From::Env(source) => (source, Kind::Env),
            From::AzureProxy(Installation { paths, environment, output }) => {
                let made = azure_proxy::read(&paths, &given::environment(), environment)?;
                return made.deliver(talk, output.as_deref());
            }
            From::Litellm(source) => {
                return litellm::read(&source.file)?.deliver(talk, source.output.as_deref());
            }
        };
        let yaml = convert(talk, kind, &source.file)?;
        match &source.output {
            None => {
                talk.print(&yaml);
                Ok(Exit::Done)
            }
            Some(file) => {
                output::deliver(talk, file, &yaml, &format!("openai-proxy serve --config {}", file.display()))
            }
        }
    }
}

/// Another program's configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Kind {
    /// A haproxy.cfg.
    Haproxy,
    /// The environment file of the older template.
    Env,
}

/// Reads it, tells the report, and returns our YAML.
///
/// # Errors
/// When it cannot be read, or leads nowhere.
pub(super) fn convert(talk: &Talk, kind: Kind, file: &Path) -> Result<String, Failure> {
    let (command, read): (_, fn(&str, &mut Report) -> Plan) = match kind {
        Kind::Haproxy => ("haproxy", haproxy::read),
        Kind::Env => ("env", env::read),
    };
    let bytes = std::fs::read(file)
        .map_err(|why| Failure::new(Exit::Failed, format!("{} cannot be read: {why}.", file.display())))?;
    let mut report = Report::new(file);
    let plan = read(&String::from_utf8_lossy(&bytes), &mut report);
    if plan.providers.is_empty() {
        talk.say(&report.told());
        return Err(Failure::new(
            Exit::Failed,
            "No server was found in it, so there is nothing to carry over.",
        ));
    }
    let yaml = plan.yaml(&title(file, command));
    report.refused = refused(&yaml, &plan);
    talk.say(&report.told());
    Ok(yaml)
}

fn title(file: &Path, command: &str) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    format!("Made from {name} by `openai-proxy import {command}`.")
}

/// What our own reader says about the result, with something in place of the variables it will find later.
fn refused(yaml: &str, plan: &Plan) -> Option<String> {
    let filled = plan.variables().into_iter().map(|name| (name, "localhost".to_owned()));
    config::parse(yaml, &filled.collect::<BTreeMap<_, _>>()).err().map(|problems| problems.to_string())
}
