//! Many slow streams held by ours, of which none may fail.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use super::process::Process;
use super::report::thousands;
use super::{Bench, scenario};
use crate::load::figures::microseconds;
use crate::load::{self, Mark, Plan};
use crate::say;

/// So many streams begin in a second.
const A_SECOND: usize = 2_000;

impl Bench {
    /// Opens the streams one after the other, holds them for the length of a window, and tells what became of them.
    pub(super) fn hold(&self, streams: usize) -> Result<ExitCode> {
        let opening = Duration::from_millis((streams * 1_000 / A_SECOND) as u64);
        let scenario = scenario::held(streams, opening);
        let cast = self.cast(&scenario, &[self.ours()])?;
        let Some(running) = cast.running.first() else { return Ok(ExitCode::FAILURE) };
        let memory = || running.process.as_ref().map_or(0, Process::memory) as f64;
        let idle = memory();
        let before = cast.upstream.counts()?;
        // What fails while the streams are opened counts as well, so nothing is a warm-up.
        let plan = Plan {
            warm_up: Duration::ZERO,
            measure: opening + Duration::from_secs(1 + self.options.seconds),
            ..self.plan(&scenario, running)
        };
        let mut full = 0.0;
        let figures = load::run(&plan, &mut |mark| {
            if mark == Mark::End {
                full = memory();
            }
        })?;
        let after = cast.upstream.counts()?;
        let failed = figures.failures();
        let open = figures.open;
        say::figures(&format!(
            "\n{} of {} streams held, {} failed; upstream was asked {} times, and {} chunks came of its {}",
            thousands(open as f64, 0),
            thousands(streams as f64, 0),
            failed,
            thousands((after.asked - before.asked) as f64, 0),
            thousands(figures.chunks as f64, 0),
            thousands((after.chunks - before.chunks) as f64, 0),
        ));
        say::figures(&format!(
            "{} MB idle, {} MB with them, {} KB each; chunk delay p50 {} µs, p99 {} µs",
            thousands(idle / 1e6, 1),
            thousands(full / 1e6, 1),
            thousands((full - idle) / 1e3 / (open as f64).max(1.0), 1),
            thousands(microseconds(&figures.delay, 0.5), 0),
            thousands(microseconds(&figures.delay, 0.99), 0),
        ));
        for (why, count) in &figures.failures {
            say::figures(&format!("  failed {count} times: {why}"));
        }
        Ok(if failed == 0 && open == streams as u64 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
