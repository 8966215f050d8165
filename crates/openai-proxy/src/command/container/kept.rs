//! How systemd keeps the container: the file that says so, its form, and what systemd is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::engine::Engine;
use super::recipe::Recipe;
use super::unit;
use crate::command::systemd::{Said, Systemd, Whose};
use crate::exit::Failure;

type Environment = BTreeMap<String, String>;

/// How systemd keeps the container.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Whose systemd.
    pub(super) whose: Whose,
    /// The file that says so.
    pub(super) file: PathBuf,
    /// Its form.
    pub(super) form: Form,
}

/// The form of a unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A file for Quadlet, which makes the unit of it.
    Quadlet,
    /// The unit itself.
    Plain,
}

impl Form {
    /// Both.
    const ALL: [Self; 2] = [Self::Quadlet, Self::Plain];

    /// What this podman understands. One that does not tell its version is a new one.
    pub(super) fn of(engine: &Engine) -> Self {
        if engine.version().is_none_or(|version| version >= (4, 4)) { Self::Quadlet } else { Self::Plain }
    }

    /// The unit's name. Quadlet names it after its file.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Quadlet => "openai-proxy.service",
            Self::Plain => "openai-proxy-container.service",
        }
    }
}

impl Kept {
    /// Where the file of this form lies, whether it is there or not.
    ///
    /// # Errors
    /// When there is no home.
    pub(super) fn place(whose: Whose, form: Form, environment: &Environment) -> Result<Self, Failure> {
        let file = match form {
            Form::Quadlet => whose.settings(environment)?.join("containers/systemd/openai-proxy.container"),
            Form::Plain => whose.units(environment)?.join(form.unit()),
        };
        Ok(Self { whose, file, form })
    }

    /// The one that is enabled for whoever asks; root has two places.
    ///
    /// # Errors
    /// When there is no home to look in.
    pub(super) fn find(environment: &Environment) -> Result<Option<Self>, Failure> {
        let own = Said::default().or_by_user();
        let also = Some(Whose::User).filter(|_| own == Whose::System && environment.contains_key("HOME"));
        for whose in std::iter::once(own).chain(also) {
            if let Some(kept) = Self::of(whose, environment)? {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// The one that is enabled there.
    ///
    /// # Errors
    /// When there is no home.
    pub(super) fn of(whose: Whose, environment: &Environment) -> Result<Option<Self>, Failure> {
        for form in Form::ALL {
            let kept = Self::place(whose, form, environment)?;
            if kept.file.exists() {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// Has systemd start it.
    ///
    /// # Errors
    /// When systemd does not.
    pub(super) fn start(&self, environment: &Environment) -> Result<(), Failure> {
        Systemd::find(self.whose, environment)?.tell(&["start", self.form.unit()])
    }

    /// Has systemd stop it.
    ///
    /// # Errors
    /// When systemd does not.
    pub(super) fn stop(&self, environment: &Environment) -> Result<(), Failure> {
        Systemd::find(self.whose, environment)?.tell(&["stop", self.form.unit()])
    }

    /// What systemd is told once the file is there. Quadlet's units are made anew at each reload and cannot be enabled; their
    /// file says by what they are started.
    pub(super) fn steps(&self) -> Vec<Vec<&'static str>> {
        let unit = self.form.unit();
        let start = match self.form {
            Form::Quadlet => vec!["start", unit],
            Form::Plain => vec!["enable", "--now", unit],
        };
        vec![vec!["daemon-reload"], start]
    }

    /// What undoes that, before and after the file goes.
    pub(super) fn steps_back(&self) -> [Vec<&'static str>; 2] {
        let unit = self.form.unit();
        let stop = match self.form {
            Form::Quadlet => vec!["stop", unit],
            Form::Plain => vec!["disable", "--now", unit],
        };
        [stop, vec!["daemon-reload"]]
    }

    /// What the file says.
    pub(super) fn text(&self, recipe: &Recipe, engine: &Engine, keys: &Path) -> String {
        match self.form {
            Form::Quadlet => unit::quadlet(recipe, self.whose, keys),
            Form::Plain => unit::plain(recipe, (&engine.path(), keys), self.whose),
        }
    }
}
