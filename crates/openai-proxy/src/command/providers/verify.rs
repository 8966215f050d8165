//! `providers verify`: what the running gateway finds when it tries a provider out.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::command::reach::{self, Desk, Whom, segment};
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

/// Try out whether a provider works.
#[derive(Args)]
pub(super) struct Verify {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Which models are asked for a token, which costs money where tokens do.
    #[arg(long, value_enum, value_name = "MODELS", default_value = "each")]
    calls: Calls,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Calls {
    /// None.
    None,
    /// The first that chats.
    One,
    /// Each that is configured.
    Each,
}

impl Verify {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let calls = match self.calls {
            Calls::None => "none",
            Calls::One => "one",
            Calls::Each => "each",
        };
        let at = format!("/instances/verify/{}?calls={calls}", segment(&self.name));
        let working = talk.working(&format!("trying out {}", self.name));
        let found = reach::run(async { Desk::open(&self.whom).await?.post(&at, None).await })?;
        drop(working);
        if talk.json() {
            talk.print_json(&found);
        } else {
            tell(talk, &found);
        }
        Ok(if found["result"] == "failed" { Exit::Trouble } else { Exit::Done })
    }
}

fn tell(talk: &Talk, found: &Value) {
    let checks = found["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let about = |check: &Value| match check["model"].as_str() {
        Some(model) => format!("{} {model}", text(check, "check")),
        None => text(check, "check"),
    };
    let wide = |check: &Value| about(check).chars().count();
    let width = checks.iter().map(wide).max().unwrap_or(0).min(40);
    for check in checks {
        let mark = match check["result"].as_str() {
            Some("passed") => Mark::Good,
            Some("warning") => Mark::Warning,
            Some("failed") => Mark::Bad,
            _ => Mark::Nothing,
        };
        let took = check["took_ms"].as_f64().map(|ms| format!("{ms:.0} ms")).unwrap_or_default();
        talk.print(&format!("{} {:width$}  {took:>8}  {}\n", mark.sign(), about(check), text(check, "what")));
        let margin = " ".repeat(width + 14);
        for more in ["cause", "hint"] {
            if let Some(more) = check[more].as_str().filter(|_| mark != Mark::Good) {
                talk.print(&format!("{margin}{more}\n"));
            }
        }
    }
    talk.say(&match found["result"].as_str() {
        Some("failed") => format!("{} does not work.", text(found, "provider")),
        Some("warning") => format!("{} works; see what is marked with !.", text(found, "provider")),
        _ => format!("{} works.", text(found, "provider")),
    });
}
