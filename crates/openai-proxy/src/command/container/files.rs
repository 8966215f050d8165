//! `container-files`: the Dockerfile and the compose file, as they lie under `deploy/`, for who has only the program.

use clap::Args;

use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

/// Print the Dockerfile or the compose file.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy container-files compose > compose.yaml\n  openai-proxy container-files dockerfile > Dockerfile",
    after_help = "Units for systemd: openai-proxy install-service --print, openai-proxy enable-container --print."
)]
pub(crate) struct Files {
    /// Which file.
    #[arg(value_enum)]
    which: Which,
}

/// A file.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Which {
    Dockerfile,
    Compose,
}

const DOCKERFILE: &str = include_str!("../../../../../deploy/Dockerfile");
const COMPOSE: &str = include_str!("../../../../../deploy/compose.yaml");

impl Files {
    pub(crate) fn run(self, talk: &Talk) -> Outcome {
        talk.print(match self.which {
            Which::Dockerfile => DOCKERFILE,
            Which::Compose => COMPOSE,
        });
        Ok(Exit::Done)
    }
}
