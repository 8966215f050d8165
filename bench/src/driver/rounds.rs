//! Rounds: each contender has a window in turn, again and again, so that what changes on the machine changes for all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::authority::Authority;
use super::contender::{Contender, Place};
use super::machine::{Cores, busy};
use super::process::{Cpu, Process, own_nanoseconds};
use super::scenario::{Scenario, Unit};
use super::upstream::{Upstream, exchange};
use super::{Bench, free_port, local};
use crate::clock::SECOND;
use crate::load::figures::microseconds;
use crate::load::{self, Expect, Figures, Mark, Plan};
use crate::{chat, say};

/// The share of the cores that others may take in a window before it is measured again.
const DISTURBED: f64 = 0.05;

/// The figures of one window, by name.
pub(crate) type Window = BTreeMap<&'static str, f64>;

/// The windows of a scenario, by contender in the order of their turns.
#[derive(Default)]
pub(crate) struct Measured {
    /// Each contender's windows.
    pub(crate) rows: Vec<(String, Vec<Window>)>,
    /// How many windows were measured again.
    pub(crate) repeated: usize,
    /// Why calls failed, and how often.
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Measured {
    /// How many windows stand although others ran.
    pub(crate) fn disturbed(&self) -> usize {
        self.windows().filter(|window| window.get("foreign").is_some_and(|share| *share > DISTURBED)).count()
    }

    /// How many calls failed.
    pub(crate) fn failed(&self) -> f64 {
        self.windows().filter_map(|window| window.get("failed")).sum()
    }

    fn windows(&self) -> impl Iterator<Item = &Window> {
        self.rows.iter().flat_map(|(_, windows)| windows)
    }
}

/// A contender that runs, or the upstream itself.
pub(crate) struct Running {
    /// Who it is.
    pub(crate) contender: Contender,
    /// Its process; the upstream's is not its own.
    pub(crate) process: Option<Process>,
    /// Where it is asked.
    pub(crate) port: u16,
    /// From its start to its first answer.
    pub(crate) ready: Duration,
    folder: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It is stopped before its database is taken away, which would fill the disk by and by.
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The upstream and the contenders in front of it.
pub(crate) struct Cast {
    /// The upstream.
    pub(crate) upstream: Upstream,
    /// Whoever takes part.
    pub(crate) running: Vec<Running>,
}

impl Bench {
    /// Measures a scenario.
    pub(crate) fn measure(&self, scenario: &Scenario, contenders: &[Contender]) -> Result<Measured> {
        let cast = self.cast(scenario, contenders)?;
        let rows = cast.running.iter().map(|running| (running.contender.name.clone(), Vec::new())).collect();
        let mut measured = Measured { rows, repeated: 0, failures: BTreeMap::new() };
        for round in 1..=self.options.rounds {
            for (place, running) in cast.running.iter().enumerate() {
                say::aside(&format!("{} round {round}: {}", scenario.name, running.contender.name));
                let mut window = self.window_or_none(scenario, &cast, running, &mut measured)?;
                for _ in 0..self.options.again {
                    let foreign = window.get("foreign").copied().unwrap_or_default();
                    if foreign <= DISTURBED {
                        break;
                    }
                    say::aside(&format!("  others took {:.0} % of the cores: once more", foreign * 100.0));
                    measured.repeated += 1;
                    window = self.window_or_none(scenario, &cast, running, &mut measured)?;
                }
                measured.rows[place].1.push(window);
            }
        }
        Ok(measured)
    }

    /// Starts upstream and contenders, and sees that each answers as the upstream does.
    pub(crate) fn cast(&self, scenario: &Scenario, contenders: &[Contender]) -> Result<Cast> {
        let authority = if scenario.encrypted { Some(Authority::make(self.folder.path())?) } else { None };
        let upstream = Upstream::start(self.folder.path(), &self.stalls, authority.as_ref())?;
        let authority = authority.as_ref().map(|authority| authority.ca.as_path());
        let mut running = Vec::new();
        for contender in contenders {
            match self.put(contender, &upstream, authority) {
                Ok(put) => running.push(put),
                Err(error) if contender.is_peer() => say::aside(&format!("{error:#}")),
                Err(error) => return Err(error),
            }
        }
        upstream.behave(&scenario.behaviour)?;
        Ok(Cast { upstream, running })
    }

    /// Puts a contender in front of an upstream.
    fn put(&self, contender: &Contender, upstream: &Upstream, authority: Option<&Path>) -> Result<Running> {
        let port = if contender.is_direct() { upstream.port } else { free_port()? };
        let folder = self.folder.path().join(format!("{}-{port}", contender.name.replace(' ', "-")));
        let place = Place {
            folder: &folder,
            listen: port,
            upstream: upstream.port,
            authority,
            cores: self.cores_of(contender),
        };
        let mut process = contender.start(&place)?;
        let mut ready = Duration::ZERO;
        if let Some(process) = &mut process {
            ready = process.until(|| asked_by_hand(port).is_ok())?;
        }
        let answer = asked_by_hand(port).with_context(|| format!("{} does not answer", contender.name))?;
        ensure!(
            contender.is_peer() || answer == chat::answer(),
            "{} does not give the upstream's answer but {}",
            contender.name,
            String::from_utf8_lossy(&answer)
        );
        Ok(Running { contender: contender.clone(), process, port, ready, folder })
    }

    /// The load of a scenario on one contender.
    pub(crate) fn plan(&self, scenario: &Scenario, running: &Running) -> Plan {
        let expect = match (scenario.streams, running.contender.is_peer()) {
            (true, _) => Expect::Stream(scenario.behaviour.chunks),
            (false, false) => Expect::Answer(chat::answer()),
            (false, true) => Expect::AnyAnswer,
        };
        Plan {
            to: local(running.port),
            request: chat::request(&local(running.port).to_string(), scenario.body, scenario.streams),
            expect,
            pace: scenario.pace,
            most: 20_000,
            hang_up: 0.0,
            hang_up_within: Duration::ZERO,
            warm_up: Duration::from_millis(self.options.warm_up),
            measure: Duration::from_secs(self.options.seconds),
        }
    }

    /// One window; an empty one where a peer cannot do what is asked of it.
    fn window_or_none(
        &self,
        scenario: &Scenario,
        cast: &Cast,
        running: &Running,
        measured: &mut Measured,
    ) -> Result<Window> {
        let name = &running.contender.name;
        match self.window(scenario, cast, running) {
            Ok((window, failures)) => {
                for (why, count) in failures {
                    *measured.failures.entry(format!("{name}: {why}")).or_default() += count;
                }
                Ok(window)
            }
            Err(error) if running.contender.is_peer() => {
                *measured.failures.entry(format!("{name}: {error:#}")).or_default() += 1;
                Ok(Window::new())
            }
            Err(error) => Err(error),
        }
    }

    /// One window, and what failed in it.
    fn window(
        &self,
        scenario: &Scenario,
        cast: &Cast,
        running: &Running,
    ) -> Result<(Window, BTreeMap<String, u64>)> {
        let mut cores =
            Cores(self.cores_of(&running.contender).0.iter().chain(&self.stalls.0).copied().collect());
        cores.0.dedup();
        let mut states = Vec::new();
        let figures = load::run(&self.plan(scenario, running), &mut |mark| {
            if mark != Mark::Second {
                states.push(State::now(&cores, cast, running));
            }
        })?;
        let [before, after] = states.as_slice() else { return Ok((Window::new(), figures.failures)) };
        let mut window = window(scenario, &figures, before, after);
        let foreign = window.get("foreign").copied().unwrap_or_default() / cores.0.len() as f64;
        window.insert("foreign", foreign);
        Ok((window, figures.failures))
    }
}

/// What has been taken of the machine at an instant.
struct State {
    busy: u64,
    /// Of everybody we started, and ourselves.
    ours: Vec<Cpu>,
    own: u64,
    measured: Cpu,
    memory: u64,
}

impl State {
    fn now(cores: &Cores, cast: &Cast, running: &Running) -> Self {
        let processes = || cast.running.iter().filter_map(|running| running.process.as_ref());
        let measured = running.process.as_ref();
        Self {
            measured: measured.map(Process::cpu).unwrap_or_default(),
            busy: busy(cores),
            ours: processes().chain([&cast.upstream.process]).map(Process::cpu).collect(),
            own: own_nanoseconds(),
            memory: measured.map(Process::memory).unwrap_or_default(),
        }
    }
}

fn window(scenario: &Scenario, figures: &Figures, before: &State, after: &State) -> Window {
    let seconds = figures.seconds();
    let units = match scenario.unit {
        Unit::Request => figures.answers,
        Unit::Chunk => figures.chunks,
    } as f64;
    let spent = after.measured.since(&before.measured);
    let ours: u64 =
        after.ours.iter().zip(&before.ours).map(|(after, before)| after.since(before).nanoseconds).sum();
    let known = ours + after.own.saturating_sub(before.own);
    let foreign = (after.busy - before.busy).saturating_sub(known) as f64 / (seconds * SECOND as f64);
    let mut window = Window::from([
        ("units", units),
        ("seconds", seconds),
        ("rate", units / seconds),
        ("failed", figures.failures() as f64),
        ("foreign", foreign),
        ("p50", microseconds(&figures.latency, 0.5)),
        ("p99", microseconds(&figures.latency, 0.99)),
        ("first_p50", microseconds(&figures.first_byte, 0.5)),
        ("first_p99", microseconds(&figures.first_byte, 0.99)),
    ]);
    if scenario.unit == Unit::Chunk {
        window.insert("delay_p50", microseconds(&figures.delay, 0.5));
        window.insert("delay_p99", microseconds(&figures.delay, 0.99));
    }
    if after.memory > 0 {
        let cpu = spent.nanoseconds as f64 / 1_000.0 / units.max(1.0);
        window.insert("cpu", cpu);
        window.insert("cpu_user", cpu * spent.user);
        window.insert("memory", after.memory as f64 / 1e6);
    }
    window
}

/// One call by hand: the content of its answer.
pub(crate) fn asked_by_hand(port: u16) -> Result<Vec<u8>> {
    let request = chat::request(&local(port).to_string(), 1536, false);
    let request = String::from_utf8(request)?.replacen("Connection: keep-alive", "Connection: close", 1);
    exchange(local(port), request.as_bytes())
}
