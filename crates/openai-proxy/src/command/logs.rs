//! `logs`: what the gateway that `start` started has logged.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::instance;
use crate::talk::Talk;

/// Show the gateway's log.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy logs\n  openai-proxy logs -f          and what comes, until Ctrl-C",
    after_help = "A gateway run by systemd logs to its journal: journalctl -u openai-proxy -f"
)]
pub(super) struct Logs {
    /// Go on with what comes.
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines to show.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100)]
    lines: usize,
}

/// How often it is looked for more.
const LOOK: Duration = Duration::from_millis(200);
/// The most that is read of a log's end.
const MOST: u64 = 16 * 1024 * 1024;

impl Logs {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let running = instance::all(&environment);
        let path = instance::log(&running, &environment);
        let path = path.filter(|path| path.is_file()).ok_or_else(|| no_log(running.first()))?;
        let failed =
            |error| Failure::new(Exit::Failed, format!("{} cannot be read: {error}.", path.display()));
        let mut file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MOST))).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        talk.print(&String::from_utf8_lossy(last(&bytes, self.lines)));
        if self.follow {
            follow(talk, &path, file).map_err(failed)?;
        }
        Ok(Exit::Done)
    }
}

fn no_log(running: Option<&instance::Instance>) -> Failure {
    let say = match running {
        Some(one) => format!(
            "The gateway with pid {} logs to its own terminal or journal: journalctl -u openai-proxy",
            one.pid
        ),
        None => "There is no log yet. Start a gateway: openai-proxy start".to_owned(),
    };
    Failure::new(Exit::Failed, say)
}

/// The last so many lines.
fn last(bytes: &[u8], lines: usize) -> &[u8] {
    let ends =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect::<Vec<_>>();
    // One line more than wanted ends where the wanted ones begin.
    match ends.len().checked_sub(lines + 1) {
        Some(before) => &bytes[ends[before] + 1..],
        None => bytes,
    }
}

/// Shows what is added, for ever; begins anew when the file was put aside.
fn follow(talk: &Talk, path: &Path, mut file: File) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    loop {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        talk.print(&String::from_utf8_lossy(&bytes));
        if bytes.is_empty() {
            std::thread::sleep(LOOK);
            let another = std::fs::metadata(path)
                .is_ok_and(|now| file.metadata().is_ok_and(|old| old.ino() != now.ino()));
            if another {
                // What was written between the last look and its being put aside.
                file.read_to_end(&mut bytes)?;
                talk.print(&String::from_utf8_lossy(&bytes));
                file = File::open(PathBuf::from(path))?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::last;

    #[test]
    fn the_last_lines_are_whole_lines() {
        assert_eq!(last(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(last(b"a\nb\n", 5), b"a\nb\n");
        assert_eq!(last(b"", 5), b"");
    }
}
