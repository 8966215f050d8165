//! What a configuration is read from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use protocol::secret::Secret;

use crate::frozen::Frozen;
use crate::origin::Layer;

/// What we were given to read. Nothing global is looked at.
#[derive(Clone, Default, Debug)]
pub struct Given {
    /// The file named on the command line (`--config`).
    pub file: Option<PathBuf>,
    /// No file is looked for: what is given otherwise is everything.
    pub no_file: bool,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// What flags say, as (dotted path, value): `("server.listen", "127.0.0.1:3000")`. They win over everything.
    pub overrides: Vec<(String, String)>,
    /// The home folder, for `~/.config`.
    pub home: Option<PathBuf>,
    /// Settings that are kept elsewhere than in files: stronger than files, weaker than variables. Later ones win.
    pub stored: Vec<Stored>,
    /// What `${sealed:NAME}` stands for: secrets that are kept sealed elsewhere, opened for us.
    pub sealed: BTreeMap<String, Secret>,
    /// What callers' keys are kept with. Without it, those that are kept hashed cannot be told from others.
    pub pepper: Option<Secret>,
    /// What files said at one moment; none: they are read when it is asked what they say.
    pub frozen: Option<Arc<Frozen>>,
    /// Servers that were recognised on this computer, in order of preference: the layer below the file.
    pub found: Vec<Found>,
    /// Variables whose usual meaning does not hold: they name another program's files and not ours.
    pub set_apart: Vec<String>,
}

impl Given {
    /// The same without what was changed at run time.
    #[must_use]
    pub fn without_changes(&self) -> Self {
        let mut given = self.clone();
        given.stored.retain(|row| row.layer != Layer::Database);
        given
    }
}

/// One setting that is kept elsewhere than in a file: changed at run time, or taken over from another program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// [`Layer::Imported`] or [`Layer::Database`].
    pub layer: Layer,
    /// The words of its path.
    pub path: Vec<String>,
    /// Its value, as YAML; `null` takes away what the layers below say.
    pub value: String,
    /// A map that takes the place of what the layers below say, instead of being laid over it.
    pub alone: bool,
    /// What it is called in messages: `revision 12`.
    pub place: String,
    /// Who wrote it.
    pub author: Option<String>,
    /// When.
    pub time: Option<SystemTime>,
}

/// A server that was recognised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The provider's name; a second server of the same kind gets a number behind it.
    pub name: String,
    /// The vendor's name (`type`).
    pub kind: String,
    /// Its base URL.
    pub base_url: String,
}
