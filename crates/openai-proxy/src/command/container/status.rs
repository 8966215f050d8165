//! `status-container`: whether the container runs, where it is reached, whether it is well, and where its log is.

use clap::Args;
use serde_json::json;

use super::engine::{Container, Engine, Manner, NAME};
use super::kept::Kept;
use super::start::answers;
use crate::exit::{Exit, Outcome};
use crate::given::environment;
use crate::talk::{Mark, Talk};

/// Show proxy container status.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy status-container\n  openai-proxy status-container --json",
    after_help = "Exit codes: 0 running and ready, 3 not running, 4 running and not ready, 69 no engine."
)]
pub(crate) struct Status {
    #[command(flatten)]
    manner: Manner,
}

impl Status {
    pub(crate) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let engine = self.manner.engine(&environment)?;
        if self.manner.print {
            talk.print(&format!("{} container inspect {NAME}\n", engine.name()));
            return Ok(Exit::Done);
        }
        let container = engine.container()?;
        let kept = Kept::find(&environment)?.map(|kept| kept.file.display().to_string());
        let Some(one) = container.filter(Container::runs) else {
            if talk.json() {
                talk.print_json(&json!({"running": false, "engine": engine.name(), "unit": kept}));
            } else {
                talk.print("Not running. Start it: openai-proxy start-container\n");
            }
            return Ok(Exit::NotRunning);
        };
        let ready = one.url.as_deref().is_some_and(answers);
        if talk.json() {
            talk.print_json(&json!({
                "running": true, "ready": ready, "engine": engine.name(), "state": one.state, "health": one.health,
                "url": one.url, "image": one.image, "restart": one.restart, "unit": kept,
            }));
        } else {
            talk.print(&told(talk, &engine, (&one, ready), kept));
        }
        Ok(if ready { Exit::Done } else { Exit::Trouble })
    }
}

fn told(talk: &Talk, engine: &Engine, (one, ready): (&Container, bool), kept: Option<String>) -> String {
    let mark = talk.mark(if ready { Mark::Good } else { Mark::Warning });
    let state = if ready { "Running" } else { "Running, not ready" };
    let url =
        one.url.as_ref().map_or("(made by somebody else: no address)".to_owned(), |url| format!("{url}/v1"));
    // An engine asks by itself only every half minute, and by hand: engine healthcheck run.
    let health = one.health.as_ref().map_or("not asked yet", String::as_str);
    let starts = match (kept, one.restart.as_str()) {
        (Some(file), _) => format!("yes, by {file}"),
        (None, "always" | "unless-stopped") => format!("yes, by {} ({})", engine.name(), one.restart),
        (None, _) => "no   (openai-proxy enable-container)".to_owned(),
    };
    format!(
        "{mark} {state}  {url}   {name}, {image}\nhealth: {health}\nstarts with the system: {starts}\nlog: {name} logs -f {NAME}\n",
        name = engine.name(),
        image = one.image,
    )
}
