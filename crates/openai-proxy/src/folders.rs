//! Where this program keeps what it must remember between two commands: logs, and notes about running gateways.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Environment = BTreeMap<String, String>;

/// Where a system service keeps its notes; every user's commands look there, too.
const SYSTEM: &str = "/run/openai-proxy";

/// The folder for what outlasts a command: the one systemd made, else the user's own (`config::state_folder`, which also says
/// where the database is). `None`: there is no home.
pub(crate) fn state(environment: &Environment) -> Option<PathBuf> {
    config::state_folder(environment)
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
