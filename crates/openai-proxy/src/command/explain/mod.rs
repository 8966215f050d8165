//! `explain`: where a request would go, and why not elsewhere. The request itself is never sent.

mod words;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use config::snapshot::Source;
use gateway::{Explanation, Gateway, Question, Way};
use http::Method;
use protocol::operation::{self, PathProblem};
use serde_json::{Value, json};
use store::Books;

use super::reach;
use crate::exit::{Exit, Failure, Outcome};
use crate::given::{Named, environment, refused};
use crate::instance;
use crate::search;
use crate::talk::{Mark, Talk};
use words::Told;

/// Say where a request would go, and why; nothing of it is sent.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy explain --model llama3.2\n  openai-proxy explain --path /v1/audio/speech --model tts-1\n  openai-proxy explain --body request.json          the model named in it\n  openai-proxy explain --model gpt-4o --offline     without asking providers for their models",
    after_help = "Where it matters, providers are asked which models they have, as the gateway would ask them.\nExit codes: 0 it leads somewhere, 4 nowhere (the error is what the caller would read), 78 configuration refused."
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
    /// Contact nobody: neither servers of this computer nor providers.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    named: Named,
}

/// The largest body that is read: as much as the gateway itself reads by default.
const LARGEST: u64 = 32 * 1024 * 1024;

impl Explain {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let target = path_of(&self.path);
        let method = self.method(target)?;
        let body = self.body.as_deref().map(read).transpose()?;
        let question =
            Question { method: &method, target, model: self.model.as_deref(), body: body.as_deref() };
        let working = talk.working("asking providers which models they have");
        let (explained, source) = reach::run(self.ask(&question))?;
        drop(working);
        let told = Told { explained: &explained, path: target, source: file(&source) };
        if talk.json() {
            talk.print_json(&as_json(&question, &told));
        } else {
            talk.print(&as_text(talk, &question, &told));
            if !instance::all(&environment()).is_empty() {
                talk.say("This is how a gateway started now from here would see it; the one that runs may know of more servers and models.");
            }
        }
        Ok(if explained.way.is_ok() { Exit::Done } else { Exit::Trouble })
    }

    fn method(&self, target: &str) -> Result<Method, Failure> {
        let path = target.split('?').next().unwrap_or(target);
        match &self.method {
            Some(named) => Method::from_bytes(named.to_ascii_uppercase().as_bytes()).map_err(|_| {
                Failure::new(Exit::Misused, format!("`{named}` is no method. Write GET or POST."))
            }),
            None => match operation::find(&Method::POST, path) {
                Err(PathProblem::Method(_)) => Ok(Method::GET),
                _ => Ok(Method::POST),
            },
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

/// The configuration file's name and text, for the lines of rules.
fn file(source: &Source) -> Option<(String, String)> {
    let Source::File(path) = source else { return None };
    Some((path.display().to_string(), config::read_text(path).ok()?))
}

fn as_text(talk: &Talk, question: &Question<'_>, told: &Told<'_>) -> String {
    let explained = told.explained;
    let model = explained.model.as_ref().map(|model| format!("   model {model}")).unwrap_or_default();
    let operation = explained.operation.map(|name| format!("   ({name})")).unwrap_or_default();
    let mut lines = vec![format!("{} {}{model}{operation}", question.method, question.target), String::new()];
    let (good, bad) = (talk.mark(Mark::Good), talk.mark(Mark::Bad));
    match &explained.way {
        Ok(Way::Here { .. }) => lines.push(format!("{good} answered by this gateway itself")),
        Ok(Way::There { provider, model, .. }) => {
            let renamed = model.as_ref().filter(|model| explained.model.as_ref() != Some(model));
            let renamed = renamed.map(|model| format!("   as `{model}`")).unwrap_or_default();
            lines.push(format!("{good} {provider}{renamed}"));
        }
        Err(refused) => {
            lines.push(format!("{bad} {} ({}, status {})", refused.say, refused.code, refused.status))
        }
    }
    lines.extend(told.why().into_iter().map(|why| format!("  {why}")));
    let others = told.places();
    let others: Vec<_> = others.iter().filter(|(_, chosen, _)| !chosen).collect();
    let here = matches!(explained.way, Ok(Way::Here { .. }));
    if !others.is_empty() && !here {
        lines.extend([String::new(), "Not".to_owned()]);
        let width = others.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        lines.extend(others.iter().map(|(name, _, why)| format!("  {name:width$}   {why}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn as_json(question: &Question<'_>, told: &Told<'_>) -> Value {
    let explained = told.explained;
    let places = told.places().into_iter().zip(&explained.places);
    let places: Vec<Value> = places
        .map(|((name, chosen, why), place)| {
            json!({"name": name, "type": place.kind, "priority": place.priority, "chosen": chosen, "why": why})
        })
        .collect();
    let way = match &explained.way {
        Ok(Way::Here { .. }) => json!({"provider": null, "reason": "here"}),
        Ok(Way::There { provider, model, reason }) => {
            json!({"provider": provider, "model": model, "reason": words::word(*reason)})
        }
        Err(_) => Value::Null,
    };
    let error = explained.way.as_ref().err();
    let error = error.map(|error| json!({"status": error.status, "code": error.code, "message": error.say}));
    json!({
        "method": question.method.as_str(),
        "path": question.target,
        "operation": explained.operation,
        "dialect": explained.dialect,
        "model": explained.model,
        "way": way,
        "why": told.why(),
        "error": error,
        "providers": places,
    })
}
