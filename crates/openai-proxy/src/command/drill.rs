//! `drill`: faults made on purpose at a provider of the running gateway, to see what then happens.

use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::moment;
use super::reach::{self, Desk, Whom, Why};
use super::table::table;
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

/// Make a provider fail on purpose, for a share of its attempts and for a while.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy drill start --provider azure-east --fault 503 --share 10% --for 5m\n  openai-proxy drill start --provider openai --model gpt-4o --fault 'cut?after=20' --share 50% --for 2m\n  openai-proxy drill list\n  openai-proxy drill stop",
    after_help = "Faults: refuse, reset, hang, garbage, 503 (or any status from 400), '429?retry_after=5s', slow=2s,\n'cut?after=3' and 'stall?after=3' (events of a stream). But for slow, cut and stall nothing is sent to the\nprovider. A drill lasts an hour at most, and ends with the gateway.\n\nExit codes: 0 done, 1 failed, 69 no gateway runs, 77 not allowed, 78 there is no such fault."
)]
pub(super) struct Drill {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Begin one.
    Start(Start),
    /// List those that run.
    List {
        #[command(flatten)]
        whom: Whom,
    },
    /// End one, or all.
    Stop {
        /// Its number; without it all end.
        #[arg(value_name = "NUMBER")]
        id: Option<u64>,
        #[command(flatten)]
        whom: Whom,
    },
}

/// A drill that is to begin.
#[derive(Args)]
struct Start {
    /// At which provider.
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// At which of its models, by its own name or the one callers use; without it at all.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// What is done.
    #[arg(long, value_name = "FAULT")]
    fault: String,
    /// To which share of its attempts.
    #[arg(long, value_name = "PERCENT", value_parser = share, default_value = "100%")]
    share: u8,
    /// For how long, like 90s or 5m; an hour at most.
    #[arg(long = "for", value_name = "TIME", value_parser = moment::span)]
    lasts: Duration,
    /// Why; kept with it, and in the audit trail.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

/// Where drills are administered.
const ALL: &str = "/admin/v1/drills";

impl Drill {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        match self.what {
            What::Start(start) => start.run(talk),
            What::List { whom } => list(talk, &whom),
            What::Stop { id, whom } => stop(talk, id, &whom),
        }
    }
}

impl Start {
    fn run(self, talk: &Talk) -> Outcome {
        // Less than a second is one.
        let seconds = self.lasts.as_secs().max(1);
        let body = json!({
            "provider": self.provider,
            "model": self.model,
            "fault": self.fault,
            "share_percent": self.share,
            "for_seconds": seconds,
            "reason": self.reason,
        });
        let begun = reach::run(async { Desk::open(&self.whom).await?.post(ALL, Some(&body)).await })?;
        if talk.json() {
            talk.print_json(&begun);
        } else {
            talk.say(&format!("{} {}", talk.mark(Mark::Warning), said(&begun)));
            talk.say(&format!("  End it sooner: openai-proxy drill stop {}", begun["id"]));
        }
        Ok(Exit::Done)
    }
}

/// What a drill does, in a sentence.
fn said(drill: &Value) -> String {
    let text = |name: &str| drill[name].as_str().unwrap_or_default().to_owned();
    let model = drill["model"].as_str().map(|model| format!(" for {model}")).unwrap_or_default();
    let left = moment::spoken(drill["seconds_left"].as_u64().unwrap_or(0));
    format!(
        "Drill {}: {} % of the attempts at {}{model} meet `{}`, for {left}.",
        drill["id"],
        drill["share_percent"],
        text("provider"),
        text("fault")
    )
}

fn list(talk: &Talk, whom: &Whom) -> Outcome {
    let running = reach::run(async { Desk::open(whom).await?.get(ALL).await })?;
    if talk.json() {
        talk.print_json(&running);
        return Ok(Exit::Done);
    }
    let row = |drill: &Value| {
        let text = |name: &str| drill[name].as_str().unwrap_or_default().to_owned();
        [
            drill["id"].to_string(),
            text("provider"),
            text("model"),
            text("fault"),
            format!("{} %", drill["share_percent"]),
            format!("{} of {}", drill["struck"], drill["attempts"]),
            moment::spoken(drill["seconds_left"].as_u64().unwrap_or(0)),
            text("by"),
            text("why"),
        ]
    };
    let rows: Vec<_> = running["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        talk.say("No drill runs.");
    }
    let heads = ["NUMBER", "PROVIDER", "MODEL", "FAULT", "SHARE", "STRUCK", "LEFT", "BY", "WHY"];
    talk.print(&table(heads, &rows));
    Ok(Exit::Done)
}

fn stop(talk: &Talk, id: Option<u64>, whom: &Whom) -> Outcome {
    let at = id.map_or_else(|| ALL.to_owned(), |id| format!("{ALL}/{id}"));
    let ending = async { Desk::open(whom).await?.change((Method::DELETE, &at), None, &Why::default()).await };
    let ended = reach::run(ending)?;
    if talk.json() {
        talk.print_json(&ended);
        return Ok(Exit::Done);
    }
    let one = std::slice::from_ref(&ended);
    let all = ended["data"].as_array().map_or(one, Vec::as_slice);
    if all.is_empty() {
        talk.say("No drill runs.");
    }
    for drill in all {
        let provider = drill["provider"].as_str().unwrap_or_default();
        talk.say(&format!(
            "{} Drill {} at {provider} is over: {} of {} attempts were struck.",
            talk.mark(Mark::Good),
            drill["id"],
            drill["struck"],
            drill["attempts"]
        ));
    }
    Ok(Exit::Done)
}

/// `10%`, or `10`.
fn share(text: &str) -> Result<u8, String> {
    let number = text.trim_end_matches('%').trim_end().parse().ok();
    number
        .filter(|share| (1..=100).contains(share))
        .ok_or_else(|| "it is a whole number from 1% to 100%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_whole_number_of_percent() {
        assert_eq!((share("10%"), share("100"), share("1 %")), (Ok(10), Ok(100), Ok(1)));
        for wrong in ["0%", "101", "0.1", "many", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_drill_says_whom_it_meets_and_for_how_long() {
        let drill = json!({"id": 3, "provider": "a", "model": "m", "fault": "503", "share_percent": 10, "seconds_left": 300});
        assert_eq!(said(&drill), "Drill 3: 10 % of the attempts at a for m meet `503`, for 5 min.");
    }
}
