//! systemd, the system's or the user's: where its files lie, and telling it what changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::outside::Program;
use crate::exit::{Exit, Failure};
use crate::talk::Talk;

type Environment = BTreeMap<String, String>;

/// Whose systemd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    System,
    User,
}

/// Whose systemd is meant, when that is said.
#[derive(Args, Clone, Copy, Default, Debug)]
pub(super) struct Said {
    /// For the whole system (as root).
    #[arg(long, conflicts_with = "user")]
    system: bool,
    /// For this user only.
    #[arg(long)]
    user: bool,
}

impl Said {
    /// What was said; else the system's for root, the user's for everybody else.
    pub(super) fn or_by_user(self) -> Whose {
        if self.system || (!self.user && rustix::process::geteuid().is_root()) {
            Whose::System
        } else {
            Whose::User
        }
    }
}

impl Whose {
    /// The folder of settings: `/etc`, or `$XDG_CONFIG_HOME`, by default `~/.config`.
    ///
    /// # Errors
    /// When there is no home.
    pub(super) fn settings(self, environment: &Environment) -> Result<PathBuf, Failure> {
        if self == Self::System {
            return Ok(PathBuf::from("/etc"));
        }
        let named = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || environment.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        named.or_else(|| home().map(|home| home.join(".config"))).ok_or_else(|| {
            Failure::new(Exit::Failed, "There is no folder for it. Set HOME or XDG_CONFIG_HOME.")
        })
    }

    /// Where units lie that an administrator or a user wrote (systemd.unit(5)).
    ///
    /// # Errors
    /// When there is no home.
    pub(super) fn units(self, environment: &Environment) -> Result<PathBuf, Failure> {
        let below = if self == Self::System { "systemd/system" } else { "systemd/user" };
        Ok(self.settings(environment)?.join(below))
    }

    /// The words of a call of systemctl.
    fn words<'w>(self, words: &[&'w str]) -> Vec<&'w str> {
        let user: &[&str] = if self == Self::User { &["--user"] } else { &[] };
        [user, words].concat()
    }

    /// A call of systemctl, as it is typed.
    pub(super) fn line(self, words: &[&str]) -> String {
        format!("systemctl {}", self.words(words).join(" "))
    }

    /// What starts its units at boot.
    pub(super) fn target(self) -> &'static str {
        if self == Self::System { "multi-user.target" } else { "default.target" }
    }
}

/// A systemd that hears us.
pub(super) struct Systemd {
    pub(super) whose: Whose,
    program: Program,
}

impl Systemd {
    /// Finds it, and makes sure that it hears us before anything is written.
    ///
    /// # Errors
    /// Exit 69 when there is none, or it does not answer; exit 77 when only root may tell it anything.
    pub(super) fn find(whose: Whose, environment: &Environment) -> Result<Self, Failure> {
        if whose == Whose::System && !rustix::process::geteuid().is_root() {
            return Err(Failure::new(
                Exit::NotAllowed,
                "The whole system is root's: do it as root, or with --user.",
            ));
        }
        let none = "This system is not run by systemd. Start the gateway another way: openai-proxy start";
        let program =
            Program::find("systemctl", environment).ok_or_else(|| Failure::new(Exit::Unreachable, none))?;
        let systemd = Self { whose, program };
        let asked = systemd.program.ask(&whose.words(&["show", "--property=Version"]));
        asked.map_err(|refused| refused.told(Exit::Unreachable))?;
        Ok(systemd)
    }

    /// Tells it something.
    ///
    /// # Errors
    /// When it does not do it; with its words.
    pub(super) fn tell(&self, words: &[&str]) -> Result<(), Failure> {
        self.program.ask(&self.whose.words(words)).map(drop).map_err(Failure::from)
    }

    /// A user's units run while the user is logged in. Says so where nothing lets them start with the system.
    pub(super) fn tell_of_lingering(&self, talk: &Talk, environment: &Environment) {
        if self.whose == Whose::System {
            return;
        }
        let user = rustix::process::geteuid().as_raw().to_string();
        let asked = Program::find("loginctl", environment)
            .and_then(|loginctl| loginctl.ask(&["show-user", &user, "--property=Linger"]).ok());
        if asked.is_none_or(|told| told.trim() != "Linger=yes") {
            talk.say("It starts when you log in. To start it with the system: loginctl enable-linger");
        }
    }
}

/// Makes the folder a file goes to.
///
/// # Errors
/// When the system does not let us.
pub(super) fn make_folder_of(file: &Path) -> Result<(), Failure> {
    let Some(folder) = file.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|why| unwritten(folder, &why))
}

/// Takes a file away; of a user's own settings also the folders above it that are empty then.
///
/// # Errors
/// When the system does not let us.
pub(super) fn take_away(file: &Path, whose: Whose, environment: &Environment) -> Result<(), Failure> {
    std::fs::remove_file(file).map_err(|why| unwritten(file, &why))?;
    if whose == Whose::System {
        // Empty folders below /etc belong to packages.
        return Ok(());
    }
    let top = whose.settings(environment)?;
    let above = file.ancestors().skip(1).take_while(|folder| *folder != top && folder.starts_with(&top));
    for folder in above {
        // Who has something in it keeps it.
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// A place that cannot be changed.
pub(super) fn unwritten(path: &Path, why: &std::io::Error) -> Failure {
    let shown = path.display();
    if why.kind() == std::io::ErrorKind::PermissionDenied {
        return Failure::new(
            Exit::NotAllowed,
            format!("{shown} cannot be changed: {why}. For the whole system: as root."),
        );
    }
    Failure::new(Exit::Failed, format!("{shown} cannot be changed: {why}."))
}
