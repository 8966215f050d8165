//! The driver: starts upstream and contenders, measures them in turn, and tells what came of it.

mod authority;
mod contender;
mod hold;
mod layout;
mod machine;
mod memory;
mod options;
mod process;
mod report;
mod rounds;
mod scenario;
mod soak;
mod upstream;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::say;
use contender::Contender;
use contender::duties::Duty;
use machine::Cores;
pub(crate) use options::Options;
use rounds::Measured;
use scenario::Scenario;

/// All that a run needs.
struct Bench {
    options: Options,
    folder: TempDir,
    /// The contender's core.
    stage: Cores,
    /// The core of load and upstream.
    stalls: Cores,
    /// The cores of a contender with two workers. Where there are but two, the load shares one of them.
    wide: Cores,
    duties: Vec<&'static Duty>,
}

/// A scenario that was measured and shown.
struct Told {
    name: &'static str,
    json: Value,
    measured: Measured,
}

/// Measures what was asked for.
pub(crate) fn run(mut options: Options) -> Result<ExitCode> {
    options.settle()?;
    let available = Cores::available()?;
    let (stage, stalls) = (Cores(vec![available.0[0]]), Cores(vec![available.0[1]]));
    let wide = Cores(vec![available.0[0], available.0.get(2).copied().unwrap_or(available.0[1])]);
    stalls.take()?;
    let folder = tempfile::Builder::new().prefix("openai-proxy-bench-").tempdir()?;
    let (duties, unknown) = contender::known_duties(&options.binary, &folder.path().join("duties"))?;

    let machine = machine::describe(&options.binary);
    for (name, value) in machine.as_object().into_iter().flatten() {
        say::figures(&format!("{name}: {}", value.as_str().unwrap_or_default()));
    }
    say::figures(&format!(
        "cores: contender on {:?} (two workers on {:?}), load and upstream on {:?}",
        stage.0, wide.0, stalls.0
    ));
    let names: Vec<&str> = duties.iter().map(|duty| duty.name).collect();
    say::figures(&format!("ours does: {}", names.join(", ")));
    if !unknown.is_empty() {
        say::figures(&format!("this build cannot be given: {}", unknown.join(", ")));
    }

    let bench = Bench { options, folder, stage, stalls, wide, duties };
    if let Some(streams) = bench.options.hold {
        return bench.hold(streams);
    }
    if let Some(minutes) = bench.options.soak {
        return bench.soak(minutes);
    }
    if let Some(file) = &bench.options.layout {
        return bench.layout(file);
    }
    let all = if bench.options.duties { bench.duty_by_duty()? } else { bench.side_by_side()? };
    bench.end(machine, &all)
}

impl Bench {
    /// All scenarios that were asked for.
    fn side_by_side(&self) -> Result<Vec<Told>> {
        let mut all = Vec::new();
        for scenario in scenario::all().into_iter().filter(|scenario| self.options.wants(scenario.name)) {
            all.push(self.tell(&scenario, &self.contenders(&scenario)?)?);
        }
        if self.options.wants("S8") {
            let (haproxy, ours) = (Contender::haproxy(), self.ours());
            let contenders = [1, 2].map(|workers| haproxy.with_workers(workers)).into_iter();
            let contenders = contenders.chain([1, 2].map(|workers| ours.with_workers(workers)));
            all.push(self.tell(&scenario::workers(), &contenders.collect::<Vec<_>>())?);
        }
        if self.options.wants("S4") {
            all.push(self.memory()?);
        }
        Ok(all)
    }

    /// Ours with nothing, with each duty alone, and with all.
    fn duty_by_duty(&self) -> Result<Vec<Told>> {
        let ours = |name: &str, duties: &[&'static Duty]| Contender::ours(name, &self.options.binary, duties);
        let mut contenders = vec![Contender::haproxy(), ours("nothing", &[])];
        contenders.extend(self.duties.iter().map(|duty| ours(&format!("+ {}", duty.name), &[duty])));
        contenders.push(ours("all", &self.duties));
        scenario::duties().iter().map(|scenario| self.tell(scenario, &contenders)).collect()
    }

    /// Measures a scenario, and shows its table.
    fn tell(&self, scenario: &Scenario, contenders: &[Contender]) -> Result<Told> {
        let measured = self.measure(scenario, contenders)?;
        say::figures(&report::table(scenario, &measured));
        Ok(Told { name: scenario.name, json: report::json(scenario, &measured), measured })
    }

    /// Who takes part in a scenario.
    fn contenders(&self, scenario: &Scenario) -> Result<Vec<Contender>> {
        let mut contenders = vec![Contender::direct(), Contender::haproxy()];
        if scenario.with_seed {
            contenders.push(Contender::haproxy_seed());
        }
        contenders.push(Contender::nginx());
        contenders.push(self.ours());
        // It does not encrypt.
        if !scenario.encrypted {
            contenders.extend(self.spikes());
        }
        for peer in &self.options.peers {
            contenders.push(Contender::peer(peer)?);
        }
        // The load does not encrypt, so it cannot ask an upstream that does; how a peer is to trust one nobody knows.
        contenders.retain(|contender| !scenario.encrypted || !(contender.is_direct() || contender.is_peer()));
        Ok(contenders)
    }

    /// The lean path, if it was asked for.
    fn spikes(&self) -> impl Iterator<Item = Contender> {
        [false, true].into_iter().filter(|_| self.options.spike).map(Contender::spike)
    }

    /// Ours, with all its duties.
    fn ours(&self) -> Contender {
        Contender::ours("openai-proxy", &self.options.binary, &self.duties)
    }

    /// The cores a contender may use.
    fn cores_of(&self, contender: &Contender) -> &Cores {
        if contender.workers > 1 { &self.wide } else { &self.stage }
    }

    /// Writes the raw figures, and judges the run.
    fn end(&self, machine: Value, all: &[Told]) -> Result<ExitCode> {
        let scenarios: BTreeMap<&str, &Value> = all.iter().map(|told| (told.name, &told.json)).collect();
        if let Some(file) = &self.options.json {
            let duties: Vec<&str> = self.duties.iter().map(|duty| duty.name).collect();
            let written = json!({
                "machine": machine, "duties": duties, "rounds": self.options.rounds,
                "seconds": self.options.seconds, "scenarios": scenarios,
            });
            std::fs::write(file, format!("{written:#}\n"))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        let measured = || all.iter().map(|told| &told.measured);
        let again: usize = measured().map(|measured| measured.repeated).sum();
        let disturbed: usize = measured().map(Measured::disturbed).sum();
        if again + disturbed > 0 {
            say::figures(&format!(
                "\nOther programs ran: {again} windows were measured again; {disturbed} stand although they were disturbed."
            ));
        }
        let failed: f64 = measured().map(Measured::failed).sum();
        if failed > 0.0 {
            say::figures(&format!(
                "\n{failed} calls failed: the figures of those rows are not worth reading."
            ));
        }
        Ok(if failed > 0.0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// A port nobody listens on.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(local(0))?.local_addr()?.port())
}

/// This port of this computer.
fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
