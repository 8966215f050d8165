//! `connect`: how to point a tool at the gateway, to copy. Nothing is written.

use clap::Args;
use serde_json::{Value, json};

use super::reach::Where;
use super::tool::{self, Aim, Environment, Tool, snippet};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::{Mark, Talk};

/// Show how to point a tool at the gateway.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy connect                   the tools, and which are installed\n  openai-proxy connect claude            variables and files to copy\n  openai-proxy connect zed --model qwen3:8b"
)]
pub(super) struct Connect {
    /// The tool; without it, all are listed.
    tool: Option<String>,
    #[command(flatten)]
    aimed: Aimed,
}

/// Where a tool is to be pointed.
#[derive(Args)]
pub(super) struct Aimed {
    #[command(flatten)]
    place: Where,
    /// The model to ask for. Without it: the first that the gateway lists and that chats.
    #[arg(short, long, value_name = "NAME")]
    model: Option<String>,
    /// The key the gateway wants of its callers, if it wants one.
    #[arg(long, value_name = "KEY", env = "OPENAI_PROXY_KEY", hide_env_values = true)]
    key: Option<String>,
}

impl Aimed {
    /// Asks the gateway for what was not said.
    ///
    /// # Errors
    /// When a tool cannot reach such an address, or a model is needed and the gateway does not answer.
    pub(super) fn aim(self, talk: &Talk) -> Result<Aim, Failure> {
        use super::reach::{Reach, run};
        let mut reach = Reach::find(&self.place)?;
        let root = reach.url.clone();
        if root.starts_with("unix:") {
            let say =
                format!("Tools cannot reach {root}. Let the gateway listen on a port, too: server.listen.");
            return Err(Failure::new(Exit::Misused, say));
        }
        let model = match self.model {
            Some(model) => model,
            None => {
                let model = run(reach.chat_model())?;
                talk.say(&format!(
                    "Model: {model}, the first of {root}/v1/models that chats (--model NAME)."
                ));
                model
            }
        };
        let speaks = reach.instance.as_ref().map(|instance| instance.view.speaks.clone());
        Ok(Aim { root, key: self.key.filter(|key| !key.is_empty()), model, speaks })
    }
}

impl Connect {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let Some(word) = self.tool else { return list(talk, &environment()) };
        let tool = named(&word)?;
        let aim = self.aimed.aim(talk)?;
        tool.fits(&aim)?;
        if talk.json() {
            talk.print_json(&snippet::json(tool, &aim));
        } else {
            talk.print(&snippet::text(tool, &aim));
            for note in tool.notes {
                talk.say(&format!("{} {note}", talk.mark(Mark::Nothing)));
            }
        }
        Ok(Exit::Done)
    }
}

/// The tool of that name.
///
/// # Errors
/// Naming those there are.
pub(super) fn named(word: &str) -> Result<&'static Tool, Failure> {
    tool::find(word).ok_or_else(|| {
        let words: Vec<&str> = tool::all().map(|tool| tool.word).collect();
        let say = format!("`{word}` is no tool we know. There are: {}.", words.join(", "));
        Failure::new(Exit::Misused, say)
    })
}

/// All tools, and which are installed.
pub(super) fn list(talk: &Talk, environment: &Environment) -> Outcome {
    if talk.json() {
        let all: Vec<Value> = tool::all()
            .map(|tool| {
                json!({
                    "tool": tool.word,
                    "name": tool.name,
                    "launch": tool.program.is_some(),
                    "config": !tool.files.is_empty(),
                    "program": tool.installed(environment),
                })
            })
            .collect();
        talk.print_json(&Value::Array(all));
        return Ok(Exit::Done);
    }
    for tool in tool::all() {
        let there = tool.installed(environment);
        let mark = talk.mark(if there.is_some() { Mark::Good } else { Mark::Nothing });
        let state = match (tool.program, there) {
            (Some(_), Some(file)) => file.display().to_string(),
            (Some(_), None) => format!("not installed: {}", tool.install),
            (None, _) if tool.files.is_empty() => "by hand: connect".to_owned(),
            (None, _) => "by its file: connect, or launch --config".to_owned(),
        };
        talk.print(&format!("{mark} {:<11} {:<19} {state}\n", tool.word, tool.name));
    }
    talk.say("\nNext: openai-proxy launch TOOL   run it with the gateway, for this once\n      openai-proxy connect TOOL  how to do that by hand");
    Ok(Exit::Done)
}
