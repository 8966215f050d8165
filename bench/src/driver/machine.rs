//! The machine: its cores, who has them, and what it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::{Value, json};

/// A tick of /proc/stat in nanoseconds: Linux shows hundredths of a second everywhere.
const TICK: u64 = 10_000_000;

/// Cores, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cores(pub(crate) Vec<usize>);

impl Cores {
    /// The cores we may use.
    pub(crate) fn available() -> Result<Self> {
        let set = sched_getaffinity(None).context("cannot see which cores there are")?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect();
        ensure!(cores.len() >= 2, "two cores are needed: one for the contender, one for load and upstream");
        Ok(Self(cores))
    }

    /// From here on this thread, and what it starts, runs there.
    pub(crate) fn take(&self) -> Result<()> {
        let mut set = CpuSet::new();
        for core in &self.0 {
            set.set(*core);
        }
        sched_setaffinity(None, &set).context("cannot choose a core")
    }
}

/// Does something on these cores, and comes back.
pub(crate) fn on<T>(cores: &Cores, work: impl FnOnce() -> T) -> Result<T> {
    let before = sched_getaffinity(None)?;
    cores.take()?;
    let done = work();
    sched_setaffinity(None, &before)?;
    Ok(done)
}

/// Nanoseconds these cores were not idle since the machine started, stolen time included.
pub(crate) fn busy(cores: &Cores) -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let mut ticks = 0;
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let core = fields.next().and_then(|name| name.strip_prefix("cpu")).and_then(|core| core.parse().ok());
        if core.is_none_or(|core: usize| !cores.0.contains(&core)) {
            continue;
        }
        // user nice system idle iowait irq softirq steal; guests' time is within user.
        let times: Vec<u64> = fields.take(8).filter_map(|field| field.parse().ok()).collect();
        ticks += times
            .iter()
            .enumerate()
            .filter(|(place, _)| !matches!(place, 3 | 4))
            .map(|(_, time)| time)
            .sum::<u64>();
    }
    ticks * TICK
}

/// What the machine is, for whoever reads the figures elsewhere.
pub(crate) fn describe(binary: &Path) -> Value {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory: u64 =
        memory.split_ascii_whitespace().nth(1).and_then(|size| size.parse().ok()).unwrap_or_default();
    let binary = binary.display().to_string();
    json!({
        "when": first_line("date", &["-u", "+%Y-%m-%d %H:%M:%S UTC"]),
        "processors": format!("{count} x {}", model.map_or("?", |(_, name)| name)),
        "memory": format!("{:.1} GB", memory as f64 / 1e6),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "haproxy": first_line("haproxy", &["-v"]),
        "nginx": first_line("nginx", &["-v"]),
        "openai-proxy": first_line(&binary, &["--version"]),
        "tree": first_line("git", &["describe", "--always", "--dirty"]),
        "load before": fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
    })
}

/// The first line a program says.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else { return "not there".to_owned() };
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().unwrap_or("?").trim().to_owned()
}
