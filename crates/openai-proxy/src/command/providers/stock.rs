//! `providers models`: which models a provider has, where that can be changed from here: brought there, copied, taken away.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::address;
use crate::command::reach::{self, Desk, Whom, Why, segment};
use crate::command::table::table;
use crate::exit::{Exit, Failure, Outcome};
use crate::talk::{Mark, Talk};

/// The models of a provider whose server keeps them itself, such as Ollama.
#[derive(Args)]
pub(super) struct Models {
    /// The provider's name.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Bring one there, and wait until it has come.
    Pull {
        /// Its name where it comes from, like llama3.2:3b.
        #[arg(value_name = "MODEL")]
        model: String,
        /// Begin, and do not wait.
        #[arg(long)]
        detach: bool,
        #[command(flatten)]
        whom: Whom,
    },
    /// List those on their way, and the last that were.
    Pulls {
        #[command(flatten)]
        whom: Whom,
    },
    /// Stop bringing one.
    Stop {
        /// Its name.
        #[arg(value_name = "MODEL")]
        model: String,
        #[command(flatten)]
        whom: Whom,
    },
    /// Give one a second name there.
    Copy {
        /// Its name.
        #[arg(value_name = "MODEL")]
        model: String,
        /// The second name.
        #[arg(value_name = "TO")]
        to: String,
        #[command(flatten)]
        whom: Whom,
    },
    /// Take one away.
    Delete {
        /// Its name.
        #[arg(value_name = "MODEL")]
        model: String,
        #[command(flatten)]
        whom: Whom,
    },
}

/// How often it is asked how far a model has come.
const LOOK: Duration = Duration::from_millis(500);

impl Models {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let Self { name, what } = self;
        let at = address(&name);
        match what {
            What::Pull { model, detach, whom } => pull(talk, (&at, &model), detach, &whom),
            What::Pulls { whom } => pulls(talk, &at, &whom),
            What::Stop { model, whom } => {
                let at = format!("{at}/pulls/{}", segment(&model));
                done(
                    talk,
                    (http::Method::DELETE, &at),
                    None,
                    &whom,
                    &format!("{model} is not brought any more"),
                )
            }
            What::Copy { model, to, whom } => {
                let at = format!("{at}/models/{}/copy", segment(&model));
                let body = json!({"to": to});
                done(
                    talk,
                    (http::Method::POST, &at),
                    Some(&body),
                    &whom,
                    &format!("{model} is called {to}, too"),
                )
            }
            What::Delete { model, whom } => {
                let at = format!("{at}/models/{}", segment(&model));
                done(talk, (http::Method::DELETE, &at), None, &whom, &format!("{model} is gone"))
            }
        }
    }
}

fn done(talk: &Talk, at: (http::Method, &str), body: Option<&Value>, whom: &Whom, words: &str) -> Outcome {
    let told = reach::run(async { Desk::open(whom).await?.change(at, body, &Why::default()).await })?;
    match talk.json() {
        true => talk.print_json(&told),
        false => talk.say(&format!("{} {words}.", talk.mark(Mark::Good))),
    }
    Ok(Exit::Done)
}

fn pull(talk: &Talk, (at, model): (&str, &str), detach: bool, whom: &Whom) -> Outcome {
    let all = format!("{at}/pulls");
    let moving = talk.working(&format!("{model} is on its way"));
    let told = reach::run(async {
        let mut desk = Desk::open(whom).await?;
        let mut told = desk.post(&all, Some(&json!({"model": model}))).await?;
        while !detach && told["state"] == "running" {
            tokio::time::sleep(LOOK).await;
            let pulls = desk.get(&all).await?;
            let mut list = pulls["data"].as_array().into_iter().flatten();
            let ours = list.rfind(|pull| pull["model"] == model);
            told = ours.cloned().ok_or_else(|| {
                Failure::new(Exit::Failed, format!("The gateway does not know of {model} any more."))
            })?;
        }
        Ok(told)
    })?;
    drop(moving);
    if talk.json() {
        talk.print_json(&told);
    }
    let status = told["status"].as_str().unwrap_or_default();
    match told["state"].as_str() {
        Some("done") => talk.say(&format!("{} {model} has come.", talk.mark(Mark::Good))),
        Some("running") => talk.say(&format!("{} {model} is on its way.", talk.mark(Mark::Good))),
        _ => return Err(Failure::new(Exit::Failed, format!("{model} has not come: {status}."))),
    }
    Ok(Exit::Done)
}

fn pulls(talk: &Talk, at: &str, whom: &Whom) -> Outcome {
    let pulls = reach::run(async { Desk::open(whom).await?.get(&format!("{at}/pulls")).await })?;
    if talk.json() {
        talk.print_json(&pulls);
        return Ok(Exit::Done);
    }
    let row = |pull: &Value| {
        let text = |name: &str| pull[name].as_str().unwrap_or_default().to_owned();
        [text("model"), text("state"), come(pull), text("status")]
    };
    let rows: Vec<_> = pulls["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        talk.say("No model is on its way there.");
    }
    talk.print(&table(["MODEL", "STATE", "COME", "STATUS"], &rows));
    Ok(Exit::Done)
}

/// How much of the piece has come that is being brought.
fn come(pull: &Value) -> String {
    match (pull["completed"].as_u64(), pull["total"].as_u64()) {
        (Some(completed), Some(total @ 1..)) => format!("{}%", completed.saturating_mul(100) / total),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_has_come_is_told_where_that_is_known() {
        assert_eq!(come(&json!({"completed": 3, "total": 4})), "75%");
        assert_eq!(come(&json!({"completed": 0, "total": 0})), "");
        assert_eq!(come(&Value::Null), "");
    }
}
