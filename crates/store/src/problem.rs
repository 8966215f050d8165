//! What can be wrong with a store, in words.

use std::path::{Path, PathBuf};

/// Why something was not stored, or not found.
#[derive(Debug, thiserror::Error)]
pub enum StoreProblem {
    /// The database does not answer now: locked, full, read-only, restarting. Later it may.
    #[error("the database is away: {0}")]
    Away(String),
    /// A newer version of this program has been here.
    #[error(
        "{place} was made by a newer version of openai-proxy (its schema is {found}, this version knows {known}). It was not touched. Use the newer version, or another `storage.database`."
    )]
    Newer {
        /// Which database.
        place: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file is a database of something else.
    #[error(
        "{0} is a database of another program. It was not touched. Name another file in `storage.database`."
    )]
    Foreign(PathBuf),
    /// The file is damaged, or no database.
    #[error(
        "{place} is damaged or no database ({why}). It was not touched. Put the newest good copy in its place: openai-proxy db restore --recover"
    )]
    Damaged {
        /// Which database.
        place: String,
        /// What the driver says.
        why: String,
    },
    /// The disk failed while the file was written or read. What is in it now, nobody can say.
    #[error(
        "{place}: the disk failed ({why}). Nothing is written into it any more. Look at the disk, and at the database (openai-proxy db health), and restart."
    )]
    Suspect {
        /// Which database.
        place: String,
        /// What the driver says.
        why: String,
    },
    /// A file or folder cannot be used as it is.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A secret cannot be opened, or not be sealed.
    #[error("a secret in the database cannot be used: {0}")]
    Secret(String),
    /// A text would not come back as it was given.
    #[error("a text cannot be kept: {0}")]
    Unfit(&'static str),
    /// The address of a database cannot be understood. It may hold a password and is not repeated.
    #[error("`storage.database` cannot be understood: {0}")]
    Address(String),
}

impl StoreProblem {
    /// A file or folder cannot be used, because of this.
    pub(crate) fn file(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::File { path: path.to_owned(), why: why.to_string() }
    }

    /// Whether it is wrong to start with this. Else what comes is spooled, until the database is well again or a person has
    /// seen to it.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Away(_) | Self::Suspect { .. })
    }
}
