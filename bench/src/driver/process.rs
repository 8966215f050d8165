//! A server we started and will stop, and what it takes of the machine.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::machine::{Cores, on};

/// How long a process may take to answer.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is made to.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A server, stopped when it is dropped.
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
    started: Instant,
}

/// What a process tree took so far, in nanoseconds by thread; and how the kernel parts it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu {
    threads: HashMap<(i32, i32), u64>,
    user: u64,
    system: u64,
}

/// What it took within a window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// Nanoseconds of all threads.
    pub(crate) nanoseconds: u64,
    /// The share of it in the program itself, the rest being the kernel's.
    pub(crate) user: f64,
}

impl Process {
    /// Starts a program on these cores, with a home folder of its own and nothing of our environment.
    pub(crate) fn start(name: &str, command: &[String], cores: &Cores, home: &Path) -> Result<Self> {
        fs::create_dir_all(home)?;
        let log = home.join("output.log");
        let sink = File::create(&log)?;
        // The kernel stops it when we are gone, however we went.
        let mut program = Command::new("setpriv");
        program.args(["--pdeathsig", "TERM", "--"]).args(command);
        program.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
        program.env("HOME", home).env("LANG", "C.UTF-8").current_dir(home);
        program.stdin(Stdio::null()).stdout(sink.try_clone()?).stderr(sink);
        let (started, child) = on(cores, || (Instant::now(), program.spawn()))?;
        let child = child.with_context(|| format!("cannot start {name}: {}", command.join(" ")))?;
        Ok(Self { child, name: name.to_owned(), log, started })
    }

    /// How long it took from the start until this came true.
    pub(crate) fn until(&mut self, mut ready: impl FnMut() -> bool) -> Result<Duration> {
        while self.started.elapsed() < READY_LIMIT {
            if ready() {
                return Ok(self.started.elapsed());
            }
            if self.child.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(12).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!("{} did not become ready. It said:\n{}", self.name, last.join("\n"))
    }

    /// What it took of the processors so far.
    pub(crate) fn cpu(&self) -> Cpu {
        let mut cpu = Cpu::default();
        for pid in self.tree() {
            for thread in numbers_in(&format!("/proc/{pid}/task")) {
                // A thread may end while we look.
                let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")) else {
                    continue;
                };
                let ran = text.split(' ').next().and_then(|ran| ran.parse().ok()).unwrap_or_default();
                cpu.threads.insert((pid, thread), ran);
            }
            if let Some(stat) = stat(pid) {
                cpu.user += stat.first().copied().unwrap_or_default();
                cpu.system += stat.get(1).copied().unwrap_or_default();
            }
        }
        cpu
    }

    /// What it holds in memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.tree().into_iter().map(resident).sum()
    }

    /// How many descriptors and threads it has.
    pub(crate) fn holdings(&self) -> (usize, usize) {
        let count = |what: &str| {
            self.tree().iter().map(|pid| numbers_in(&format!("/proc/{pid}/{what}")).len()).sum::<usize>()
        };
        (count("fd"), count("task"))
    }

    fn tree(&self) -> Vec<i32> {
        let mut found = vec![self.child.id().cast_signed()];
        let mut at = 0;
        while let Some(pid) = found.get(at).copied() {
            for thread in numbers_in(&format!("/proc/{pid}/task")) {
                let children =
                    fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
                found.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()));
            }
            at += 1;
        }
        found
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < STOP_LIMIT {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cpu {
    /// What was taken since then. A thread that ended in between is left out with what it took last.
    pub(crate) fn since(&self, before: &Self) -> Spent {
        let taken = |(thread, ran): (&(i32, i32), &u64)| {
            ran.saturating_sub(before.threads.get(thread).copied().unwrap_or_default())
        };
        let (user, system) =
            (self.user.saturating_sub(before.user), self.system.saturating_sub(before.system));
        let user = user as f64 / (user + system).max(1) as f64;
        Spent { nanoseconds: self.threads.iter().map(taken).sum(), user }
    }
}

/// What this process itself took so far.
pub(crate) fn own_nanoseconds() -> u64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ran| ran.parse().ok()).unwrap_or_default()
}

/// User and system time of a process, in ticks of the kernel.
fn stat(pid: i32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = text.rsplit_once(')')?;
    Some(
        behind_name
            .split_ascii_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse().ok())
            .collect(),
    )
}

fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()).and_then(|size| size.parse::<u64>().ok()).unwrap_or(0)
        * 1024
}

/// The entries of a folder that are numbers.
fn numbers_in(folder: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
