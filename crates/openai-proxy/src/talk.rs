//! The two voices of a command: data on standard output, words for a person on standard error. Nothing else in this crate
//! prints, but what moves meanwhile (`working.rs`). A reader that has gone away (`| head -1`) is no mistake of ours and ends
//! nothing; a disk that is full is told. What servers and models say may hold terminal commands (a title, the clipboard): they
//! never reach a terminal.

use std::borrow::Cow;
use std::io::{BufRead, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::working::Working;

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
    /// Standard output is a terminal.
    shown: bool,
    /// Why data could not be written, the first time.
    unwritten: Arc<Mutex<Option<std::io::Error>>>,
    /// The reader of standard output has gone away.
    gone: Arc<AtomicBool>,
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
        let shown = std::io::stdout().is_terminal();
        Self { manners, colour, attended, shown, unwritten: Arc::default(), gone: Arc::default() }
    }

    /// The same, saying nothing but results and failures.
    pub(crate) fn hushed(&self) -> Self {
        let manners = Manners { quiet: true, verbose: 0, ..self.manners.clone() };
        Self { manners, ..self.clone() }
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

    /// Data: as it is for programs, without commands for a terminal.
    pub(crate) fn print(&self, text: &str) {
        if self.shown {
            self.print_bytes(harmless(text).as_bytes());
        } else {
            self.print_bytes(text.as_bytes());
        }
    }

    /// Data that need not be text.
    pub(crate) fn print_bytes(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) else { return };
        if error.kind() == ErrorKind::BrokenPipe {
            self.gone.store(true, Ordering::Relaxed);
        } else {
            self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Whether whoever read standard output has gone away: what still comes is for nobody.
    pub(crate) fn reader_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Whether everything printed has reached standard output.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn all_written(&self) -> Result<(), Failure> {
        match self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(error) => {
                Err(Failure::new(Exit::Failed, format!("Standard output cannot be written: {error}.")))
            }
        }
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

    /// Whether words on standard error may be coloured.
    pub(crate) fn coloured(&self) -> bool {
        self.colour
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
            return Working::none();
        }
        Working::begin(&harmless(what))
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

/// Words where no `Talk` is at hand: the running gateway's own few.
pub(crate) fn to_stderr(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{}", harmless(text)).and_then(|()| err.flush());
}

/// The colours of [`Talk::mark`] and their end.
const OURS: [&str; 5] = ["\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"];

/// Text in which a terminal finds nothing to do but to show it: of control characters (ECMA-48) only line ends, tabs and our own
/// colours are left; others are shown as U+FFFD.
fn harmless(text: &str) -> Cow<'_, str> {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(control) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let ours = OURS.iter().find(|code| from.starts_with(**code));
        let (shown, length) = match ours {
            Some(code) => (*code, code.len()),
            None if from.starts_with("\r\n") => ("\n", 2),
            None => ("\u{fffd}", from.chars().next().map_or(1, char::len_utf8)),
        };
        out.push_str(shown);
        rest = &from[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_terminal_is_commanded_by_nobody_but_us() {
        assert_eq!(harmless("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(harmless("\x1b]0;title\x07\x1b[2J"), "\u{fffd}]0;title\u{fffd}\u{fffd}[2J");
        assert_eq!(
            harmless("\x1b[32m✓\x1b[0m a\rb\r\nc\u{9b}1m"),
            "\x1b[32m✓\x1b[0m a\u{fffd}b\nc\u{fffd}1m"
        );
    }
}
