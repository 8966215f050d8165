//! `man`: the manual page, and one for each command. Made from the command line's own description.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Write the manual page.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy man | man -l -\n  openai-proxy man --dir ~/.local/share/man/man1       one page for each command"
)]
pub(super) struct Man {
    /// Write all pages into this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, talk: &Talk, cli: Command) -> Outcome {
        // Commands are described when they are asked for, and each is now.
        let mut cli = cli.disable_help_subcommand(true);
        cli.build();
        let cli = with_examples(cli);
        let Some(dir) = self.dir else {
            let mut page = Vec::new();
            Page::new(cli).render(&mut page).map_err(anyhow::Error::from)?;
            talk.print_bytes(&page);
            return Ok(Exit::Done);
        };
        let written = std::fs::create_dir_all(&dir).and_then(|()| clap_mangen::generate_to(cli, &dir));
        written.map_err(|error| {
            Failure::new(Exit::Failed, format!("The pages cannot be written to {}: {error}.", dir.display()))
        })?;
        talk.say(&format!("The pages are in {}. Next: man openai-proxy", dir.display()));
        Ok(Exit::Done)
    }
}

/// A page has no place for what stands before the help, so examples go behind it.
fn with_examples(command: Command) -> Command {
    let before = command.get_before_help().map(ToString::to_string);
    let after = command.get_after_help().map(ToString::to_string);
    let command = match before {
        Some(before) => {
            let both = [Some(before), after].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
            command.after_help(both)
        }
        None => command,
    };
    command.mut_subcommands(with_examples)
}
