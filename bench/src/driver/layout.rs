//! Which functions ours calls from its start to an answer, and in which order they had best lie in the program's file: those
//! that call each other side by side, and apart from the many that are hardly ever called (docs/adr/0027).
//!
//! Callgrind counts; what is written is a linker script of patterns, for names of functions hold a number of the build.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Bench, scenario};
use crate::load::{self, Pace, Plan};
use crate::say;

/// Plain answers, streams, and an upstream that encrypts.
const USES: [&str; 3] = ["S1", "S3", "S7"];
/// Under callgrind everything takes some fifty times as long.
const CONNECTIONS: usize = 8;
/// Fewer than this are no gateway that was asked.
const LEAST: usize = 1_000;
/// A name is written so far: what follows are types within types, and the linker reads each pattern many times.
const LONGEST: usize = 240;

impl Bench {
    /// Uses ours in several ways, and writes how it is best laid out.
    pub(super) fn layout(&self, file: &Path) -> Result<ExitCode> {
        let mut calls = Calls::default();
        for scenario in scenario::all().into_iter().filter(|scenario| USES.contains(&scenario.name)) {
            say::aside(&format!("{} under callgrind", scenario.name));
            let counts = self.folder.path().join(format!("{}.callgrind", scenario.name));
            let cast = self.cast(&scenario, &[self.ours().counted(&counts)])?;
            let running = cast.running.first().context("ours does not run")?;
            let pace = Pace::Closed { connections: CONNECTIONS, spread: Duration::from_millis(100) };
            let figures = load::run(&Plan { pace, ..self.plan(&scenario, running) }, &mut |_| {})?;
            ensure!(
                figures.answers > 0 && figures.failures() == 0,
                "{} answers and {} failures under callgrind",
                figures.answers,
                figures.failures()
            );
            // It writes its counts when it ends.
            drop(cast);
            let counts = fs::read_to_string(&counts).with_context(|| {
                format!("callgrind did not come to write {}: is valgrind there?", counts.display())
            })?;
            calls.read(&counts);
        }
        let names = calls.in_order(&self.options.binary);
        ensure!(
            names.len() > LEAST,
            "only {} functions have names: was the binary stripped, or laid out already?",
            names.len()
        );
        fs::write(file, script(&names)).with_context(|| format!("cannot write {}", file.display()))?;
        say::figures(&format!("{} functions, in {}", names.len(), file.display()));
        Ok(ExitCode::SUCCESS)
    }
}

/// A function: the file it lies in, and its name there.
type Function = (PathBuf, String);

/// Who called whom, by callgrind's own format (Valgrind's manual, "Callgrind Format Specification").
#[derive(Default)]
struct Calls {
    /// Instructions of each function, without those of whom it called.
    own: BTreeMap<Function, u64>,
    /// And of whom it called, with theirs.
    called: BTreeMap<Function, BTreeMap<Function, u64>>,
}

/// A file writes a name once, and its number from then on.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn read(&mut self, text: &str) -> String {
        let (number, name) = text.split_once(' ').unwrap_or((text, ""));
        if name.is_empty() {
            return self.0.get(number).cloned().unwrap_or_default();
        }
        self.0.insert(number.to_owned(), name.to_owned());
        name.to_owned()
    }
}

impl Calls {
    /// Adds what one run counted.
    fn read(&mut self, counts: &str) {
        let (mut files, mut names) = (Names::default(), Names::default());
        let (mut file, mut callee_file) = (PathBuf::new(), None);
        let (mut caller, mut callee) = (Function::default(), Function::default());
        // The line behind `calls=` is what the call cost.
        let mut costs_of_call = false;
        for line in counts.lines() {
            match line.split_once('=') {
                Some(("ob", of)) => file = PathBuf::from(files.read(of)),
                Some(("fn", of)) => caller = (file.clone(), names.read(of)),
                Some(("cob", of)) => callee_file = Some(PathBuf::from(files.read(of))),
                Some(("cfn", of)) => {
                    callee = (callee_file.take().unwrap_or_else(|| file.clone()), names.read(of));
                }
                Some(("calls", _)) => costs_of_call = true,
                Some(_) => {}
                None => {
                    let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
                    let Some(cost) =
                        cost.filter(|_| line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)))
                    else {
                        continue;
                    };
                    if std::mem::take(&mut costs_of_call) {
                        let callees = self.called.entry(caller.clone()).or_default();
                        *callees.entry(callee.clone()).or_default() += cost;
                    } else {
                        *self.own.entry(caller.clone()).or_default() += cost;
                    }
                }
            }
        }
    }

    /// The functions of this program, depth first: behind each those it called, the dearest of them first.
    fn in_order(&self, program: &Path) -> Vec<&str> {
        let whole = |function: &Function| {
            let called = self.called.get(function).into_iter().flat_map(BTreeMap::values);
            self.own.get(function).copied().unwrap_or_default() + called.sum::<u64>()
        };
        let callees: HashSet<&Function> = self.called.values().flat_map(BTreeMap::keys).collect();
        let mut waiting: Vec<&Function> = self.own.keys().collect();
        // The last one is the next: nobody called it, or it took most.
        waiting.sort_by_key(|function| (!callees.contains(function), whole(function)));
        let (mut seen, mut order) = (HashSet::new(), Vec::new());
        while let Some(function) = waiting.pop() {
            if !seen.insert(function) {
                continue;
            }
            if function.0 == program {
                order.push(function.1.as_str());
            }
            let mut next: Vec<_> = self.called.get(function).into_iter().flatten().collect();
            next.sort_by_key(|(_, cost)| **cost);
            waiting.extend(next.into_iter().map(|(function, _)| function));
        }
        order
    }
}

/// A name as a pattern that holds for other builds, too: without the numbers of crates (`Cs` in Rust's v0 mangling, RFC 2603),
/// of the TLS library's version, and of what a compiler made of a function (`.isra.0`). `None`: it is no function's name.
fn pattern(name: &str) -> Option<String> {
    // Callgrind counts a function that calls itself once for each depth.
    let name = name.split('\'').next().unwrap_or(name);
    let (name, made) = name.split_once('.').map_or((name, ""), |(name, _)| (name, ".*"));
    if let Some(versioned) = name.strip_prefix("aws_lc_") {
        let function = versioned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
        return Some(format!("aws_lc_*_{function}{made}"));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let mut pattern = String::new();
    let mut rest = name;
    while let Some(at) = rest.find("Cs") {
        let (before, from) = rest.split_at(at + 2);
        pattern.push_str(before);
        let number = from.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(from.len());
        // A number ends with `_`; whatever else has these letters is a word.
        rest = if from[number..].starts_with('_') && number > 6 {
            pattern.push('*');
            &from[number..]
        } else {
            from
        };
    }
    pattern.push_str(rest);
    if pattern.len() > LONGEST {
        pattern.truncate(LONGEST);
        pattern.push('*');
        return Some(pattern);
    }
    pattern.push_str(made);
    Some(pattern)
}

/// The linker script. It adds one section, and leaves the rest of the layout as it is.
fn script(names: &[&str]) -> String {
    let mut script = String::from(
        "/* Which functions lie first, and in which order: those that a gateway calls from its start to an answer.\n   \
         Made by `bash bench/run.sh --layout crates/openai-proxy/layout.ld` (docs/adr/0027). A name that is not there any more does no harm. */\n\
         SECTIONS\n{\n  .text.ready :\n  {\n",
    );
    let mut written = HashSet::new();
    for pattern in names.iter().filter_map(|name| pattern(name)) {
        if written.insert(pattern.clone()) {
            let _ = writeln!(script, "    *(.text.{pattern})");
        }
    }
    script.push_str("  }\n}\nINSERT BEFORE .text;\n");
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: &str = "version: 1\nevents: Ir\n\nob=(1) /bin/ours\nfl=(1) ???\nfn=(1) main\n0 5\ncfn=(2) _RNvCsgEmfK2I1SDS_4core4cold\n\
        calls=1 0\n0 7\ncob=(2) /lib/c\ncfn=(3) read\ncalls=2 0\n* 900\ncfn=(4) hot'2\ncalls=3 0\n0 100\n\nfn=(2)\n0 7\nfn=(4)\n0 100\n\
        ob=(2)\nfn=(3)\n0 900\n";

    #[test]
    fn behind_each_function_lie_those_it_calls_and_the_dearest_of_them_first() {
        let mut calls = Calls::default();
        calls.read(COUNTS);
        calls.read(COUNTS);
        let order = calls.in_order(Path::new("/bin/ours"));
        assert_eq!(order, ["main", "hot'2", "_RNvCsgEmfK2I1SDS_4core4cold"]);
        let script = script(&order);
        let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text}: {script}"));
        assert!(
            at("*(.text.main)") < at("*(.text.hot)")
                && at("*(.text.hot)") < at("*(.text._RNvCs*_4core4cold)")
        );
    }

    #[test]
    fn a_pattern_holds_for_other_builds_and_for_names_only() {
        let told = |name| pattern(name).unwrap_or_default();
        assert_eq!(told("_RNvMsa_NtCsgEmfK2I1SDS_4core3fmt.llvm.123"), "_RNvMsa_NtCs*_4core3fmt.*");
        assert_eq!(told("_RNvCs1_4core"), "_RNvCs1_4core");
        assert_eq!(told("sqlite3BtreeInsert"), "sqlite3BtreeInsert");
        assert_eq!(told("aws_lc_0_47_0_sha256_block.isra.0"), "aws_lc_*_sha256_block.*");
        assert_eq!(pattern("0x0000000000497000"), None);
        assert_eq!(pattern("(below main)"), None);
    }
}
