//! `secrets`: what a running gateway keeps sealed.

use clap::{Args, Subcommand};

use super::reach::{self, Desk, Whom};
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

/// Look after what is kept sealed.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy secrets rotate     after a new first line in the file of keys, or in storage.encryption_key",
    after_help = "Exit codes: 0 done, 1 failed, 69 no gateway runs, 77 not allowed."
)]
pub(super) struct Secrets {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Seal everything under the newest key; the older ones are not needed any more then.
    Rotate {
        #[command(flatten)]
        whom: Whom,
    },
}

impl Secrets {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let What::Rotate { whom } = self.what;
        let told =
            reach::run(async { Desk::open(&whom).await?.post("/admin/v1/secrets/rotate", None).await })?;
        if talk.json() {
            talk.print_json(&told);
        } else {
            let (mark, rotated) = (talk.mark(Mark::Good), &told["rotated"]);
            talk.say(&format!(
                "{mark} {rotated} secrets were sealed under an older key. All are under the newest now."
            ));
        }
        Ok(Exit::Done)
    }
}
