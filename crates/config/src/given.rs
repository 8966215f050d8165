//! What a configuration is read from.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
    /// Servers that were recognised on this computer, in order of preference: the layer below the file.
    pub found: Vec<Found>,
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
