//! The two voices of a command: data on standard output, words for a person on standard error. Nothing else in this crate
//! prints. A reader that has gone away (`| head -1`) is no mistake of ours and ends nothing.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::exit::Failure;

/// Flags every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Manners {
    /// Tell more; twice: tell everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Tell nothing but results and failures.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Results as JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// No colours, no movement (also: the variable NO_COLOR, or no terminal).
    #[arg(long, global = true)]
    no_color: bool,
    /// Ask nothing; what needs an answer fails.
    #[arg(long, global = true)]
    no_input: bool,
    /// Answer every question with yes.
    #[arg(short, long, global = true)]
    yes: bool,
}

/// How to speak, decided once.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    manners: Manners,
    /// Standard error is a terminal and may be coloured.
    colour: bool,
    /// Somebody sits there and may be asked.
    attended: bool,
}

/// What a mark says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mark {
    Good,
    Bad,
    Warning,
    Nothing,
}

impl Mark {
    /// The sign, without colour.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Warning => "!",
            Self::Nothing => "·",
        }
    }
}

impl Talk {
    /// `no_color` is the value of the variable NO_COLOR, if it is set (no-color.org: any but an empty one).
    pub(crate) fn new(manners: Manners, no_color: Option<&str>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let colour = terminal && !manners.no_color && no_color.is_none_or(str::is_empty);
        let attended = terminal && std::io::stdin().is_terminal() && !manners.no_input && !manners.json;
        Self { manners, colour, attended }
    }

    /// The same, saying nothing but results and failures.
    pub(crate) fn hushed(&self) -> Self {
        let manners = Manners { quiet: true, verbose: 0, ..self.manners.clone() };
        Self { manners, ..*self }
    }

    /// Whether results are wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        self.manners.json
    }

    /// How much more is to be told.
    pub(crate) fn verbose(&self) -> u8 {
        self.manners.verbose
    }

    /// Whether every question is answered with yes.
    pub(crate) fn yes(&self) -> bool {
        self.manners.yes
    }

    /// Whether questions can be put.
    pub(crate) fn attended(&self) -> bool {
        self.attended
    }

    /// Data, as it is.
    pub(crate) fn print(&self, text: &str) {
        self.print_bytes(text.as_bytes());
    }

    /// Data that need not be text.
    pub(crate) fn print_bytes(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// A result for programs: one JSON document.
    pub(crate) fn print_json(&self, value: &Value) {
        self.print(&format!("{value:#}\n"));
    }

    /// Words, and a line end.
    pub(crate) fn say(&self, text: &str) {
        if !self.manners.quiet {
            to_stderr(text);
        }
    }

    /// Words for those who want more.
    pub(crate) fn more(&self, text: &str) {
        if self.manners.verbose > 0 {
            to_stderr(text);
        }
    }

    /// A failure is told even to those who want quiet.
    pub(crate) fn complain(&self, failure: &Failure) {
        if self.json() {
            let told = serde_json::json!({"error": {"message": failure.say, "exit": failure.exit as u8}});
            to_stderr(&told.to_string());
        } else {
            to_stderr(&failure.say);
        }
    }

    /// A mark, coloured where that is wanted.
    pub(crate) fn mark(&self, mark: Mark) -> String {
        let code = match mark {
            Mark::Good => "32",
            Mark::Bad => "31",
            Mark::Warning => "33",
            Mark::Nothing => "2",
        };
        self.painted(mark.sign(), code)
    }

    /// Text in colour where that is wanted; `code` is an SGR parameter (ECMA-48, 8.3.117).
    pub(crate) fn painted(&self, text: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Shows that something takes time, until the result is dropped. Nothing moves where nobody looks.
    pub(crate) fn working(&self, what: &str) -> Working {
        if !self.colour || self.manners.quiet {
            return Working(None);
        }
        let bar = indicatif::ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Working(Some(bar))
    }

    /// Puts a question to the person; an empty answer is `usual`. `None`: nobody can be asked.
    pub(crate) fn ask(&self, question: &str, usual: &str) -> Option<String> {
        if !self.attended {
            return None;
        }
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} [{usual}] ").and_then(|()| err.flush());
        let mut answer = String::new();
        match std::io::stdin().lock().read_line(&mut answer) {
            Ok(0) | Err(_) => None,
            Ok(_) if answer.trim().is_empty() => Some(usual.to_owned()),
            Ok(_) => Some(answer.trim().to_owned()),
        }
    }

    /// Whether the person says yes. With `--yes` nobody is asked; where nobody can be asked it is no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        let answer = || self.ask(question, "n").unwrap_or_default();
        self.manners.yes || matches!(answer().to_ascii_lowercase().as_str(), "y" | "yes")
    }
}

/// Something moves on the terminal until this is dropped.
pub(crate) struct Working(Option<indicatif::ProgressBar>);

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Words where no `Talk` is at hand: the running gateway's own few.
pub(crate) fn to_stderr(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{text}").and_then(|()| err.flush());
}
