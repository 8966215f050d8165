//! `stop-container`: stops the container and takes it away.

use clap::Args;

use super::engine::{Manner, NAME};
use super::kept::Kept;
use crate::exit::{Exit, Outcome};
use crate::given::environment;
use crate::talk::{Mark, Talk};

/// Stop the proxy container.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy stop-container            running calls finish first\n  openai-proxy stop-container --now      they do not",
    after_help = "Stopping what does not run is done already: exit 0. One that starts with the system does so again:\nopenai-proxy disable-container"
)]
pub(crate) struct Stop {
    #[command(flatten)]
    manner: Manner,
    /// Do not wait for running calls.
    #[arg(long)]
    now: bool,
}

impl Stop {
    pub(crate) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let engine = self.manner.engine(&environment)?;
        let stop: &[&str] = if self.now { &["stop", "--time", "0", NAME] } else { &["stop", NAME] };
        if self.manner.print {
            let name = engine.name();
            talk.print(&format!("{name} {}\n{name} rm {NAME}\n", stop.join(" ")));
            return Ok(Exit::Done);
        }
        let kept = Kept::find(&environment)?;
        let Some(container) = engine.container()? else {
            if let Some(kept) = kept {
                // It may be about to be started again.
                kept.stop(&environment)?;
            }
            talk.say("Not running.");
            return Ok(Exit::Done);
        };
        let working = talk.working("stopping; running calls finish first (at once: --now)");
        if container.runs() {
            engine.run(stop)?;
        }
        if let Some(kept) = kept {
            // Its unit ends with it, and is told so that it is not taken for a failure.
            kept.stop(&environment)?;
        }
        if engine.container()?.is_some() {
            engine.run(&["rm", NAME])?;
        }
        drop(working);
        let url = container.url.map(|url| format!("  {url}/v1")).unwrap_or_default();
        talk.say(&format!("{} Stopped{url}", talk.mark(Mark::Good)));
        Ok(Exit::Done)
    }
}
