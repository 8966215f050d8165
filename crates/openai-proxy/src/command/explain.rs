//! `explain`: where a request would go, and why not elsewhere. The request itself is never sent. The gateway that runs here is
//! asked, which knows how everybody stands; without one the configuration tells.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use config::snapshot::Source;
use gateway::{Explanation, Gateway, Question};
use http::Method;
use serde_json::{Value, json};
use store::Books;

use super::moment;
use super::reach::{self, Desk, Whom};
use super::table::table;
use crate::exit::{Exit, Failure, Outcome};
use crate::given::{Named, environment, refused};
use crate::instance;
use crate::search;
use crate::talk::{Mark, Talk};

/// Say where a request would go, and why; nothing of it is sent.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy explain --model llama3.2\n  openai-proxy explain --path /v1/audio/speech --model tts-1\n  openai-proxy explain --body request.json          the model named in it\n  openai-proxy explain --model gpt-4o --offline     without asking providers for their models",
    after_help = "The gateway that runs here is asked, unless --config, --set or --offline says otherwise. Where it matters, providers are asked which models they have, as the gateway would ask them.\nExit codes: 0 it leads somewhere, 4 nowhere (the error is what the caller would read), 78 configuration refused."
)]
pub(super) struct Explain {
    /// The method; without it POST, or GET where the path knows no POST.
    #[arg(long)]
    method: Option<String>,
    /// The path, in any spelling.
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// The model it names.
    #[arg(short, long, value_name = "NAME")]
    model: Option<String>,
    /// The body, whose `model` counts: a file, or - for standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with = "model")]
    body: Option<PathBuf>,
    /// Contact nobody: no gateway, no servers of this computer, no providers. The configuration tells.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    whom: Whom,
}

const FROM_CONFIGURATION: &str = "As a gateway started now with this configuration would see it: how providers stand at a running one it does not know.";

/// The largest body that is read: as much as the gateway itself reads by default.
const LARGEST: u64 = 32 * 1024 * 1024;

impl Explain {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let target = path_of(&self.path);
        let method = self.method(target)?;
        let body = self.body.as_deref().map(read).transpose()?;
        let question =
            Question { method: &method, target, model: self.model.as_deref(), body: body.as_deref() };
        let running = match self.asks_a_gateway() {
            true => reach::run(self.running(&question)).map(Some),
            false => Ok(None),
        };
        let (told, how) = match running {
            Ok(Some(told)) => (told, "As the gateway that runs here sees it at this moment."),
            // Whoever named a gateway means that one.
            Err(failure) if self.whom.place.url.is_some() => return Err(failure),
            Err(failure) if !instance::all(&environment()).is_empty() => {
                talk.say(&failure.say);
                (self.configured(talk, &question)?, FROM_CONFIGURATION)
            }
            Ok(None) | Err(_) => (self.configured(talk, &question)?, FROM_CONFIGURATION),
        };
        if talk.json() {
            talk.print_json(&told);
        } else {
            talk.print(&as_text(talk, &told));
            talk.say(how);
        }
        Ok(if told["way"].is_null() { Exit::Trouble } else { Exit::Done })
    }

    /// Whether the question is about a gateway that runs, and not about some configuration.
    fn asks_a_gateway(&self) -> bool {
        let about_a_configuration =
            self.offline || self.named.config.is_some() || !self.named.settings.is_empty();
        let one_runs = || !instance::all(&environment()).is_empty();
        !about_a_configuration && (self.whom.place.url.is_some() || one_runs())
    }

    /// Asks the gateway that runs.
    async fn running(&self, question: &Question<'_>) -> Result<Value, Failure> {
        let body: Value = match question.body {
            Some(body) => serde_json::from_slice(body)
                .map_err(|error| Failure::new(Exit::Failed, format!("The body is no JSON: {error}.")))?,
            None => Value::Null,
        };
        let asked = json!({
            "method": question.method.as_str(), "path": question.target, "model": question.model, "body": body,
        });
        Desk::open(&self.whom).await?.post("/admin/v1/explain", Some(&asked)).await
    }

    /// Explains it from the configuration.
    fn configured(&self, talk: &Talk, question: &Question<'_>) -> Result<Value, Failure> {
        let working = talk.working("asking providers which models they have");
        let (explained, source) = reach::run(self.ask(question))?;
        drop(working);
        Ok(explained.told(question, &source))
    }

    fn method(&self, target: &str) -> Result<Method, Failure> {
        match &self.method {
            Some(named) => Method::from_bytes(named.to_ascii_uppercase().as_bytes()).map_err(|_| {
                Failure::new(Exit::Misused, format!("`{named}` is no method. Write GET or POST."))
            }),
            None => Ok(Question::usual_method(target)),
        }
    }

    /// Builds the gateway that `serve` would build, without its doors, and puts the question to it.
    async fn ask(&self, question: &Question<'_>) -> Result<(Explanation, Source), Failure> {
        let mut given = self.named.given(Vec::new())?;
        let loaded = if self.offline {
            config::load(&given).map_err(|problems| refused(&problems))?
        } else {
            search::load(&mut given).await.map_err(|problems| refused(&problems))?.0
        };
        let source = loaded.snapshot.source.clone();
        let gateway = Gateway::new(loaded.snapshot, Arc::new(Books::in_memory(1)));
        let explained = if self.offline {
            gateway.explain_from_memory(question)
        } else {
            gateway.explain(question).await
        };
        Ok((explained, source))
    }
}

/// The path of a whole URL, or the path itself.
fn path_of(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("://") else { return text };
    rest.find('/').map_or("/", |at| &rest[at..])
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::new(Exit::Failed, format!("{} cannot be read: {error}.", file.display()));
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(file).map_err(failed)?.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

/// A text, or nothing.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn all(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn as_text(talk: &Talk, told: &Value) -> String {
    let after = |what: &str, value: &Value| match value.as_str() {
        Some(value) => what.replace("{}", value),
        None => String::new(),
    };
    let (model, operation) = (after("   model {}", &told["model"]), after("   ({})", &told["operation"]));
    let mut lines =
        vec![format!("{} {}{model}{operation}", text(&told["method"]), text(&told["path"])), String::new()];
    let (good, bad) = (talk.mark(Mark::Good), talk.mark(Mark::Bad));
    let (way, error) = (&told["way"], &told["error"]);
    let here = way["reason"] == "here";
    match way["provider"].as_str() {
        _ if here => lines.push(format!("{good} answered by this gateway itself")),
        Some(provider) => {
            let renamed = Some(&way["model"]).filter(|own| **own != told["model"]);
            let renamed = renamed.map(|own| after("   as `{}`", own)).unwrap_or_default();
            lines.push(format!("{good} {provider}{renamed}"));
        }
        None => lines.push(format!(
            "{bad} {} ({}, status {})",
            text(&error["message"]),
            text(&error["code"]),
            error["status"]
        )),
    }
    lines.extend(all(&told["why"]).map(|why| format!("  {}", text(why))));
    let targets: Vec<&Value> = all(&told["targets"]).collect();
    let notable = targets.iter().any(|one| all(&one["why"]).next().is_some());
    if notable {
        let rows: Vec<_> = targets.iter().enumerate().map(|(at, one)| row(at, one)).collect();
        let heads = ["#", "PROVIDER", "MODEL", "WEIGHT", "BREAKER", "RUNNING", "FIRST ANSWER", "WHY"];
        lines.extend([
            String::new(),
            "Asked in this order, each when those before it cannot answer".to_owned(),
        ]);
        lines.extend(table(heads, &rows).lines().map(|line| format!("  {line}")));
    }
    let is_asked = |name: &Value| targets.iter().any(|one| one["provider"] == *name);
    let others: Vec<_> = all(&told["providers"])
        .filter(|one| one["chosen"] != true && !(notable && is_asked(&one["name"])))
        .map(|one| (text(&one["name"]), text(&one["why"])))
        .collect();
    if !others.is_empty() && !here {
        lines.extend([String::new(), "Not".to_owned()]);
        let width = others.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        lines.extend(others.iter().map(|(name, why)| format!("  {name:width$}   {why}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A target, in its place.
fn row(at: usize, one: &Value) -> [String; 8] {
    let left = one["seconds_left"].as_u64().map(|left| format!(", {} left", moment::spoken(left)));
    let breaker = text(&one["breaker"]).replace('_', "-") + left.as_deref().unwrap_or_default();
    let soon = one["first_answer_ms"].as_u64().map(|ms| format!("{ms} ms")).unwrap_or_default();
    let why: Vec<&str> = all(&one["why"]).map(text).collect();
    [
        (at + 1).to_string(),
        text(&one["provider"]).to_owned(),
        text(&one["model"]).to_owned(),
        one["weight"].to_string(),
        breaker,
        one["in_flight"].to_string(),
        soon,
        why.join("; "),
    ]
}
