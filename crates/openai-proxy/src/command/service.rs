//! `install-service` and `uninstall-service`: the gateway as a unit of systemd. The files are those under `deploy/systemd`, with
//! the program's own path.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output;
use super::outside::{for_shell, for_systemd, on_one_line};
use super::systemd::{Said, Systemd, Whose, make_folder_of, take_away, unwritten};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::{Mark, Talk};

/// Let systemd keep the gateway running on the host.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy install-service                 for you: starts when you log in\n  sudo openai-proxy install-service --system   for everybody: starts with the system\n  openai-proxy install-service --print         the unit, and nothing is done",
    after_help = "Its log: journalctl --user -u openai-proxy -f (without --user for the system's).\nExit codes: 0 it runs, 1 systemd refused, 5 another file is there, 69 no systemd, 77 not allowed."
)]
pub(super) struct Install {
    #[command(flatten)]
    manner: Manner,
    /// The configuration file it is to read. Without it: what `serve` finds.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Take the gateway out of systemd's hands.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy uninstall-service\n  sudo openai-proxy uninstall-service --system",
    after_help = "It is stopped, too; running calls finish first. Configuration and keys stay."
)]
pub(super) struct Uninstall {
    #[command(flatten)]
    manner: Manner,
}

/// For whom, and whether at all.
#[derive(Args)]
struct Manner {
    #[command(flatten)]
    said: Said,
    /// Show what would be written or run, and do nothing.
    #[arg(long)]
    print: bool,
}

/// The unit's name.
pub(super) const UNIT: &str = "openai-proxy.service";
/// How the files under `deploy/systemd` call the program.
const PROGRAM: &str = "/usr/local/bin/openai-proxy";
/// Every unit of ours begins so.
const OURS: &str = "# openai-proxy, kept running by systemd";

const SYSTEM: &str = include_str!("../../../../deploy/systemd/openai-proxy.service");
const USER: &str = include_str!("../../../../deploy/systemd/user/openai-proxy.service");

/// Installs the unit of whoever runs this, with a configuration file.
///
/// # Errors
/// As for the command.
pub(super) fn at_login(talk: &Talk, config: &Path) -> Outcome {
    let manner = Manner { said: Said::default(), print: false };
    Install { manner, config: Some(config.to_owned()) }.run(talk)
}

impl Install {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let whose = self.manner.said.or_by_user();
        let file = whose.units(&environment)?.join(UNIT);
        let unit = self.unit(whose)?;
        if self.manner.print {
            talk.print(&unit);
            let steps = [whose.line(&["daemon-reload"]), whose.line(&["enable", "--now", UNIT])];
            talk.say(&format!("Would be written to {}, then: {}", file.display(), steps.join("; ")));
            return Ok(Exit::Done);
        }
        let quadlet = whose.settings(&environment)?.join("containers/systemd/openai-proxy.container");
        if quadlet.exists() {
            let say = format!(
                "{} makes a unit of the same name.\nTake it away first: openai-proxy disable-container",
                quadlet.display()
            );
            return Err(Failure::new(Exit::Conflict, say));
        }
        let systemd = Systemd::find(whose, &environment)?;
        make_folder_of(&file)?;
        output::deliver(talk, &file, &unit, &whose.line(&["enable", "--now", UNIT]))?;
        systemd.tell(&["daemon-reload"])?;
        systemd.tell(&["enable", "--now", UNIT])?;
        talk.say(&format!("{} Enabled and started. See: openai-proxy status", talk.mark(Mark::Good)));
        systemd.tell_of_lingering(talk, &environment);
        Ok(Exit::Done)
    }

    /// The file's text.
    fn unit(&self, whose: Whose) -> Result<String, Failure> {
        let program = std::env::current_exe().map_err(|why| {
            Failure::new(Exit::Failed, format!("This program does not know where it lies: {why}."))
        })?;
        let config =
            self.config.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        if whose == Whose::System {
            [Some(&program), config.as_ref()]
                .into_iter()
                .flatten()
                .try_for_each(|path| visible(path, self.manner.print))?;
        }
        for (what, path) in
            [("The path of this program", Some(&program)), ("The path of the configuration", config.as_ref())]
        {
            path.map_or(Ok(()), |path| on_one_line(what, &path.to_string_lossy()))?;
        }
        let mut line = for_systemd(&program.to_string_lossy());
        line.push_str(" serve");
        if let Some(file) = &config {
            line.push_str(&format!(" --config {}", for_systemd(&file.to_string_lossy())));
        }
        let text = if whose == Whose::System { SYSTEM } else { USER };
        Ok(text.replace(&format!("{PROGRAM} serve"), &line))
    }
}

/// The system's service sees no home (`ProtectHome=`). Where nothing is done anyway, nothing is refused.
fn visible(path: &Path, only_shown: bool) -> Result<(), Failure> {
    let hidden = ["/home", "/root", "/run/user"].iter().any(|home| path.starts_with(home));
    if !hidden || only_shown {
        return Ok(());
    }
    let say = format!(
        "{0} lies in somebody's home, which the system's service cannot see.\nPut it elsewhere first, for example: install {0} /usr/local/bin",
        path.display()
    );
    Err(Failure::new(Exit::Failed, say))
}

impl Uninstall {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let whose = self.manner.said.or_by_user();
        let file = whose.units(&environment)?.join(UNIT);
        let (disable, reload) = (["disable", "--now", UNIT], ["daemon-reload"]);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                talk.say("No service is installed.");
                return Ok(Exit::Done);
            }
            Err(why) => return Err(unwritten(&file, &why)),
        };
        if !text.starts_with(OURS) {
            let say = format!("{} was not written by this program. Nothing was changed.", file.display());
            return Err(Failure::new(Exit::Conflict, say));
        }
        if self.manner.print {
            let rm = format!("rm {}", for_shell(&file.to_string_lossy()));
            talk.print(&format!("{}\n{rm}\n{}\n", whose.line(&disable), whose.line(&reload)));
            return Ok(Exit::Done);
        }
        let systemd = Systemd::find(whose, &environment)?;
        systemd.tell(&disable)?;
        take_away(&file, whose, &environment)?;
        systemd.tell(&reload)?;
        talk.say(&format!("{} Stopped and removed.", talk.mark(Mark::Good)));
        Ok(Exit::Done)
    }
}
