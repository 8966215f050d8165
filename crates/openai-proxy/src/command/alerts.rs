//! `alerts`: whether those who are told when something is wrong hear it.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::reach::{self, Desk, Whom};
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

/// Try out whether alerts arrive.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy alerts test",
    after_help = "Exit codes: 0 all of them took it, 1 failed, 4 one did not take it or nobody is told, 69 no gateway runs, 77 not allowed."
)]
pub(super) struct Alerts {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Send everybody under `alerts.to` a test.
    Test {
        #[command(flatten)]
        whom: Whom,
    },
}

impl Alerts {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let What::Test { whom } = self.what;
        let told = reach::run(async { Desk::open(&whom).await?.post("/admin/v1/alerts/test", None).await })?;
        let all: Vec<&Value> = told["data"].as_array().into_iter().flatten().collect();
        let arrived = !all.is_empty() && all.iter().all(|one| one["taken"] == true);
        if talk.json() {
            talk.print_json(&told);
        } else {
            if all.is_empty() {
                talk.say("Nobody is told of alerts. Write whom: alerts.to.webhook, alerts.to.slack or alerts.to.feishu.");
            }
            for one in all {
                let (mark, why) = match one["why"].as_str() {
                    Some(why) => (Mark::Bad, format!(": {why}")),
                    None => (Mark::Good, String::new()),
                };
                let to = one["to"].as_str().unwrap_or_default();
                talk.print(&format!("{} {to}{why}\n", talk.mark(mark)));
            }
        }
        Ok(if arrived { Exit::Done } else { Exit::Trouble })
    }
}
