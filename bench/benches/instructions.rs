//! How many instructions each step of the line takes, counted by callgrind, which no other program disturbs:
//! `cargo bench -p bench --bench instructions`. Where valgrind is missing it says so and counts nothing.
//!
//! It starts itself under valgrind, once without a step and once with many; the difference is the steps'.

mod table;

use std::io::{self, Write};
use std::process::Command;

use anyhow::{Context, Result};

/// So many steps are counted together.
const STEPS: u64 = 200;
/// What makes a started copy do one step's work: the step's name and how often.
const WORK: &str = "--work";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == WORK) {
        let times = arguments.get(at + 2).and_then(|times| times.parse().ok()).unwrap_or(0);
        return work(arguments.get(at + 1).map_or("", String::as_str), times);
    }
    let mut out = io::stdout().lock();
    for step in table::steps()? {
        let (Some(without), Some(with)) = (counted(step.name, 0), counted(step.name, STEPS)) else {
            writeln!(out, "Nothing is counted: valgrind does not run here (apt-get install valgrind).")?;
            break;
        };
        writeln!(out, "{:36} {:>9} instructions", step.name, with.saturating_sub(without) / STEPS)?;
    }
    Ok(())
}

fn work(name: &str, times: u64) -> Result<()> {
    let found = table::steps()?.into_iter().find(|step| step.name == name);
    let mut step = found.with_context(|| format!("there is no step `{name}`"))?;
    for _ in 0..times {
        (step.make)();
    }
    (step.clear)();
    Ok(())
}

/// The instructions of a copy of ourselves that does so many steps.
fn counted(name: &str, times: u64) -> Option<u64> {
    let ourselves = std::env::current_exe().ok()?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(ourselves);
    let output = valgrind.args([WORK, name, &times.to_string()]).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}
