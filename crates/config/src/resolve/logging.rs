//! Where log files are: beside the configuration file, as what is written in it is.

use std::path::{Path, PathBuf};

use super::{Around, storage};
use crate::snapshot::{Logging, Source};

/// Makes the paths whole.
pub(super) fn resolve(logging: Logging, around: &Around<'_>) -> Logging {
    let folder = match &around.source {
        Source::File(file) => file.parent().unwrap_or(Path::new("")),
        Source::Environment | Source::Nothing => Path::new(""),
    };
    let whole = |path: PathBuf| folder.join(storage::at_home(&path, around.environment));
    Logging { file: logging.file.map(whole), access_log_file: logging.access_log_file.map(whole), ..logging }
}
