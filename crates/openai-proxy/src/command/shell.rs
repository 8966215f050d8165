//! Variables in the words of a shell.

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::given::environment;
use crate::talk::Talk;

/// A way of writing variables down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Shell {
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

/// Prints variables in the words of that shell, without one of the shell that SHELL names; as JSON where that is wanted.
pub(super) fn print(talk: &Talk, shell: Option<Shell>, all: Vec<(&str, String)>) {
    if talk.json() {
        let all = all.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        talk.print_json(&Value::Object(all.collect::<Map<_, _>>()));
        return;
    }
    let shell = shell.unwrap_or_else(|| usual(environment().get("SHELL").map(String::as_str)));
    for (name, value) in all {
        talk.print(&format!("{}\n", shell.line(name, &value)));
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
