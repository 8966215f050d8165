//! What is logged: how much by which part, in which form, and where it is kept for how long.

use std::path::PathBuf;
use std::time::Duration;

/// What is logged, and how.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Logging {
    /// How much is told.
    pub levels: Levels,
    /// Human text or JSON lines.
    pub format: LogFormat,
    /// Where lines are written besides standard error.
    pub file: Option<PathBuf>,
    /// When that file, and the one of the access log, is put aside.
    pub rotation: Rotation,
    /// One line for every finished call.
    pub access_log: AccessLog,
    /// A file for these lines alone; `None`: they stand among the others.
    pub access_log_file: Option<PathBuf>,
}

/// How much is told, by part.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Levels {
    /// By parts that are not named.
    pub default: Level,
    /// By those that are.
    pub parts: Vec<(Part, Level)>,
}

impl Levels {
    /// What somebody wrote for a part.
    pub fn written(&self, part: Part) -> Option<Level> {
        self.parts.iter().find(|(named, _)| *named == part).map(|(_, level)| *level)
    }
}

/// How much is told; each with what stands before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Level {
    /// What an operator must look at.
    Error,
    /// What went wrong for somebody.
    Warn,
    /// What happens to the program.
    #[default]
    Info,
    /// What went wrong and is usual.
    Debug,
    /// Everything.
    Trace,
}

/// A part of the program, as one who reads its log would name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Doors, connections and TLS towards callers.
    Listen,
    /// Understanding requests.
    Intake,
    /// Where requests go.
    Routing,
    /// Connections to providers.
    Upstream,
    /// Passing answers on.
    Relay,
    /// Counting calls.
    Account,
    /// The database and the spool.
    Store,
    /// Changes of the configuration.
    Control,
    /// Start, stop, reload.
    Program,
    /// The HTTP engines below us.
    Http,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Listen,
        Self::Intake,
        Self::Routing,
        Self::Upstream,
        Self::Relay,
        Self::Account,
        Self::Store,
        Self::Control,
        Self::Program,
        Self::Http,
    ];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Intake => "intake",
            Self::Routing => "routing",
            Self::Upstream => "upstream",
            Self::Relay => "relay",
            Self::Account => "account",
            Self::Store => "store",
            Self::Control => "control",
            Self::Program => "program",
            Self::Http => "http",
        }
    }
}

/// The shape of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// Human always.
    Human,
    /// JSON always.
    Json,
}

/// The shape of the line about a finished call.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum AccessLog {
    /// None is written.
    #[default]
    Off,
    /// JSON.
    Json,
    /// Apache's combined format: with the page a caller came from, and its program.
    Combined,
    /// Apache's common format.
    Common,
}

/// When a log file is put aside, and how long it is kept then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// Before it would become larger than so many bytes; 0: not because of its size.
    pub max_size: u64,
    /// How many files put aside are kept.
    pub backup_count: usize,
    /// Files put aside are not kept longer.
    pub max_age: Option<Duration>,
    /// When a new hour or day begins, however large it is.
    pub every: Period,
    /// Files put aside are packed.
    pub compress: bool,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { max_size: 5 << 20, backup_count: 3, max_age: None, every: Period::Never, compress: true }
    }
}

/// A span of the clock, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Period {
    /// None.
    #[default]
    Never,
    /// An hour.
    Hourly,
    /// A day.
    Daily,
}
