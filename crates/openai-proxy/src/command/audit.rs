//! `audit`: who did what on a running gateway, and whether the trail is whole.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::moment;
use super::reach::{self, Desk, Whom};
use super::table::table;
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

/// See who did what, and whether the trail of it is whole.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy audit list --since 24h\n  openai-proxy audit list --action config.change --json\n  openai-proxy audit verify",
    after_help = "Exit codes: 0 done, 1 failed, 4 the trail is broken, 69 no gateway runs, 77 not allowed."
)]
pub(super) struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List entries, newest first.
    List {
        /// Of this actor, by the name of their key.
        #[arg(long, value_name = "NAME")]
        actor: Option<String>,
        /// Of this action: config.change, provider.pause, ...
        #[arg(long, value_name = "ACTION")]
        action: Option<String>,
        #[command(flatten)]
        when: When,
        #[command(flatten)]
        whom: Whom,
    },
    /// Look whether every entry is as it was written.
    Verify {
        #[command(flatten)]
        whom: Whom,
    },
}

/// Which span of time, and how many.
#[derive(Args, Clone)]
pub(super) struct When {
    /// Not longer ago than this: 90m, 24h, 7d.
    #[arg(long, value_name = "TIME", value_parser = moment::span)]
    since: Option<Duration>,
    /// Longer ago than this.
    #[arg(long, value_name = "TIME", value_parser = moment::span)]
    until: Option<Duration>,
    /// How many.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(super) limit: usize,
}

impl When {
    /// As a query says it.
    pub(super) fn query(&self) -> [(&'static str, Option<String>); 2] {
        [("from", moment::ago(self.since)), ("until", moment::ago(self.until))]
    }
}

impl Audit {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        match self.what {
            What::List { actor, action, when, whom } => {
                let [from, until] = when.query();
                let query = [("actor", actor), ("action", action), from, until];
                list(talk, &query, when.limit, &whom)
            }
            What::Verify { whom } => verify(talk, &whom),
        }
    }
}

fn list(talk: &Talk, query: &[(&str, Option<String>)], most: usize, whom: &Whom) -> Outcome {
    let all = reach::run(async { Desk::open(whom).await?.list("/admin/v1/audit", query, most).await })?;
    if talk.json() {
        talk.print_json(&json!({"data": all}));
        return Ok(Exit::Done);
    }
    let row = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        [
            one["number"].to_string(),
            moment::told(&one["at_unix_ms"]),
            format!("{} ({})", text("actor"), text("role")),
            text("address"),
            text("action"),
            text("outcome"),
            text("subject"),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    talk.print(&table(["ENTRY", "AT (UTC)", "WHO", "FROM", "ACTION", "OUTCOME", "SUBJECT"], &rows));
    Ok(Exit::Done)
}

fn verify(talk: &Talk, whom: &Whom) -> Outcome {
    let told = reach::run(async { Desk::open(whom).await?.post("/admin/v1/audit/verify", None).await })?;
    let whole = told["whole"] == true;
    if talk.json() {
        talk.print_json(&told);
    } else if whole {
        let (first, last) = (&told["first"], &told["last"]);
        talk.print(&format!("{} {} entries, {first} to {last}: whole\n", Mark::Good.sign(), told["entries"]));
    } else {
        for broken in told["broken"].as_array().into_iter().flatten() {
            let what = broken["what"].as_str().unwrap_or_default();
            talk.print(&format!("{} {}: {what}\n", Mark::Bad.sign(), broken["number"]));
        }
        talk.say("Somebody changed the trail, or the disk did. Compare it with a copy: openai-proxy db restore --help");
    }
    Ok(if whole { Exit::Done } else { Exit::Trouble })
}
