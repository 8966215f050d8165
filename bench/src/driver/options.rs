//! What can be asked of a run.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

/// Every scenario, by its name in the table.
const SCENARIOS: &[&str] = &["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8"];

/// What is measured, and how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The gateway that is measured
    #[arg(long, default_value = "target/release/openai-proxy")]
    pub(crate) binary: PathBuf,
    /// How often each contender has its turn
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Seconds of a window
    #[arg(long, default_value_t = 5)]
    pub(crate) seconds: u64,
    /// Milliseconds of load before each window
    #[arg(long, default_value_t = 500)]
    pub(crate) warm_up: u64,
    /// How often a window in which other programs ran is measured again, before it stands
    #[arg(long, default_value_t = 4)]
    pub(crate) again: usize,
    /// These scenarios alone: S1,S3
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Ours with one duty at a time instead, in S1 and S3
    #[arg(long, conflicts_with_all = ["only", "hold", "soak"])]
    pub(crate) duties: bool,
    /// So many slow streams held by ours instead: 10000
    #[arg(long, value_name = "STREAMS", conflicts_with_all = ["only", "soak"])]
    pub(crate) hold: Option<usize>,
    /// Ours at half of what a core does for so long instead, with callers who leave; does it grow?
    #[arg(long, value_name = "MINUTES", conflicts_with = "only")]
    pub(crate) soak: Option<u64>,
    /// Write instead in which order ours lies best in its file, from what it calls; needs its symbols, and valgrind
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "hold", "soak", "duties"])]
    pub(crate) layout: Option<PathBuf>,
    /// One more contender, any command line with @LISTEN@ and @UPSTREAM@ in the places of the ports
    #[arg(long = "peer", value_name = "NAME=COMMAND")]
    pub(crate) peers: Vec<String>,
    /// The spike as well, with its duties and without (docs/adr/0026)
    #[arg(long)]
    pub(crate) spike: bool,
    /// Write the raw figures of every round there
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// Makes sure that what was asked for makes sense.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let binary = self.binary.display().to_string();
        self.binary = self
            .binary
            .canonicalize()
            .with_context(|| format!("there is no {binary} (cargo build --release)"))?;
        ensure!(self.rounds > 0 && self.seconds > 0, "--rounds and --seconds are to be 1 or more");
        for name in &mut self.only {
            *name = name.to_ascii_uppercase();
            ensure!(
                SCENARIOS.contains(&name.as_str()),
                "there is no scenario {name}: {}",
                SCENARIOS.join(", ")
            );
        }
        Ok(())
    }

    /// Is this scenario asked for?
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}
