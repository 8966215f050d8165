//! `providers`: the places a running gateway asks, how they stand, and what is said of them by hand.

mod add;
mod keys;
mod list;
mod show;
mod standing;
mod stock;
mod verify;

use clap::{Args, Subcommand};
use http::Method;

use super::changed;
use super::reach::{self, Desk, Whom, Why, segment};
use crate::exit::Outcome;
use crate::talk::Talk;

/// See, add, try out, pause and take away the providers of the running gateway.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy providers list\n  openai-proxy providers show azure-east\n  openai-proxy providers add azure-east --type azure --base-url https://east.openai.azure.com --key-from-env EAST_KEY\n  openai-proxy providers verify azure-east\n  openai-proxy providers pause azure-east --for 30m --reason 'quota is used up'\n  openai-proxy providers keys azure-east rotate default --key-stdin",
    after_help = "Exit codes: 0 done, 1 failed, 4 a check failed, 5 it is there already or somebody else changed it,\n69 no gateway runs, 77 not allowed, 78 the configuration this would make is refused."
)]
pub(super) struct Providers {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List them: kind, how they stand, what was asked of them.
    List {
        #[command(flatten)]
        whom: Whom,
    },
    /// Show how one stands: its breakers, what runs there, how soon it answers, its keys.
    Show {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        whom: Whom,
    },
    /// Add one.
    Add(add::Add),
    /// Take one away.
    Remove {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        why: Why,
    },
    /// Try out whether one works, step by step.
    Verify(verify::Verify),
    /// Send nothing to one, for a while or until it is resumed.
    Pause {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        how: standing::How,
    },
    /// Use one again.
    Resume {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Why; kept in the audit trail.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        whom: Whom,
    },
    /// Force the breaker of one open or closed, or let its answers decide again.
    Breaker {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// What is said of it.
        #[arg(value_enum, value_name = "STATE")]
        state: standing::Breaker,
        #[command(flatten)]
        how: standing::How,
    },
    /// The keys that are shown to one; only their last four letters are ever told.
    Keys(keys::Keys),
    /// The models of one whose server keeps them itself: bring, copy, delete.
    Models(stock::Models),
}

impl Providers {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        match self.what {
            What::List { whom } => list::list(talk, &whom),
            What::Show { name, whom } => show::show(talk, &name, &whom),
            What::Add(add) => add.run(talk),
            What::Remove { name, whom, why } => {
                let at = address(&name);
                let removing =
                    async { Desk::open(&whom).await?.change((Method::DELETE, &at), None, &why).await };
                changed::told(talk, &reach::run(removing)?)
            }
            What::Verify(verify) => verify.run(talk),
            What::Pause { name, how } => standing::pause(talk, &name, &how),
            What::Resume { name, reason, whom } => standing::resume(talk, &name, reason, &whom),
            What::Breaker { name, state, how } => standing::breaker(talk, &name, state, &how),
            What::Keys(keys) => keys.run(talk),
            What::Models(models) => models.run(talk),
        }
    }
}

/// Where a provider is administered.
fn address(name: &str) -> String {
    format!("/admin/v1/providers/{}", segment(name))
}
