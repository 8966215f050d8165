//! The command line. The match below is the table of contents.

mod import;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// One binary between every program that speaks an AI API and every place that answers.
#[derive(Parser)]
#[command(
    name = "openai-proxy",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  openai-proxy serve                                  keys from the environment, or the built-in mock\n  openai-proxy serve --config openai-proxy.yaml       a file\n  openai-proxy serve --listen 127.0.0.1:8080          another door\n\nExit codes: 0 done, 1 failed, 2 wrong use, 78 configuration refused."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway in the foreground.
    Serve(serve::Serve),
    /// Turn another program's configuration into ours.
    Import(import::Import),
}

/// Configuration refused (sysexits EX_CONFIG); lets a service manager stop a crash loop.
const REFUSED: u8 = 78;

/// Runs the program.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Import(import) => import.run(),
    }
}
