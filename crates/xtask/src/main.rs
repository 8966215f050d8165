//! `cargo xtask <verb>`: the command line of the workshop.
#![expect(clippy::print_stdout, reason = "a command line tool: its output is its result")]
#![expect(clippy::print_stderr, reason = "complaints about the command line itself belong on stderr")]

use std::path::Path;
use std::process::ExitCode;

use xtask::{licenses, tidy};

const USAGE: &str = "usage: cargo xtask tidy [--report]
       cargo xtask licenses

  tidy            check the walls of the house; exit 1 if one is broken
  tidy --report   show the sizes of files and the longest functions; fails nothing
  licenses        write anew which foreign code is in the binary, and its licences";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The crate lies at <root>/crates/xtask, wherever the command was typed.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match words.as_slice() {
        ["tidy"] => walls(&root),
        ["licenses"] => licenses(&root),
        ["tidy", "--report"] => {
            print!("{}", tidy::report(&root));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Writes the list of foreign code.
fn licenses(root: &Path) -> ExitCode {
    let place = root.join(licenses::PLACE);
    let written = licenses::page(root).and_then(|page| {
        std::fs::write(&place, page).map_err(|error| format!("{}: {error}", place.display()))
    });
    match written {
        Ok(()) => {
            println!("{} is written", licenses::PLACE);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("licenses: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every broken wall on a line of its own, then how many there are.
fn walls(root: &Path) -> ExitCode {
    let violations = tidy::check(root);
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => {
            println!("tidy: all walls stand");
            ExitCode::SUCCESS
        }
        1 => {
            println!("tidy: 1 violation");
            ExitCode::FAILURE
        }
        n => {
            println!("tidy: {n} violations");
            ExitCode::FAILURE
        }
    }
}
