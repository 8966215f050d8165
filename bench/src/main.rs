//! The bench: measures the gateway beside HAProxy, nginx and whoever else is named. bench/README.md says how to read it.

mod chat;
mod clock;
mod command;
mod dice;
mod driver;
mod engine;
mod load;
mod mock;
mod say;
mod spike;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match command::Bench::parse().run() {
        Ok(code) => code,
        Err(error) => {
            say::aside(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
