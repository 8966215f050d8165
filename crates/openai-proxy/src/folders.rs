//! Where this program keeps what it must remember between two commands: logs, and notes about running gateways.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Environment = BTreeMap<String, String>;

/// Where a system service keeps its notes; every user's commands look there, too.
const SYSTEM: &str = "/run/openai-proxy";

/// The user's own folder: `$XDG_STATE_HOME/openai-proxy`, by default `~/.local/state/openai-proxy` (XDG Base Directory
/// Specification 0.8). `None`: there is no home.
pub(crate) fn state(environment: &Environment) -> Option<PathBuf> {
    let named = environment.get("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || environment.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    named.or_else(|| home().map(|home| home.join(".local/state"))).map(|folder| folder.join("openai-proxy"))
}

/// Where a gateway writes its note: the folder systemd made for it (`RuntimeDirectory=`, systemd.exec(5)), else the user's.
pub(crate) fn notes_to_write(environment: &Environment) -> Option<PathBuf> {
    let given = environment.get("RUNTIME_DIRECTORY").and_then(|all| all.split(':').next()).map(PathBuf::from);
    given.filter(|path| path.is_absolute()).or_else(|| state(environment).map(|state| state.join("run")))
}

/// Where notes may be found.
pub(crate) fn notes_to_read(environment: &Environment) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = notes_to_write(environment).into_iter().collect();
    all.extend(state(environment).map(|state| state.join("run")));
    all.push(PathBuf::from(SYSTEM));
    all.dedup();
    all
}

/// Where `start` lets the gateway write its log.
pub(crate) fn log(environment: &Environment) -> Option<PathBuf> {
    state(environment).map(|state| state.join("openai-proxy.log"))
}

/// Makes a folder that is nobody else's business (0700), with those above it.
///
/// # Errors
/// When the system does not let us.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file that only its owner reads, whole or not at all.
///
/// # Errors
/// When the system does not let us.
pub(crate) fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    let mut out =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    out.write_all(text.as_bytes())?;
    std::fs::rename(&beside, file)
}
