//! `config`: where the configuration comes from and what it comes to; and its file in today's spelling.

mod file;
mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use config::Given;

use crate::exit::{Failure, Outcome};
use crate::foundation;
use crate::given::Named;
use crate::talk::Talk;

/// See where settings come from, and keep the file in shape.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy config where                        which files and variables are read\n  openai-proxy config show                         every setting, defaults and all, without secrets\n  openai-proxy config get server.listen\n  openai-proxy config sources providers.openai     who said what, and who won\n  openai-proxy config migrate openai-proxy.yaml    older spellings to today's",
    after_help = "Nothing is contacted: servers of this computer are not looked for.\nExit codes: 0 done, 1 no such setting or file, 4 something is left to do by hand, 78 configuration refused."
)]
pub(super) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List all places that are looked at, and what was found there.
    Where(Named),
    /// Show the configuration as it counts, in its long form, secrets hidden.
    Show(Named),
    /// Show one setting as it counts.
    Get(Setting),
    /// Show what each layer says about each setting, and who wins.
    Sources(Settings),
    /// Print the JSON schema of the file, for editors.
    Schema,
    /// Print a file with its white space tidied.
    Fmt(File),
    /// Print a file with its older spellings in today's.
    Migrate(File),
}

/// One setting.
#[derive(Args)]
struct Setting {
    /// Its path: server.listen
    #[arg(value_name = "PATH")]
    path: String,
    #[command(flatten)]
    named: Named,
}

/// All settings, or some.
#[derive(Args)]
struct Settings {
    /// Only this one and those below it: providers.openai
    #[arg(value_name = "PATH", default_value = "", hide_default_value = true)]
    path: String,
    #[command(flatten)]
    named: Named,
}

/// A file to rewrite.
#[derive(Args)]
struct File {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Rewrite the file itself.
    #[arg(long)]
    write: bool,
}

impl Config {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        match self.what {
            What::Where(named) => view::places(talk, &named.given(Vec::new())?),
            What::Show(named) => view::show(talk, &changed(talk, &named)?),
            What::Get(setting) => view::get(talk, &changed(talk, &setting.named)?, &setting.path),
            What::Sources(settings) => view::sources(talk, &changed(talk, &settings.named)?, &settings.path),
            What::Schema => {
                talk.print_json(&config::schema());
                Ok(crate::exit::Exit::Done)
            }
            What::Fmt(file) => file::tidy(talk, &file.file, file.write),
            What::Migrate(file) => file::migrate(talk, &file.file, file.write),
        }
    }
}

/// What is given, with what was changed at run time.
fn changed(talk: &Talk, named: &Named) -> Result<Given, Failure> {
    let given = named.given(Vec::new())?;
    Ok(foundation::looked(&given).unwrap_or_else(|why| {
        talk.say(&format!("What was changed at run time is not shown: {why}."));
        given
    }))
}
