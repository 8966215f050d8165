//! Other programs: finding them, running them to their end, and what they say when they fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failure};

/// How many lines of another program's words are passed on.
const LINES: usize = 3;

/// A program of this computer, by the name it is typed with.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    path: PathBuf,
}

/// What a program that failed said, and how it ended.
#[derive(Debug)]
pub(super) struct Refused {
    name: &'static str,
    words: String,
}

impl Program {
    /// Looks for it on `PATH`.
    pub(super) fn find(name: &'static str, environment: &BTreeMap<String, String>) -> Option<Self> {
        use std::os::unix::fs::PermissionsExt;
        let runs = |path: &PathBuf| {
            std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
        };
        let folders = environment.get("PATH").map(String::as_str).unwrap_or_default();
        let path = std::env::split_paths(folders).map(|folder| folder.join(name)).find(runs)?;
        Some(Self { name, path })
    }

    /// Where it is.
    pub(super) fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Runs it to its end, with nothing to read; what it wrote on standard output.
    ///
    /// # Errors
    /// When it cannot be run, or fails.
    pub(super) fn ask<S: AsRef<str>>(&self, arguments: &[S]) -> Result<String, Refused> {
        self.run(arguments).map(|(out, _)| out)
    }

    /// As [`Program::ask`], with what it wrote on standard error.
    ///
    /// # Errors
    /// When it cannot be run, or fails.
    pub(super) fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Result<(String, String), Refused> {
        let refused = |words| Refused { name: self.name, words };
        let mut command = Command::new(&self.path);
        command.args(arguments.iter().map(AsRef::as_ref)).stdin(Stdio::null());
        let output = command.output().map_err(|why| refused(why.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok((text(&output.stdout), text(&output.stderr)));
        }
        let words = text(&output.stderr);
        let words = if words.trim().is_empty() { text(&output.stdout) } else { words };
        Err(refused(if words.trim().is_empty() { output.status.to_string() } else { words }))
    }
}

impl Refused {
    /// Whether it says this, in whatever case.
    pub(super) fn says(&self, words: &str) -> bool {
        self.words.to_lowercase().contains(words)
    }

    /// For the person: the end of its words, where programs put the cause.
    pub(super) fn told(&self, exit: Exit) -> Failure {
        let lines: Vec<&str> =
            self.words.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        Failure::new(exit, format!("{} failed:\n{}", self.name, last.join("\n")))
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.told(Exit::Failed)
    }
}

/// Characters that mean nothing to a shell or to systemd.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c)
}

/// A word as it is typed into a shell.
pub(super) fn for_shell(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A word as it stands in a command line of systemd (systemd.service(5), "Command lines"), meaning itself.
pub(super) fn for_systemd(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    // A line that ends would begin another setting. [`on_one_line`] has refused such words with a reason; this holds where it
    // was forgotten.
    let escape =
        |c: char| if c.is_ascii_control() { format!("\\x{:02x}", u32::from(c)) } else { c.to_string() };
    let escaped: String = escaped.chars().map(escape).collect();
    if !word.is_empty() && word.chars().all(is_plain) { escaped } else { format!("\"{escaped}\"") }
}

/// Refuses what cannot stand in one line of a unit or a command.
///
/// # Errors
/// Exit 2 when there is a line break or another control character in it.
pub(super) fn on_one_line(what: &str, text: &str) -> Result<(), Failure> {
    if !text.contains(char::is_control) {
        return Ok(());
    }
    let shown = text.escape_debug();
    Err(Failure::new(
        Exit::Misused,
        format!("{what} holds a line break or another control character: {shown}\nRename it first."),
    ))
}

#[cfg(test)]
mod tests {
    use super::{for_shell, for_systemd, on_one_line};

    #[test]
    fn words_mean_themselves_wherever_they_are_written() {
        assert_eq!(for_shell("--name=a"), "--name=a");
        assert_eq!(for_shell("it's 5 $"), "'it'\\''s 5 $'");
        assert_eq!(for_systemd("/home/a/b.yaml"), "/home/a/b.yaml");
        assert_eq!(for_systemd("/a b/50%$x\"\\"), "\"/a b/50%%$$x\\\"\\\\\"");
        assert_eq!(for_systemd("a\nExecStart=b\t\u{7f}"), "\"a\\x0aExecStart=b\\x09\\x7f\"");
        assert!(on_one_line("It", "/a b/ü").is_ok());
        assert!(
            on_one_line("It", "a\nb")
                .is_err_and(|why| why.say.contains("a\\nb") && why.say.lines().count() == 2)
        );
    }
}
