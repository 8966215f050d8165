//! The command line: `bench run`, and upstream and load for use by hand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::load::figures::microseconds;
use crate::load::{self, Expect, Pace, Plan};
use crate::mock::{Behaviour, Mock};
use crate::spike::SpikeOptions;
use crate::{chat, driver, say};

/// Measures the gateway beside HAProxy and nginx. bench/README.md says how to read it.
#[derive(Parser)]
#[command(name = "bench")]
pub(crate) struct Bench {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Start upstream and contenders, measure, print the table
    Run(Box<driver::Options>),
    /// An upstream that answers chats until it is stopped
    Mock(MockOptions),
    /// A load on any address, and what came of it
    Load(LoadOptions),
    /// What a lean path would cost (docs/adr/0026): no part of the product
    Spike(SpikeOptions),
}

#[derive(Args)]
struct MockOptions {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:2100")]
    listen: SocketAddr,
    /// How it behaves at first: delay_us, chunks, pace_us, broken, busy, cut
    #[arg(long, default_value = "", value_name = "QUERY")]
    behave: String,
    /// Its certificates, PEM; then it encrypts
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// The key of the first certificate, PEM
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
}

#[derive(Args)]
struct LoadOptions {
    /// Who is asked
    #[arg(long, default_value = "127.0.0.1:2020")]
    to: SocketAddr,
    /// Connections, each asking again when it is answered
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Calls a second instead, whatever becomes of those before
    #[arg(long)]
    rate: Option<u64>,
    /// Seconds that are counted
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Bytes of a request's body
    #[arg(long, default_value_t = 1536)]
    body: usize,
    /// Ask for streams, of so many chunks
    #[arg(long, value_name = "CHUNKS")]
    streams: Option<u64>,
    /// The share of callers who leave early
    #[arg(long, default_value_t = 0.0)]
    hang_up: f64,
}

impl Bench {
    /// Does what was asked for.
    pub(crate) fn run(self) -> Result<ExitCode> {
        raise_limits();
        match self.part {
            Part::Run(options) => driver::run(*options),
            Part::Mock(options) => options.run(),
            Part::Load(options) => options.run(),
            Part::Spike(options) => options.run(),
        }
    }
}

/// How many files may be open: 10,000 streams are 20,000 sockets in a contender.
const OPEN_FILES: u64 = 65_536;

/// Raises how many files may be open, as far as this user may. Programs we start inherit it.
fn raise_limits() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let wanted = Rlimit { current: Some(OPEN_FILES), maximum: maximum.map(|most| most.max(OPEN_FILES)) };
    // Where it cannot be raised, whoever opens too much says so.
    if setrlimit(Resource::Nofile, wanted).is_err() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

impl MockOptions {
    fn run(self) -> Result<ExitCode> {
        let tls = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let unreadable = || format!("cannot read {} or {}", cert.display(), key.display());
                let certs: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
                    .with_context(unreadable)?
                    .collect::<Result<_, _>>()?;
                let key = PrivateKeyDer::from_pem_file(key).with_context(unreadable)?;
                Some(ServerConfig::builder().with_no_client_auth().with_single_cert(certs, key)?)
            }
            _ => None,
        };
        let mock = Mock::new(self.listen, Behaviour::read(&self.behave)?, tls)?;
        say::aside(&format!("an upstream listens on {}", mock.address()?));
        mock.run()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl LoadOptions {
    fn run(self) -> Result<ExitCode> {
        let pace = match self.rate {
            Some(per_second) => Pace::Open { per_second },
            None => Pace::Closed { connections: self.connections, spread: Duration::from_millis(10) },
        };
        let plan = Plan {
            to: self.to,
            request: chat::request(&self.to.to_string(), self.body, self.streams.is_some()),
            expect: self.streams.map_or(Expect::AnyAnswer, Expect::Stream),
            pace,
            most: 20_000,
            hang_up: self.hang_up,
            hang_up_within: Duration::from_millis(5),
            warm_up: Duration::from_millis(500),
            measure: Duration::from_secs(self.seconds),
        };
        let figures = load::run(&plan, &mut |_| {})?;
        let quantiles = |name: &str, of| {
            format!("{name}: p50 {:.1} µs, p99 {:.1} µs", microseconds(of, 0.5), microseconds(of, 0.99))
        };
        say::figures(&format!("{:.0} answers/s", figures.answers as f64 / figures.seconds()));
        say::figures(&quantiles("latency", &figures.latency));
        say::figures(&quantiles("first byte", &figures.first_byte));
        if self.streams.is_some() {
            say::figures(&format!("{:.0} chunks/s", figures.chunks as f64 / figures.seconds()));
            say::figures(&quantiles("chunk delay", &figures.delay));
        }
        if figures.hung_up > 0 {
            say::figures(&format!("{} callers left", figures.hung_up));
        }
        for (why, count) in &figures.failures {
            say::figures(&format!("failed {count} times: {why}"));
        }
        Ok(if figures.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
