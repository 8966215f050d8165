//! `usage` and `requests`: what a running gateway counted, in sums and call by call.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::audit::When;
use super::moment;
use super::reach::{self, Desk, Whom, segment};
use super::table::table;
use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

/// Show usage in sums, by hour or day and by what it is grouped by.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy usage                                     the last 24 hours\n  openai-proxy usage --since 30d --by day --group model\n  openai-proxy usage --since 7d --by all --group provider,status --json"
)]
pub(super) struct Usage {
    /// From so long ago.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = moment::span)]
    since: Duration,
    /// One sum for each hour, each day (UTC), or all in one.
    #[arg(long, value_enum, value_name = "TIME", default_value = "hour")]
    by: By,
    /// What sums are told apart by besides: words of caller, operation, model, provider and status, with commas.
    #[arg(long, value_name = "WORDS")]
    group: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum By {
    Hour,
    Day,
    All,
}

impl Usage {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let by = match self.by {
            By::Hour => "hour",
            By::Day => "day",
            By::All => "all",
        };
        let from = moment::ago(Some(self.since)).unwrap_or_default();
        let group = self.group.as_ref().map(|words| format!("&group={}", segment(words)));
        let at = format!("/admin/v1/usage?from={from}&by={by}{}", group.unwrap_or_default());
        let told = reach::run(async { Desk::open(&self.whom).await?.get(&at).await })?;
        if talk.json() {
            talk.print_json(&told);
            return Ok(Exit::Done);
        }
        let rows: Vec<_> = told["data"].as_array().into_iter().flatten().map(sum).collect();
        if rows.is_empty() {
            talk.say("No call ended in this time.");
        }
        let heads = [
            "FROM (UTC)",
            "CALLER",
            "OPERATION",
            "MODEL",
            "PROVIDER",
            "STATUS",
            "CALLS",
            "INPUT",
            "OUTPUT",
            "CACHED",
        ];
        talk.print(&table(heads, &rows));
        Ok(Exit::Done)
    }
}

fn sum(one: &Value) -> [String; 10] {
    let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let count = |name: &str| one[name].as_u64().map(|count| count.to_string()).unwrap_or_default();
    [
        moment::told(&one["begins_unix_ms"]),
        text("caller"),
        text("operation"),
        text("model"),
        text("provider"),
        count("status"),
        count("calls"),
        count("input_tokens"),
        count("output_tokens"),
        count("cached_tokens"),
    ]
}

/// List finished calls, newest first.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy requests --limit 20\n  openai-proxy requests --status 5xx --since 1h\n  openai-proxy requests --provider azure-east --model gpt-4o --json"
)]
pub(super) struct Requests {
    /// For this model, as the caller wrote it.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// That this provider was asked for last.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Of this caller.
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// With this status: one like 200, a class like 4xx, a span like 400-429.
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    whom: Whom,
}

impl Requests {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let [from, until] = self.when.query();
        let query = [
            ("model", self.model),
            ("provider", self.provider),
            ("caller", self.caller),
            ("status", self.status),
            from,
            until,
        ];
        let (whom, most) = (&self.whom, self.when.limit);
        let all =
            reach::run(async { Desk::open(whom).await?.list("/admin/v1/requests", &query, most).await })?;
        if talk.json() {
            talk.print_json(&json!({"data": all}));
            return Ok(Exit::Done);
        }
        let rows: Vec<_> = all.iter().map(call).collect();
        if rows.is_empty() {
            talk.say("No such call is recorded.");
        }
        let heads = [
            "BEGAN (UTC)",
            "CALLER",
            "OPERATION",
            "MODEL",
            "PROVIDER",
            "STATUS",
            "ERROR",
            "TOOK",
            "TOKENS",
            "ID",
        ];
        talk.print(&table(heads, &rows));
        Ok(Exit::Done)
    }
}

fn call(one: &Value) -> [String; 10] {
    let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let tokens = &one["tokens"];
    [
        moment::told(&one["started_unix_ms"]),
        text("caller"),
        text("operation"),
        text("model"),
        text("provider"),
        one["status"].to_string(),
        text("error"),
        one["duration_ms"].as_f64().map(|ms| format!("{ms:.0} ms")).unwrap_or_default(),
        if tokens.is_null() { String::new() } else { format!("{} + {}", tokens["input"], tokens["output"]) },
        text("id"),
    ]
}
