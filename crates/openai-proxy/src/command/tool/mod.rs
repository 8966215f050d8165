//! The tools we know how to point at a gateway: one file a tool, all of them data of one shape.
//!
//! What stands in those files was found by running the tools (docs/clients says which versions), or, where that needs a
//! desktop, in their makers' documents.

mod aider;
mod claude;
mod codex;
mod continue_cli;
mod copilot;
mod cursor;
mod gemini;
mod llm;
mod open_webui;
mod opencode;
mod qwen;
mod vscode;
mod zed;

pub(super) mod child;
pub(super) mod copies;
mod file;
pub(super) mod snippet;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::exit::{Exit, Failure};

pub(super) use file::{Change, Format, Step};

/// The variables of this process.
pub(super) type Environment = BTreeMap<String, String>;

/// Where a tool is pointed.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    /// The gateway's address without `/v1`.
    pub(super) root: String,
    /// The caller's key, if the gateway wants one.
    pub(super) key: Option<String>,
    /// The model to ask for.
    pub(super) model: String,
    /// What some provider of the gateway speaks, by the names of operations; `None`: it is not known.
    pub(super) speaks: Option<Vec<String>>,
}

impl Aim {
    /// The address as most tools want it, with `/v1`.
    fn base(&self) -> String {
        format!("{}/v1", self.root)
    }

    /// A key for tools that insist on one.
    fn key(&self) -> String {
        self.key.clone().unwrap_or_else(|| config::PLACEHOLDER.to_owned())
    }
}

/// One tool.
pub(super) struct Tool {
    /// What it is called on our command line; also its program's name, unless `program` says another.
    pub(super) word: &'static str,
    /// What its makers call it.
    pub(super) name: &'static str,
    /// The program to run; none for what has its own windows or lives elsewhere.
    pub(super) program: Option<&'static str>,
    /// The operation it asks for: a provider must speak it.
    pub(super) speaks: &'static str,
    /// How it is installed, in a few words.
    pub(super) install: &'static str,
    /// Variables that point it at us.
    pub(super) variables: fn(&Aim) -> Vec<(&'static str, String)>,
    /// Variables that would get in the way of those.
    pub(super) without: &'static [&'static str],
    /// Arguments that point it at us, in front of the person's own.
    pub(super) arguments: fn(&Aim) -> Vec<String>,
    /// A file it needs besides, made for one run.
    pub(super) temporary: Option<Temporary>,
    /// Its own files, for keeping the settings.
    pub(super) files: &'static [Settings],
    /// What to do where neither variables nor files do.
    pub(super) by_hand: Option<fn(&Aim) -> String>,
    /// What else is worth knowing.
    pub(super) notes: &'static [&'static str],
}

/// A tool of which nothing is known yet: each file of this folder says what is different.
const BLANK: Tool = Tool {
    word: "",
    name: "",
    program: None,
    speaks: "chat",
    install: "",
    variables: |_| Vec::new(),
    without: &[],
    arguments: |_| Vec::new(),
    temporary: None,
    files: &[],
    by_hand: None,
    notes: &[],
};

/// A file of a tool.
pub(super) struct Settings {
    /// The folder it lies in: the first variable that is set, and what stands below it.
    folder: &'static [(&'static str, &'static str)],
    /// Its name. Of several the last that is there counts, else the first.
    names: &'static [&'static str],
    /// How it is written.
    pub(super) format: Format,
    /// What we set in it.
    pub(super) changes: fn(&Aim) -> Vec<Change>,
}

impl Settings {
    /// Where it lies. `None`: there is no home.
    pub(super) fn place(&self, environment: &Environment) -> Option<PathBuf> {
        let folder = folder(self.folder, environment)?;
        let there = self.names.iter().rev().map(|name| folder.join(name)).find(|file| file.exists());
        there.or_else(|| Some(folder.join(self.names.first()?)))
    }

    /// Where it usually lies, for a person.
    pub(super) fn usual(&self) -> String {
        let below =
            self.folder.iter().find(|(variable, _)| *variable == "HOME").map_or("", |(_, below)| below);
        let slash = if below.is_empty() { "" } else { "/" };
        format!("~/{below}{slash}{}", self.names.first().copied().unwrap_or_default())
    }

    /// What it says when only our settings are in it.
    pub(super) fn alone(&self, aim: &Aim) -> String {
        file::apply(self.format, "", &(self.changes)(aim)).unwrap_or_default()
    }

    /// What it says with our settings in it.
    ///
    /// # Errors
    /// Why it cannot be edited without losing something.
    pub(super) fn edited(&self, old: &str, aim: &Aim) -> Result<String, String> {
        file::apply(self.format, old, &(self.changes)(aim))
    }
}

/// The first folder whose variable is set.
fn folder(places: &[(&str, &str)], environment: &Environment) -> Option<PathBuf> {
    let set = |variable: &str| environment.get(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    places.iter().find_map(|(variable, below)| Some(set(variable)?.join(below)))
}

/// A file made for one run and removed after it.
pub(super) struct Temporary {
    /// Its name in a folder of its own.
    pub(super) name: &'static str,
    /// How the tool is told of it.
    pub(super) told: Told,
    /// How it is written.
    format: Format,
    /// What it says.
    changes: fn(&Aim) -> Vec<Change>,
    /// Without it the variables are not enough; else it only sees to it that they win over the person's own settings.
    pub(super) needed: bool,
    /// The tool refuses it below a folder that others may write to, such as /tmp.
    pub(super) strict: bool,
    /// The folder it takes the place of: everything else in there stays visible beside it.
    stands_for: &'static [(&'static str, &'static str)],
}

/// How a tool is told of a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// Its path in this variable.
    Variable(&'static str),
    /// The path of its folder in this variable.
    Folder(&'static str),
    /// Its path behind this argument.
    Argument(&'static str),
}

impl Temporary {
    /// What it says.
    pub(super) fn text(&self, aim: &Aim) -> String {
        file::apply(self.format, "", &(self.changes)(aim)).unwrap_or_default()
    }

    /// The folder it takes the place of, if it does.
    pub(super) fn stands_for(&self, environment: &Environment) -> Option<PathBuf> {
        folder(self.stands_for, environment)
    }
}

/// All tools, in the order they are listed.
static ALL: &[&Tool] = &[
    &claude::TOOL,
    &codex::TOOL,
    &gemini::TOOL,
    &opencode::TOOL,
    &aider::TOOL,
    &continue_cli::TOOL,
    &qwen::TOOL,
    &llm::TOOL,
    &copilot::TOOL,
    &vscode::TOOL,
    &zed::TOOL,
    &cursor::TOOL,
    &open_webui::TOOL,
];

/// All tools.
pub(super) fn all() -> impl Iterator<Item = &'static Tool> {
    ALL.iter().copied()
}

/// The tool of that name, by our word or by its program.
pub(super) fn find(word: &str) -> Option<&'static Tool> {
    all().find(|tool| tool.word == word || tool.program == Some(word))
}

impl Tool {
    /// Whether a gateway can answer it at all.
    ///
    /// # Errors
    /// When no provider there speaks its language: which tools would fit.
    pub(super) fn fits(&self, aim: &Aim) -> Result<(), Failure> {
        let Some(speaks) = &aim.speaks else { return Ok(()) };
        let understood = |tool: &&Tool| speaks.iter().any(|operation| operation == tool.speaks);
        if understood(&self) {
            return Ok(());
        }
        let others: Vec<&str> =
            all().filter(|tool| tool.program.is_some()).filter(understood).map(|tool| tool.word).collect();
        let say = format!(
            "{} asks for `{}`, which no provider of {} speaks, and translation is not built yet.\nThese fit: {}.",
            self.name,
            self.speaks,
            aim.root,
            others.join(", ")
        );
        Err(Failure::new(Exit::Failed, say))
    }

    /// Its program as the search path leads to it.
    pub(super) fn installed(&self, environment: &Environment) -> Option<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        let program = self.program?;
        let runs = |file: &PathBuf| {
            file.metadata().is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o111 != 0)
        };
        std::env::split_paths(environment.get("PATH")?).map(|folder| folder.join(program)).find(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aim() -> Aim {
        Aim {
            root: "http://127.0.0.1:2020".to_owned(),
            key: None,
            model: "org/m:8b".to_owned(),
            speaks: None,
        }
    }

    #[test]
    fn every_tool_can_be_pointed_at_us_somehow() {
        for tool in all() {
            let ways = usize::from(!(tool.variables)(&aim()).is_empty())
                + (tool.arguments)(&aim()).len()
                + tool.files.len()
                + usize::from(tool.by_hand.is_some());
            assert!(ways > 0 && !tool.name.is_empty() && !tool.install.is_empty(), "{}", tool.word);
            assert_eq!(all().filter(|other| other.word == tool.word).count(), 1, "{}", tool.word);
            for settings in tool.files {
                let text = settings.alone(&aim());
                assert!(text.contains("2020") || text.contains("org/m:8b") || text.contains("key"), "{text}");
                // Written twice is written once.
                assert_eq!(settings.edited(&text, &aim()).as_deref(), Ok(text.as_str()), "{}", tool.word);
            }
        }
    }

    #[test]
    fn a_variable_of_the_tool_moves_its_file() {
        let mut environment = Environment::from([("HOME".to_owned(), "/home/x".to_owned())]);
        let file = &codex::TOOL.files[0];
        assert_eq!(file.place(&environment), Some(PathBuf::from("/home/x/.codex/config.toml")));
        environment.insert("CODEX_HOME".to_owned(), "/elsewhere".to_owned());
        assert_eq!(file.place(&environment), Some(PathBuf::from("/elsewhere/config.toml")));
        assert_eq!(file.usual(), "~/.codex/config.toml");
    }
}
