//! `providers pause`, `resume` and `breaker`: what is said of a provider by hand, for a while or until it is taken back.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::address;
use crate::command::moment;
use crate::command::reach::{self, Desk, Whom};
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

/// For how long, why, and where.
#[derive(Args, Clone)]
pub(super) struct How {
    /// For how long, like 30m, 12h or 7d; without it until it is taken back.
    #[arg(long = "for", value_name = "TIME", value_parser = moment::span)]
    lasts: Option<Duration>,
    /// Why; kept with it, and in the audit trail.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

/// What is said of a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Breaker {
    /// Nothing is sent to it.
    Open,
    /// It is always tried.
    Closed,
    /// What was said is taken back.
    Reset,
}

pub(super) fn pause(talk: &Talk, name: &str, how: &How) -> Outcome {
    say(talk, (name, "pause"), &how.body("pause"), &how.whom)
}

pub(super) fn resume(talk: &Talk, name: &str, reason: Option<String>, whom: &Whom) -> Outcome {
    say(talk, (name, "pause"), &json!({"action": "resume", "reason": reason}), whom)
}

pub(super) fn breaker(talk: &Talk, name: &str, state: Breaker, how: &How) -> Outcome {
    let action = match state {
        Breaker::Open => "force_open",
        Breaker::Closed => "force_closed",
        Breaker::Reset => "reset",
    };
    say(talk, (name, "breaker"), &how.body(action), &how.whom)
}

impl How {
    fn body(&self, action: &str) -> Value {
        // Less than a second is one.
        let seconds = self.lasts.map(|lasts| lasts.as_secs().max(1));
        json!({"action": action, "for_seconds": seconds, "reason": self.reason})
    }
}

fn say(talk: &Talk, (name, what): (&str, &str), body: &Value, whom: &Whom) -> Outcome {
    let at = format!("{}/{what}", address(name));
    let standing = reach::run(async { Desk::open(whom).await?.post(&at, Some(body)).await })?;
    if talk.json() {
        talk.print_json(&standing);
    } else {
        let takes = if standing["takes_calls"] == true { "takes calls" } else { "takes no calls" };
        talk.say(&format!("{} {name} {takes}: {}", talk.mark(Mark::Good), word(&standing)));
    }
    Ok(Exit::Done)
}

/// How a provider stands, in a few words, and whether faults are made there on purpose.
pub(super) fn word(standing: &Value) -> String {
    let faults =
        standing["drills"].as_array().into_iter().flatten().filter_map(|drill| drill["fault"].as_str());
    let drills: String = faults.map(|fault| format!(", drill: {fault}")).collect();
    stands(standing) + &drills
}

fn stands(standing: &Value) -> String {
    let health = standing["health"].as_str().unwrap_or("unknown");
    let Some(kind) = standing["override"]["kind"].as_str() else {
        let mut word = health.to_owned();
        if let Some(failures @ 1..) = standing["failures_in_a_row"].as_u64() {
            word.push_str(&format!(", {failures} failures in a row"));
        }
        if standing["takes_calls"] == false {
            word.push_str(", takes no calls");
        }
        return word;
    };
    let mut word = kind.replace('_', " ");
    if let Some(left) = standing["override"]["seconds_left"].as_u64() {
        word.push_str(&format!(", {} left", moment::spoken(left)));
    }
    if let Some(why) = standing["override"]["why"].as_str().filter(|why| !why.is_empty()) {
        word.push_str(&format!(" ({why})"));
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_by_hand_is_told_before_what_was_seen() {
        assert_eq!(word(&json!({"health": "healthy", "failures_in_a_row": 0})), "healthy");
        assert_eq!(
            word(&json!({"health": "degraded", "failures_in_a_row": 3})),
            "degraded, 3 failures in a row"
        );
        assert_eq!(
            word(&json!({"health": "degraded", "failures_in_a_row": 3, "takes_calls": false})),
            "degraded, 3 failures in a row, takes no calls"
        );
        let paused = json!({"health": "healthy", "override": {"kind": "forced_open", "seconds_left": 1800, "why": "quota"}});
        assert_eq!(word(&paused), "forced open, 30 min left (quota)");
        assert_eq!(word(&Value::Null), "unknown");
    }
}
