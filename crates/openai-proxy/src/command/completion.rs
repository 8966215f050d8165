//! `completion`: what a shell needs to complete our commands and flags. Made from the command line's own description.

use clap::{Args, Command, ValueEnum};
use clap_complete::{Shell, generate};
use clap_complete_nushell::Nushell;

use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

/// Write a completion script for a shell.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy completion bash > ~/.local/share/bash-completion/completions/openai-proxy\n  openai-proxy completion zsh > \"${fpath[1]}/_openai-proxy\"\n  openai-proxy completion fish > ~/.config/fish/completions/openai-proxy.fish\n  openai-proxy completion powershell | Out-String | Invoke-Expression\n  source <(openai-proxy completion bash)          for this shell only"
)]
pub(super) struct Completion {
    /// The shell.
    shell: Which,
}

/// A shell that is known.
#[derive(Clone, Copy, ValueEnum)]
enum Which {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
    Nushell,
}

impl Completion {
    pub(super) fn run(self, talk: &Talk, mut cli: Command) -> Outcome {
        let name = "openai-proxy";
        let mut script = Vec::new();
        match self.shell {
            Which::Bash => {
                generate(Shell::Bash, &mut cli, name, &mut script);
                script = as_called(&script);
            }
            Which::Zsh => generate(Shell::Zsh, &mut cli, name, &mut script),
            Which::Fish => generate(Shell::Fish, &mut cli, name, &mut script),
            Which::Powershell => generate(Shell::PowerShell, &mut cli, name, &mut script),
            Which::Elvish => generate(Shell::Elvish, &mut cli, name, &mut script),
            Which::Nushell => generate(Nushell, &mut cli, name, &mut script),
        }
        talk.print_bytes(&script);
        Ok(Exit::Done)
    }
}

/// clap_complete 4.6 names the branches of a bash script otherwise than it sets `cmd` when the program's name has a hyphen, so that
/// nothing behind the first word is completed.
fn as_called(script: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(script).replace("openai__subcmd__proxy", "openai__proxy").into_bytes()
}
