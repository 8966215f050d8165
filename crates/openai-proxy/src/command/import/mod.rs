//! `import`: another program's configuration becomes ours, with a report of what was carried over and what was not.

mod env;
mod haproxy;
mod output;
mod plan;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use output::Written;
use plan::Plan;
use report::Report;

/// Someone must decide first (a file is there already).
const CONFLICT: u8 = 5;

/// Turn another program's configuration into ours.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  openai-proxy import haproxy /etc/haproxy/conf.d/openai-proxy.cfg\n  openai-proxy import haproxy openai-proxy.cfg --output openai-proxy.yaml\n  openai-proxy import env config/env > openai-proxy.yaml\n\nThe configuration goes to standard output, the report to standard error.\nExit codes: 0 done, 1 failed, 2 wrong use, 5 the output file is there and differs."
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
}

#[derive(Args)]
struct Source {
    /// The file to read.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the configuration to this file and not to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the output file when it differs.
    #[arg(short, long)]
    yes: bool,
}

impl Import {
    pub(super) fn run(self) -> ExitCode {
        let (source, command, read): (_, _, fn(&str, &mut Report) -> Plan) = match self.from {
            From::Haproxy(source) => (source, "haproxy", haproxy::read),
            From::Env(source) => (source, "env", env::read),
        };
        let text = match std::fs::read(&source.file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(why) => {
                output::say(&format!("{} cannot be read: {why}.", source.file.display()));
                return ExitCode::FAILURE;
            }
        };
        let mut report = Report::new(&source.file);
        let plan = read(&text, &mut report);
        if plan.providers.is_empty() {
            output::say(&report.told());
            output::say("No server was found in it, so there is nothing to carry over.");
            return ExitCode::FAILURE;
        }
        let yaml = plan.yaml(&title(&source.file, command));
        report.refused = refused(&yaml, &plan);
        output::say(&report.told());
        deliver(&source, &yaml)
    }
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

fn deliver(source: &Source, yaml: &str) -> ExitCode {
    let Some(file) = &source.output else {
        output::print(yaml);
        return ExitCode::SUCCESS;
    };
    let shown = file.display();
    match output::write(file, yaml, source.yes) {
        Ok(Written::New) => {
            output::say(&format!("{shown} is written. Next: openai-proxy serve --config {shown}"))
        }
        Ok(Written::Same) => output::say(&format!("{shown} says this already; nothing changed.")),
        Ok(Written::Differs(difference)) => {
            output::say(&format!("{shown} is there and differs:\n{difference}Overwrite it with --yes."));
            return ExitCode::from(CONFLICT);
        }
        Err(why) => {
            output::say(&format!("{shown} cannot be written: {why}."));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
