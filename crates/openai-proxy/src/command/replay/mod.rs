//! `replay`: recorded calls once more, at the mock or at one provider that is named.
//!
//! They are sent through a house of their own, on a free port of this computer, that has this provider and no other: whatever a
//! recording says, nobody else can be asked.

mod recording;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use config::Given;
use gateway::Visitor;
use http::Request;
use serde_json::{Value, json};

use self::recording::Recording;
use super::reach;
use crate::exit::{Exit, Failure, Outcome};
use crate::given::{Named, refused};
use crate::house::House;
use crate::talk::Talk;

/// Send recorded calls once more, to the mock or to one provider.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy replay calls.jsonl\n  openai-proxy replay calls.jsonl --provider azure-east --rate 5",
    after_help = "FILE has a call a line, in JSON: method, path, headers, body (docs/replay.md). Credentials in it are not sent. With\n--provider the calls are real and cost money.\n\nExit codes: 0 all were answered, 4 some were not, 2 there is no such provider, 78 configuration refused."
)]
pub(super) struct Replay {
    /// The recorded calls.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The provider of the configuration that is asked; without it the mock.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// At most so many calls a second; without it each follows the one before.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: Option<u32>,
    #[command(flatten)]
    named: Named,
}

/// The largest answer that is read.
const LARGEST: usize = 64 * 1024 * 1024;

/// What became of a call; no status: it broke off.
struct Replayed {
    status: Option<u16>,
    took: Duration,
    bytes: usize,
}

impl Replay {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let calls = self.calls()?;
        let house = self.house()?;
        let address = house.addresses().first().map(|address| format!("http://{address}"));
        let Some(url) = address else {
            return Err(Failure::new(Exit::Failed, "No door could be opened for the replay.".to_owned()));
        };
        let done = reach::run(self.play(talk, &url, calls));
        house.close();
        house.wait();
        told(talk, &done?)
    }

    fn calls(&self) -> Result<Vec<Recording>, Failure> {
        let name = self.file.display();
        let wrong = |what: String| Failure::new(Exit::Misused, what);
        let file =
            File::open(&self.file).map_err(|error| wrong(format!("{name} cannot be read: {error}.")))?;
        let mut calls = Vec::new();
        for (at, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| wrong(format!("{name} cannot be read: {error}.")))?;
            if !line.trim().is_empty() {
                let call =
                    Recording::read(&line).map_err(|what| wrong(format!("{name}:{}: {what}.", at + 1)))?;
                calls.push(call);
            }
        }
        Ok(calls)
    }

    /// A house with one provider. It is built as the mock's, and where another is named, that takes the mock's place.
    fn house(&self) -> Result<House, Failure> {
        let settings = [
            ("providers.mock", "{}"),
            ("routing.unknown_model", "mock"),
            ("auth.mode", "none"),
            ("storage.database", "memory"),
            ("server.listen", "127.0.0.1:0"),
        ];
        let overrides = settings.map(|(path, value)| (path.to_owned(), value.to_owned()));
        let given = Given { no_file: true, overrides: overrides.into(), ..Given::default() };
        let mut world = config::load(&given).map_err(|problems| refused(&problems))?.snapshot;
        if let Some(name) = &self.provider {
            let own = self.named.given(Vec::new())?;
            let own = config::load(&own).map_err(|problems| refused(&problems))?.snapshot;
            let Some(provider) = own.providers.iter().find(|provider| provider.name == *name) else {
                let known: Vec<&str> = own.providers.iter().map(|provider| provider.name.as_str()).collect();
                let known = known.join(", ");
                let say = format!("There is no provider `{name}` in the configuration. There are: {known}.");
                return Err(Failure::new(Exit::Misused, say));
            };
            world.providers = vec![provider.clone()];
        }
        Ok(House::build(world, crate::foundation::Foundation::lay(given)?)?)
    }

    async fn play(&self, talk: &Talk, url: &str, calls: Vec<Recording>) -> Result<Vec<Value>, Failure> {
        let mut visitor = reach::visitor(url, false)?;
        let mut done = Vec::new();
        let begun = Instant::now();
        for (at, call) in calls.into_iter().enumerate() {
            if let Some(rate) = self.rate {
                let due = Duration::from_secs(1) * u32::try_from(at).unwrap_or(u32::MAX) / rate;
                tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
            }
            let (method, path) = (call.method.clone(), call.path.clone());
            let came = send(&mut visitor, call.request()?).await;
            let ms = u64::try_from(came.took.as_millis()).unwrap_or(u64::MAX);
            if !talk.json() {
                let status = came.status.map_or_else(|| "broken".to_owned(), |status| status.to_string());
                talk.print(&format!(
                    "{:>5}  {status:<6}  {ms:>6} ms  {:>8} B  {method} {path}\n",
                    at + 1,
                    came.bytes
                ));
            }
            done.push(json!({
                "method": method.as_str(), "path": path, "status": came.status, "ms": ms, "bytes": came.bytes,
            }));
            if came.status.is_none() {
                visitor = reach::visitor(url, false)?;
            }
        }
        Ok(done)
    }
}

async fn send(visitor: &mut Visitor, request: Request<Bytes>) -> Replayed {
    let began = Instant::now();
    let Ok(visit) = visitor.ask(request).await else {
        return Replayed { status: None, took: began.elapsed(), bytes: 0 };
    };
    let status = visit.status.as_u16();
    match visit.whole(LARGEST).await {
        Ok(body) => Replayed { status: Some(status), took: began.elapsed(), bytes: body.len() },
        Err(_broken) => Replayed { status: None, took: began.elapsed(), bytes: 0 },
    }
}

/// The sums, and whether all went well.
fn told(talk: &Talk, calls: &[Value]) -> Outcome {
    let with = |least: u64, most: u64| {
        calls
            .iter()
            .filter_map(|call| call["status"].as_u64())
            .filter(|status| (least..most).contains(status))
            .count()
    };
    let (answered, refused) = (with(100, 400), with(400, 1000));
    let broken = calls.len() - answered - refused;
    let mut times: Vec<u64> = calls.iter().filter_map(|call| call["ms"].as_u64()).collect();
    times.sort_unstable();
    let (fastest, slowest) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
    let median = times.get(times.len() / 2).copied().unwrap_or(0);
    if talk.json() {
        talk.print_json(&json!({
            "calls": calls,
            "summary": {
                "calls": calls.len(), "answered": answered, "refused": refused, "broken": broken,
                "fastest_ms": fastest, "median_ms": median, "slowest_ms": slowest,
            },
        }));
    } else {
        let noun = if calls.len() == 1 { "call" } else { "calls" };
        talk.say(&format!(
            "{} {noun}: {answered} answered, {refused} refused, {broken} broken off. Fastest {fastest} ms, median {median} ms, slowest {slowest} ms.",
            calls.len()
        ));
    }
    Ok(if answered == calls.len() { Exit::Done } else { Exit::Trouble })
}
