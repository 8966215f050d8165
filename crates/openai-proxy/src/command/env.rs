//! `env`: variables that lead programs to the gateway, in the words of a shell.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::reach::{Reach, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::Talk;

/// Print the variables that lead programs here.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  eval \"$(openai-proxy env)\"                  bash, zsh, sh\n  openai-proxy env --shell fish | source\n  openai-proxy env --shell dotenv >> .env",
    after_help = "OPENAI_API_KEY is set only where it is not set already: programs insist on one, the gateway needs none."
)]
pub(super) struct Env {
    /// Whose words; without it those of the shell in SHELL.
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    #[command(flatten)]
    place: Where,
}

/// A way of writing variables down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Shell {
    /// bash, zsh, dash and their kin.
    Sh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
    #[value(alias = "nu")]
    Nushell,
    /// A file of `NAME=value` lines.
    Dotenv,
}

impl Env {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let reach = Reach::find(&self.place)?;
        if reach.url.starts_with("unix:") {
            let say = "The gateway listens on a Unix socket only, where programs cannot be led by variables. Give it an address, too.";
            return Err(Failure::new(Exit::Failed, say));
        }
        let environment = environment();
        let mut all = vec![
            ("OPENAI_BASE_URL", reach.base_url()),
            // The older name of the same, which some programs still read.
            ("OPENAI_API_BASE", reach.base_url()),
        ];
        if environment.get("OPENAI_API_KEY").is_none_or(|key| key.trim().is_empty()) {
            all.push(("OPENAI_API_KEY", config::PLACEHOLDER.to_owned()));
        }
        if talk.json() {
            let all = all.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
            talk.print_json(&Value::Object(all.collect::<Map<_, _>>()));
            return Ok(Exit::Done);
        }
        let shell = self.shell.unwrap_or_else(|| usual(environment.get("SHELL").map(String::as_str)));
        for (name, value) in all {
            talk.print(&format!("{}\n", shell.line(name, &value)));
        }
        Ok(Exit::Done)
    }
}

fn usual(shell: Option<&str>) -> Shell {
    match shell.and_then(|path| path.rsplit('/').next()) {
        Some("fish") => Shell::Fish,
        Some("pwsh") => Shell::Powershell,
        Some("nu") => Shell::Nushell,
        _ => Shell::Sh,
    }
}

impl Shell {
    /// One variable. Our values hold no quote, so quoting is simple.
    fn line(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh => format!("export {name}='{value}'"),
            Self::Fish => format!("set -gx {name} '{value}'"),
            Self::Powershell => format!("$env:{name} = '{value}'"),
            Self::Nushell => format!("$env.{name} = '{value}'"),
            Self::Dotenv => format!("{name}={value}"),
        }
    }
}
