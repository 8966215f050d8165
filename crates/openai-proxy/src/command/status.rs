//! `status`: whether a gateway runs here, where, since when, and what it found.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::json;

use super::reach::{self, Reach, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::instance::{self, Instance};
use crate::talk::{Mark, Talk};

/// Show the gateway's status on the host.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy status\n  openai-proxy status --json\n  openai-proxy status --url http://127.0.0.1:2020",
    after_help = "Exit codes: 0 running and ready, 3 not running, 4 running and not ready."
)]
pub(super) struct Status {
    #[command(flatten)]
    place: Where,
}

/// What is known of one gateway.
struct Known {
    url: String,
    ready: bool,
    instance: Option<Instance>,
}

impl Status {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let known = reach::run(self.look())?;
        if talk.json() {
            let list: Vec<_> = known
                .iter()
                .map(|one| json!({"url": one.url, "ready": one.ready, "instance": one.instance}))
                .collect();
            talk.print_json(&json!({"running": !list.is_empty(), "gateways": list}));
        } else if known.is_empty() {
            talk.print("Not running. Start it: openai-proxy start\n");
        } else {
            let told: Vec<String> = known.iter().map(|one| one.told(talk)).collect();
            talk.print(&told.join("\n"));
        }
        Ok(match known.iter().all(|one| one.ready) {
            _ if known.is_empty() => Exit::NotRunning,
            true => Exit::Done,
            false => Exit::Trouble,
        })
    }

    /// Those that run here, or the one named, or whoever answers at the usual address.
    async fn look(&self) -> Result<Vec<Known>, Failure> {
        let environment = environment();
        let mut known = Vec::new();
        if self.place.url.is_none() {
            for instance in instance::all(&environment) {
                let mut reach = Reach::at(instance, &environment)?;
                let ready = reach.readiness().await.unwrap_or(false);
                known.push(Known { url: reach.base_url(), ready, instance: reach.instance });
            }
        }
        if known.is_empty() {
            let mut reach = Reach::without_key(&self.place)?;
            if let Some(ready) = reach.readiness().await {
                known.push(Known { url: reach.base_url(), ready, instance: None });
            }
        }
        Ok(known)
    }
}

impl Known {
    fn told(&self, talk: &Talk) -> String {
        let mark = talk.mark(if self.ready { Mark::Good } else { Mark::Warning });
        let state = if self.ready { "Running" } else { "Running, not ready" };
        let Some(instance) = &self.instance else {
            return format!("{mark} {state}  {}   (started by somebody else: no details)\n", self.url);
        };
        let mut lines = vec![format!(
            "{mark} {state}  {}   pid {}, {}, version {}",
            self.url,
            instance.pid,
            age(instance.since),
            instance.version
        )];
        lines.push(instance.view.source.clone());
        lines.extend(
            instance.log.iter().chain(&instance.log_file).map(|log| format!("log: {}", log.display())),
        );
        if let Some(refused) = &instance.refused {
            lines.push(format!(
                "The configuration as it is now is refused; the one before is in use:\n{refused}"
            ));
        }
        lines.push(String::new());
        lines.extend(instance.view.table(talk));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// How long ago, in two words at most.
fn age(since: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let seconds = now.saturating_sub(since);
    match seconds {
        0..60 => format!("for {seconds} s"),
        60..3600 => format!("for {} min", seconds / 60),
        3600..172_800 => format!("for {} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("for {} days", seconds / 86_400),
    }
}
