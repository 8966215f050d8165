//! `launch`: a tool with the gateway behind it, for this once; or its settings written, and put back.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::connect::{Aimed, list, named};
use super::output::difference;
use super::tool::child::Run;
use super::tool::copies::{Copies, NOWHERE, content, leads_nowhere};
use super::tool::snippet::{self, quoted};
use super::tool::{Aim, Environment, Told, Tool};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::Talk;

/// Run a tool with the gateway behind it.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy launch                    the tools, and which are installed\n  openai-proxy launch claude             for this once; nothing of yours is changed\n  openai-proxy launch codex --model gpt-5 -- exec \"hello\"\n  openai-proxy launch aider --config     write its settings, after showing what changes\n  openai-proxy launch aider --restore    put them back as they were"
)]
pub(super) struct Launch {
    /// The tool; without it, all are listed.
    tool: Option<String>,
    #[command(flatten)]
    aimed: Aimed,
    /// Write the tool's own settings instead of running it; a copy is kept.
    #[arg(long)]
    config: bool,
    /// Put the tool's settings back as they were before --config.
    #[arg(long, conflicts_with = "config")]
    restore: bool,
    /// Only show what would be done.
    #[arg(long)]
    print: bool,
    /// The tool's own arguments.
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

impl Launch {
    /// Ends with the tool's own exit code when one is run.
    pub(super) fn run(self, talk: &Talk) -> Result<ExitCode, Failure> {
        let environment = environment();
        let Some(word) = &self.tool else { return list(talk, &environment).map(ExitCode::from) };
        let tool = named(word)?;
        if self.restore {
            return restore(tool, talk, &environment, self.print).map(ExitCode::from);
        }
        if self.config {
            let aim = self.aimed.aim(talk)?;
            tool.fits(&aim)?;
            return configure(tool, &aim, talk, self.print).map(ExitCode::from);
        }
        let Some(program) = tool.program else {
            let say = format!(
                "{} cannot be run from here. How to point it at the gateway: openai-proxy connect {}",
                tool.name, tool.word
            );
            return Err(Failure::new(Exit::Misused, say));
        };
        let there = tool.installed(&environment);
        if there.is_none() && !self.print {
            let say = format!("`{program}` is not installed, or not in PATH. Install it: {}", tool.install);
            return Err(Failure::new(Exit::Failed, say));
        }
        let aim = self.aimed.aim(talk)?;
        tool.fits(&aim)?;
        if self.print {
            talk.print(&plan(tool, program, &aim, &self.arguments));
            return Ok(Exit::Done.into());
        }
        let file = there.unwrap_or_else(|| PathBuf::from(program));
        let run = Run::new(tool, &file, &aim, &environment)?;
        Ok(run.finish(&self.arguments)?)
    }
}

/// What a run would be: variables, the command, and the temporary file.
fn plan(tool: &Tool, program: &str, aim: &Aim, own: &[String]) -> String {
    let mut words: Vec<String> =
        tool.without.iter().flat_map(|name| ["-u".to_owned(), (*name).to_owned()]).collect();
    words.extend((tool.variables)(aim).into_iter().map(|(name, value)| format!("{name}={}", quoted(&value))));
    let mut arguments: Vec<String> = (tool.arguments)(aim).iter().map(|word| quoted(word)).collect();
    let mut file = String::new();
    if let Some(temporary) = &tool.temporary {
        let path = format!("TEMPORARY/{}", temporary.name);
        match temporary.told {
            Told::Variable(name) => words.push(format!("{name}={path}")),
            Told::Folder(name) => words.push(format!("{name}=TEMPORARY")),
            Told::Argument(name) => arguments.extend([name.to_owned(), path.clone()]),
        }
        file = format!("\n# {path}, removed afterwards\n{}", temporary.text(aim));
    }
    arguments.extend(own.iter().map(|word| quoted(word)));
    let env = if words.is_empty() { String::new() } else { format!("env {} ", words.join(" ")) };
    format!("{env}{}\n{file}", [vec![program.to_owned()], arguments].concat().join(" "))
}

/// One file and what it would say.
struct Edit {
    file: PathBuf,
    old: Option<String>,
    new: String,
}

/// Writes a tool's own settings, after showing what changes.
fn configure(tool: &Tool, aim: &Aim, talk: &Talk, only_show: bool) -> Outcome {
    let environment = environment();
    if tool.files.is_empty() {
        return by_hand(tool, aim, talk, &format!("{} has no file for this.", tool.name));
    }
    let mut edits = Vec::new();
    for settings in tool.files {
        let file = settings.place(&environment).ok_or_else(no_home)?;
        let shown = file.display().to_string();
        let Ok(old) = content(&file)?.map(String::from_utf8).transpose() else {
            return by_hand(tool, aim, talk, &format!("{shown} is left alone: it is not UTF-8."));
        };
        if leads_nowhere(&file) {
            return by_hand(tool, aim, talk, &format!("{shown} is left alone: {NOWHERE}."));
        }
        match settings.edited(old.as_deref().unwrap_or_default(), aim) {
            Ok(new) => edits.push(Edit { file, old, new }),
            Err(why) => return by_hand(tool, aim, talk, &format!("{shown} is left alone: {why}.")),
        }
    }
    edits.retain(|edit| edit.old.as_ref() != Some(&edit.new));
    if edits.is_empty() {
        talk.say(&format!("{} is pointed there already; nothing changed.", tool.name));
        return Ok(Exit::Done);
    }
    let shown: Vec<String> = edits.iter().map(Edit::shown).collect();
    if only_show {
        talk.print(&shown.join("\n"));
        return Ok(Exit::Done);
    }
    talk.say(&shown.join("\n"));
    agreed(talk, "Write this?", "Write it with --yes.")?;
    let mut copies = Copies::open(tool.word, &environment)?;
    for edit in &edits {
        copies.write(&edit.file, &edit.new)?;
        talk.say(&format!("{} is written.", edit.file.display()));
        if let Some(warning) = edit.exposed(aim) {
            talk.say(&warning);
        }
    }
    for note in tool.notes {
        talk.say(&format!("  {note}"));
    }
    talk.say(&format!(
        "Next: {}. To undo it: openai-proxy launch {} --restore",
        tool.program.unwrap_or(tool.name),
        tool.word
    ));
    Ok(Exit::Done)
}

/// What cannot be written is shown, to be copied.
fn by_hand(tool: &Tool, aim: &Aim, talk: &Talk, why: &str) -> Outcome {
    talk.say(&format!("{why} By hand:\n"));
    talk.print(&snippet::text(tool, aim));
    Ok(Exit::Conflict)
}

impl Edit {
    /// A warning when the key now stands in a file that others may read: whose it is, and who else needs it, we cannot know.
    fn exposed(&self, aim: &Aim) -> Option<String> {
        use std::os::unix::fs::PermissionsExt;
        let key = aim.key.as_deref()?;
        let mode = self.file.metadata().ok()?.permissions().mode() & 0o777;
        let shown = self.file.display();
        (mode & 0o044 != 0 && self.new.contains(key)).then(|| {
            format!("Warning: the key stands in it, and others may read it (mode {mode:o}). Close it: chmod 600 {shown}")
        })
    }

    fn shown(&self) -> String {
        let new = if self.old.is_none() { " (new)" } else { "" };
        let lines = near_changes(&difference(self.old.as_deref().unwrap_or_default(), &self.new));
        format!("{}{new}\n{lines}", self.file.display())
    }
}

/// Puts a tool's settings back.
fn restore(tool: &Tool, talk: &Talk, environment: &Environment, only_show: bool) -> Outcome {
    let copies = Copies::open(tool.word, environment)?;
    if copies.is_empty() {
        talk.say(&format!("Nothing to put back: no settings of {} were written.", tool.name));
        return Ok(Exit::Done);
    }
    let back = copies.back()?;
    let text =
        |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    let mut shown = Vec::new();
    for one in &back {
        let (file, gone) = (one.file.display(), if one.then.is_none() { " (will be gone)" } else { "" });
        let since = if one.changed { " was changed since; that would be lost:" } else { "" };
        let lines = near_changes(&difference(&text(&one.now), &text(&one.then)));
        shown.push(format!("{file}{gone}{since}\n{lines}"));
    }
    if only_show {
        talk.print(&shown.join("\n"));
        return Ok(Exit::Done);
    }
    if back.iter().any(|one| one.changed) {
        talk.say(&shown.join("\n"));
        agreed(talk, "Put it back all the same?", "Put it back all the same with --yes.")?;
    }
    copies.restore().context("Not everything is back")?;
    for one in &back {
        let what = if one.then.is_some() { "is as it was" } else { "is gone, as before" };
        talk.say(&format!("{} {what}.", one.file.display()));
    }
    Ok(Exit::Done)
}

/// A yes, or a failure that says how to give one.
fn agreed(talk: &Talk, question: &str, otherwise: &str) -> Result<(), Failure> {
    if talk.yes() || (talk.attended() && talk.confirm(question)) {
        return Ok(());
    }
    let say = if talk.attended() {
        "Nothing was written.".to_owned()
    } else {
        format!("Nothing was written. {otherwise}")
    };
    Err(Failure::new(Exit::Conflict, say))
}

fn no_home() -> Failure {
    Failure::new(Exit::Failed, "There is no home folder: set HOME.")
}

/// The changed lines of a difference, with three lines around them.
fn near_changes(difference: &str) -> String {
    const AROUND: usize = 3;
    let lines: Vec<&str> = difference.lines().collect();
    let changed: Vec<usize> = (0..lines.len()).filter(|at| !lines[*at].starts_with(' ')).collect();
    let near = |at: usize| changed.iter().any(|other| other.abs_diff(at) <= AROUND);
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        match near(at) {
            true => out.push_str(&format!("{line}\n")),
            false if at == 0 || near(at - 1) => out.push_str("  ...\n"),
            false => {}
        }
    }
    out
}
