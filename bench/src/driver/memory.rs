//! S4: what a contender holds in memory, idle and with slow streams; how soon it is ready; how large it is.

use std::time::Duration;

use anyhow::Result;

use super::contender::Contender;
use super::process::Process;
use super::report::{self, aligned, median, thousands};
use super::rounds::{Cast, Measured, Window};
use super::{Bench, Told, scenario};
use crate::load::figures::microseconds;
use crate::load::{self, Mark, Plan};
use crate::say;

/// How many slow streams are held.
const STREAMS: usize = 2_000;
/// How often a start is measured.
const STARTS: usize = 20;
/// How long a contender is left alone before it counts as idle.
const IDLE: Duration = Duration::from_secs(1);

impl Bench {
    /// Measures S4, and shows its table.
    pub(super) fn memory(&self) -> Result<Told> {
        let scenario = scenario::held(STREAMS, Duration::from_secs(1));
        let mut contenders = vec![Contender::haproxy(), Contender::nginx(), self.ours()];
        contenders.extend(self.spikes());
        for peer in &self.options.peers {
            contenders.push(Contender::peer(peer)?);
        }
        let mut measured = Measured::default();
        for contender in contenders {
            let mut starts = Vec::new();
            for start in 1..=STARTS {
                say::aside(&format!("S4 start {start} of {STARTS}: {}", contender.name));
                let cast = self.cast(&scenario, std::slice::from_ref(&contender))?;
                starts.extend(cast.running.iter().map(|running| running.ready.as_secs_f64() * 1e3));
            }
            say::aside(&format!("S4 {STREAMS} streams: {}", contender.name));
            let mut window = self.held(&scenario, &contender, &mut measured)?;
            window.insert("ready_ms", median(starts).unwrap_or_default());
            if let Some(size) = contender.binary_size() {
                window.insert("binary", size as f64);
            }
            measured.rows.push((contender.name, vec![window]));
        }
        say::figures(&table(&measured));
        Ok(Told { name: scenario.name, json: report::json(&scenario, &measured), measured })
    }

    /// Holds slow streams on one contender.
    fn held(
        &self,
        scenario: &scenario::Scenario,
        contender: &Contender,
        measured: &mut Measured,
    ) -> Result<Window> {
        let cast = self.cast(scenario, std::slice::from_ref(contender))?;
        let Some(running) = cast.running.first() else { return Ok(Window::new()) };
        std::thread::sleep(IDLE);
        let memory = |cast: &Cast| cast.running[0].process.as_ref().map_or(0, Process::memory) as f64;
        let idle = memory(&cast);
        let plan = Plan { warm_up: Duration::from_secs(2), ..self.plan(scenario, running) };
        let mut full = 0.0;
        let figures = load::run(&plan, &mut |mark| {
            if mark == Mark::End {
                full = memory(&cast);
            }
        })?;
        for (why, count) in &figures.failures {
            *measured.failures.entry(format!("{}: {why}", contender.name)).or_default() += count;
        }
        Ok(Window::from([
            ("idle", idle),
            ("full", full),
            ("open", figures.open as f64),
            ("per_stream", (full - idle) / (figures.open as f64).max(1.0)),
            ("delay_p50", microseconds(&figures.delay, 0.5)),
            ("failed", figures.failures() as f64),
        ]))
    }
}

fn table(measured: &Measured) -> String {
    let mut rows = vec![
        [
            "",
            "idle MB",
            "MB with streams",
            "KB/stream",
            "streams",
            "delay p50 µs",
            "ready ms",
            "binary MB",
            "failed",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for (name, windows) in &measured.rows {
        let figure = |figure: &str, unit: f64, decimals| {
            let found = windows.first().and_then(|window| window.get(figure));
            found.map_or("-".to_owned(), |value| thousands(value / unit, decimals))
        };
        rows.push(vec![
            name.clone(),
            figure("idle", 1e6, 1),
            figure("full", 1e6, 1),
            figure("per_stream", 1e3, 1),
            figure("open", 1.0, 0),
            figure("delay_p50", 1.0, 0),
            figure("ready_ms", 1.0, 1),
            figure("binary", 1e6, 1),
            figure("failed", 1.0, 0),
        ]);
    }
    let title = format!(
        "S4: idle, {STREAMS} slow streams with a chunk a second each, start to first answer (median of {STARTS})"
    );
    format!("\n{title}\n{}", aligned(&rows))
}
