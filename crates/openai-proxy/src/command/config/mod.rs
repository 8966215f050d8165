//! `config`: where the configuration comes from and what it comes to; its file in today's spelling; and changing what a
//! running gateway reads, with every change a revision that leads back.

mod adopt;
mod change;
mod file;
mod history;
mod offline;
mod plan;
mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use config::Given;

use super::reach::{Whom, Why};
use crate::exit::{Failure, Outcome};
use crate::foundation;
use crate::given::Named;
use crate::talk::Talk;
use change::Deed;

/// See where settings come from, change them on a running gateway, and keep the file in shape.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy config where                        which files and variables are read\n  openai-proxy config show                         every setting, defaults and all, without secrets\n  openai-proxy config get server.listen\n  openai-proxy config sources providers.openai     who said what, and who won\n  openai-proxy config migrate openai-proxy.yaml    older spellings to today's\n  openai-proxy config set models.fast openai/gpt-4o-mini --reason 'cheaper'\n  openai-proxy config versions                     then: config diff 3, config rollback 3\n  openai-proxy config adopt models.fast --write    from run time into a file",
    after_help = "where, show, get, sources, schema, fmt and migrate read files; the others ask the running gateway.\nExit codes: 0 done, 1 no such setting or file, 4 something is left to do by hand, 5 somebody else changed it,\n69 no gateway runs, 77 not allowed, 78 configuration refused."
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
    /// Change a setting of the running gateway.
    Set {
        /// Its path: models.fast
        #[arg(value_name = "PATH")]
        path: String,
        /// Its value, as in a file; `-` reads a secret from standard input, or asks for it.
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
        #[command(flatten)]
        to: Change,
    },
    /// Take a setting away on the running gateway, whatever its files say.
    Unset {
        /// Its path.
        #[arg(value_name = "PATH")]
        path: String,
        #[command(flatten)]
        to: Change,
    },
    /// Forget what was set at run time: what files say counts again.
    Reset {
        /// Its path.
        #[arg(value_name = "PATH")]
        path: String,
        /// Without a gateway, in the database of the next start.
        #[arg(long, conflicts_with_all = ["url", "if_revision"])]
        offline: bool,
        #[command(flatten)]
        to: Change,
    },
    /// Lay a file over what the running gateway has; what it sets to nothing is taken away.
    Apply {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        to: Change,
    },
    /// Say what a file in the place of the gateway's own, or other values, would change. Nothing happens.
    Plan {
        /// The file, or settings and their values: models.fast=openai/gpt-4o-mini
        #[arg(value_name = "FILE|PATH=VALUE", required = true)]
        candidate: Vec<String>,
        #[command(flatten)]
        whom: Whom,
    },
    /// List the changes of the running gateway's configuration, newest first.
    Versions {
        /// How many.
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        whom: Whom,
    },
    /// Show what one revision says differently than another.
    Diff {
        /// The number of the first.
        #[arg(value_name = "REVISION")]
        from: u64,
        /// The number of the second; without it the one that counts.
        #[arg(value_name = "OTHER")]
        to: Option<u64>,
        #[command(flatten)]
        whom: Whom,
    },
    /// Let an older revision count again, as a new one.
    Rollback {
        /// Its number.
        #[arg(value_name = "REVISION")]
        revision: u64,
        /// Only say what that would change.
        #[arg(long)]
        dry_run: bool,
        /// Without a gateway, in the database of the next start.
        #[arg(long, conflicts_with_all = ["url", "if_revision", "dry_run"])]
        offline: bool,
        #[command(flatten)]
        to: Change,
    },
    /// Print what was set at run time as lines for its file; or write them there.
    Adopt {
        /// The setting, or those below this path.
        #[arg(value_name = "PATH")]
        path: String,
        /// Put them into conf.d/90-adopted.yaml beside its file, and take the run-time setting back.
        #[arg(long)]
        write: bool,
        #[command(flatten)]
        to: Change,
    },
}

/// What a change goes to, and with what.
#[derive(Args)]
struct Change {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    why: Why,
}

impl Change {
    fn parts(&self) -> (&Whom, &Why) {
        (&self.whom, &self.why)
    }
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
            What::Set { path, value, to } => change::one(talk, &path, &Deed::Set(&value), to.parts()),
            What::Unset { path, to } => change::one(talk, &path, &Deed::Unset, to.parts()),
            What::Reset { path, offline: true, to } => {
                offline::change(talk, &offline::Deed::Reset(&path), to.why.reason)
            }
            What::Reset { path, offline: false, to } => change::one(talk, &path, &Deed::Reset, to.parts()),
            What::Apply { file, to } => change::apply(talk, &file, to.parts()),
            What::Plan { candidate, whom } => plan::plan(talk, &candidate, &whom),
            What::Versions { limit, whom } => history::versions(talk, limit, &whom),
            What::Diff { from, to, whom } => history::diff(talk, (from, to), &whom),
            What::Rollback { revision, offline: true, to, .. } => {
                offline::change(talk, &offline::Deed::Rollback(revision), to.why.reason)
            }
            What::Rollback { revision, dry_run, offline: false, to } => {
                history::rollback(talk, revision, dry_run, to.parts())
            }
            What::Adopt { path, write, to } => adopt::adopt(talk, &path, write, to.parts()),
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
