//! `env`: variables that lead programs to the gateway, in the words of a shell.

use clap::Args;

use super::reach::{Reach, Where};
use super::shell::{self, Shell};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::Talk;

/// Print the variables that lead programs here.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  eval \"$(openai-proxy env)\"                  bash, zsh, sh\n  openai-proxy env --shell fish | source\n  openai-proxy env --shell dotenv >> .env",
    after_help = "OPENAI_API_KEY is set only where it is not set already: programs insist on one, the gateway needs none."
)]
pub(super) struct Env {
    /// Whose words; without it those of the shell in SHELL.
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    #[command(flatten)]
    place: Where,
}

impl Env {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let reach = Reach::find(&self.place)?;
        if reach.url.starts_with("unix:") {
            let say = "The gateway listens on a Unix socket only, where programs cannot be led by variables. Give it an address, too.";
            return Err(Failure::new(Exit::Failed, say));
        }
        let environment = environment();
        let mut all = vec![
            ("OPENAI_BASE_URL", reach.base_url()),
            // The older name of the same, which some programs still read.
            ("OPENAI_API_BASE", reach.base_url()),
        ];
        if environment.get("OPENAI_API_KEY").is_none_or(|key| key.trim().is_empty()) {
            all.push(("OPENAI_API_KEY", config::PLACEHOLDER.to_owned()));
        }
        shell::print(talk, self.shell, all);
        Ok(Exit::Done)
    }
}
