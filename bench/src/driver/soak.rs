//! Ours for a long time at half of what its core can do, with callers who leave: does it grow, and does it give everything back?

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::contender::Contender;
use super::process::{Cpu, Process, Spent};
use super::report::thousands;
use super::rounds::Running;
use super::scenario::{self, Scenario};
use crate::load::{self, Mark, Plan};
use crate::say;

/// The share of callers who leave.
const HANG_UP: f64 = 0.1;
/// How long kept connections may stay when the load is over, and how long it may take to look a database through that has got some
/// gigabytes meanwhile.
const SETTLE: Duration = Duration::from_secs(600);
/// What one hour may add.
const SLOPE: f64 = 1024.0 * 1024.0;
/// Of so many samples, one a second, the least counts: what is taken for a moment, as for records that wait for the disk, is no growth.
const LEAST_OF: usize = 30;

impl Bench {
    /// Finds out how many such calls take a core, makes half of them, and tells how memory, descriptors and threads went.
    pub(super) fn soak(&self, minutes: u64) -> Result<ExitCode> {
        let ours = [self.ours()];
        let capacity = self.capacity(&ours)?;
        let scenario = scenario::steady((capacity / 2.0) as u64);
        let cast = self.cast(&scenario, &ours)?;
        let running = cast.running.first().context("ours does not run")?;
        let process = running.process.as_ref().context("ours does not run")?;
        std::thread::sleep(Duration::from_secs(2));
        let base = process.holdings();
        say::aside(&format!(
            "{} requests/s take a core; {minutes} minutes at half of it",
            thousands(capacity, 0)
        ));

        let before = cast.upstream.counts()?;
        let plan = self.with_leavers(&scenario, running, Duration::from_secs(minutes * 60));
        let began = Instant::now();
        let mut samples = Vec::new();
        let figures = load::run(&plan, &mut |mark| {
            if mark == Mark::Second {
                samples.push((began.elapsed().as_secs_f64(), process.memory() as f64));
                if samples.len().is_multiple_of(60) {
                    let now = samples.last().map_or(0.0, |(_, memory)| memory / 1e6);
                    say::aside(&format!("  {} minutes: {now:.1} MB", samples.len() / 60));
                }
            }
        })?;
        let after = cast.upstream.counts()?;
        // Pools and caches fill at first; what counts is whether it goes on.
        let later = &samples[samples.len() / 5..];
        let (of_all, slope) = (slope(later) * 3600.0, slope(&least(later)) * 3600.0);
        let settled = back_to(process, base);

        say::figures(&format!(
            "\nsoak: {minutes} minutes at {} requests/s: {} answered, {} callers left, {} failed; the upstream was asked {} times, {} of them left",
            thousands(capacity / 2.0, 0),
            thousands(figures.answers as f64, 0),
            thousands(figures.hung_up as f64, 0),
            figures.failures(),
            thousands((after.asked - before.asked) as f64, 0),
            thousands((after.left - before.left) as f64, 0),
        ));
        let memory = |sample: Option<&(f64, f64)>| sample.map_or(0.0, |(_, memory)| memory / 1e6);
        say::figures(&format!(
            "memory {:.1} MB at first, {:.1} MB after a fifth, {:.1} MB at the end: {:+.2} MiB an hour over the last four fifths by the least of each {LEAST_OF} s, {:+.2} by all",
            memory(samples.first()),
            memory(later.first()),
            memory(samples.last()),
            slope / SLOPE,
            of_all / SLOPE,
        ));
        let (descriptors, threads) = process.holdings();
        say::figures(&format!(
            "descriptors {} before, {descriptors} after; threads {} before, {threads} after{}",
            base.0,
            base.1,
            if settled { "" } else { ": not back to where they were" },
        ));
        for (why, count) in &figures.failures {
            say::figures(&format!("  failed {count} times: {why}"));
        }
        let good = figures.failures() == 0 && slope < SLOPE && settled;
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// How many such calls a second take one core. Calls that come one by one, of which some leave, cost more than the same
    /// number in a closed loop, so it is told by what they take at a rate that is well within what the closed loop makes.
    fn capacity(&self, ours: &[Contender]) -> Result<f64> {
        let closed = {
            let scenario = scenario::first();
            let cast = self.cast(&scenario, ours)?;
            let running = cast.running.first().context("ours does not run")?;
            let figures = load::run(&self.plan(&scenario, running), &mut |_| {})?;
            figures.answers as f64 / figures.seconds()
        };
        let scenario = scenario::steady((closed / 4.0) as u64);
        let cast = self.cast(&scenario, ours)?;
        let running = cast.running.first().context("ours does not run")?;
        let process = running.process.as_ref().context("ours does not run")?;
        let plan = self.with_leavers(&scenario, running, Duration::from_secs(self.options.seconds));
        let (mut before, mut spent) = (Cpu::default(), Spent::default());
        let figures = load::run(&plan, &mut |mark| match mark {
            Mark::Begin => before = process.cpu(),
            Mark::End => spent = process.cpu().since(&before),
            Mark::Second => {}
        })?;
        ensure!(figures.failures() == 0, "{} calls failed before the soak began", figures.failures());
        let calls = (figures.answers + figures.hung_up) as f64;
        Ok(calls / (spent.nanoseconds.max(1) as f64 / 1e9))
    }

    /// A load of which some leave before the upstream has answered.
    fn with_leavers(&self, scenario: &Scenario, running: &Running, measure: Duration) -> Plan {
        Plan {
            hang_up: HANG_UP,
            hang_up_within: Duration::from_micros(scenario.behaviour.delay_us),
            measure,
            ..self.plan(scenario, running)
        }
    }
}

/// Waits until descriptors and threads are no more than they were; kept connections may take their time.
fn back_to(process: &Process, base: (usize, usize)) -> bool {
    let began = Instant::now();
    while began.elapsed() < SETTLE {
        let now = process.holdings();
        if now.0 <= base.0 && now.1 <= base.1 {
            return true;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    false
}

/// The least of each so many samples.
fn least(samples: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let least = |some: &[(f64, f64)]| some.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
    samples.chunks(LEAST_OF).filter_map(least).collect()
}

/// The slope of a line through these points with the least squares, in y by x.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let x = points.iter().map(|point| point.0).sum::<f64>() / count;
    let y = points.iter().map(|point| point.1).sum::<f64>() / count;
    let covariance: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if variance == 0.0 { 0.0 } else { covariance / variance }
}

#[cfg(test)]
mod tests {
    use super::{LEAST_OF, least, slope};

    #[test]
    fn a_slope_is_that_of_the_line_through_the_points() {
        let line: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 5.0 + 2.0 * f64::from(x))).collect();
        assert!((slope(&line) - 2.0).abs() < 1e-9);
        assert!(slope(&[]).abs() < 1e-9);
    }

    #[test]
    fn what_is_taken_for_a_moment_is_no_growth_and_what_stays_is() {
        let second = |x: usize| (x as f64, if x % LEAST_OF < 20 { 60.0 + x as f64 } else { 1e6 });
        let samples: Vec<(f64, f64)> = (0..300).map(second).collect();
        assert!((slope(&least(&samples)) - 1.0).abs() < 1e-9);
    }
}
