//! `healthcheck`: whether the gateway beside us is ready, in the two exit codes container engines know. It needs no shell, no
//! curl and no note: what the configuration says about the address is enough.

use std::time::Duration;

use clap::Args;

use super::reach::{self, Reach, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Ask the gateway of this computer or container whether it is ready.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy healthcheck\n  openai-proxy healthcheck --url http://127.0.0.1:2020",
    after_help = "It asks for /readyz and shows no key.\nExit codes: 0 ready, 1 not (whatever the reason), as container engines want it."
)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    place: Where,
}

/// For the whole of it: engines themselves give up after some seconds and then know less.
const PATIENCE: Duration = Duration::from_secs(4);

impl Healthcheck {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let failed = |failure: Failure| Failure { exit: Exit::Failed, ..failure };
        let mut reach = Reach::without_key(&self.place).map_err(failed)?;
        let url = reach.url.clone();
        let slow =
            || Failure::new(Exit::Failed, format!("{url} does not answer within {} s.", PATIENCE.as_secs()));
        let told = reach::run(async {
            tokio::time::timeout(PATIENCE, reach.get("/readyz")).await.unwrap_or_else(|_| Err(slow()))
        });
        let told = told.map_err(failed)?;
        if !told.status.is_success() {
            return Err(Failure::new(
                Exit::Failed,
                format!("{url} is not ready: status {}.", told.status.as_u16()),
            ));
        }
        talk.print(&format!("{url} is ready\n"));
        Ok(Exit::Done)
    }
}
