//! Running gateways, as they write themselves down: which process, where it listens, what it found. That is how the other
//! commands find it. A note without its process is nobody's and is passed over, and so is one that somebody else could have
//! written: a note is believed only of the user whose process it names, and obeyed only when that is ourselves.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::folders;
use crate::screen::View;

/// One running gateway.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(crate) struct Instance {
    /// Its process.
    pub(crate) pid: u32,
    /// When that process was born, in the kernel's ticks: a number that comes back is another process.
    born: u64,
    /// Its version.
    pub(crate) version: String,
    /// Seconds since 1970 when it became ready.
    pub(crate) since: u64,
    /// The folder it was started in.
    pub(crate) folder: PathBuf,
    /// What it was started with, without the program's name.
    pub(crate) arguments: Vec<String>,
    /// The configuration file, if there is one.
    pub(crate) config: Option<PathBuf>,
    /// Where its log goes, if `start` started it.
    pub(crate) log: Option<PathBuf>,
    /// The file its configuration names for log lines.
    #[serde(default)]
    pub(crate) log_file: Option<PathBuf>,
    /// How many readings of its configuration that were asked for have begun; several that ask at once are one. Older versions do
    /// not say.
    #[serde(default)]
    pub(crate) reloads_begun: u64,
    /// How many of those are through.
    pub(crate) reloads: u64,
    /// The mistakes because of which the last reload was refused.
    pub(crate) refused: Option<String>,
    /// What the last reload noticed that is not wrong.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    /// What it found and where requests go, as on the first screen.
    pub(crate) view: View,
    /// When its note was last written: when it began, and around every reading of its configuration.
    #[serde(skip)]
    pub(crate) written: Option<SystemTime>,
    /// It is another user's: it can be asked, and neither commanded nor believed about files.
    #[serde(skip)]
    pub(crate) foreign: bool,
}

impl Instance {
    /// This process, ready now.
    pub(crate) fn this(view: View, config: Option<PathBuf>, log: Option<PathBuf>) -> Self {
        let pid = std::process::id();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self {
            pid,
            born: born(pid).unwrap_or(0),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since,
            folder: std::env::current_dir().unwrap_or_default(),
            arguments: std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
            config,
            log,
            log_file: None,
            reloads_begun: 0,
            reloads: 0,
            refused: None,
            notes: Vec::new(),
            view,
            written: None,
            foreign: false,
        }
    }

    /// Writes the note, or writes it anew. Without a place for it the gateway runs all the same.
    pub(crate) fn note(&self, folder: &Path) {
        let written = folders::make_private(folder).and_then(|()| {
            let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
            folders::write_private(&self.file(folder), &text)
        });
        if let Err(error) = written {
            tracing::warn!(%error, "no note about this gateway could be written: other commands find it by its address only");
        }
    }

    /// Takes the note away.
    pub(crate) fn forget(&self, folder: &Path) {
        let _ = std::fs::remove_file(self.file(folder));
    }

    fn file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.json", self.pid))
    }

    /// Whether both are one: a number alone may be given to another process.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.pid, self.born) == (other.pid, other.born)
    }

    /// Whether its process still runs.
    pub(crate) fn runs(&self) -> bool {
        born(self.pid).is_some_and(|born| born == self.born)
    }

    /// Its process, if it is ours to send signals to and still there.
    pub(crate) fn process(&self) -> Option<Pid> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw)?;
        (self.runs() && !self.foreign).then_some(pid)
    }
}

/// The gateways that run, oldest first.
pub(crate) fn all(environment: &BTreeMap<String, String>) -> Vec<Instance> {
    let mut found: Vec<Instance> = Vec::new();
    for (_, instance) in notes(environment) {
        if instance.runs() && !found.iter().any(|known| known.pid == instance.pid) {
            found.push(instance);
        }
    }
    found.sort_by_key(|instance| (instance.since, instance.pid));
    found
}

/// Where the log of a gateway is: the file `start` gave it, else the one its configuration names, else where `start` would
/// let the next one write.
pub(crate) fn log(running: &[Instance], environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let given = running.iter().find_map(|one| one.log.clone());
    let named = || running.iter().find_map(|one| one.log_file.clone());
    given.or_else(named).or_else(|| folders::log(environment))
}

/// The notes of gateways that are gone.
pub(crate) fn stale(environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let gone = notes(environment).into_iter().filter(|(_, instance)| !instance.runs());
    gone.map(|(file, _)| file).collect()
}

/// Every note, and the file it stands in.
fn notes(environment: &BTreeMap<String, String>) -> Vec<(PathBuf, Instance)> {
    let folders = folders::notes_to_read(environment).into_iter();
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    files.filter_map(|entry| Some((entry.path(), read(&entry.path())?))).collect()
}

/// A note of ours is some kilobytes long.
const LONGEST: u64 = 256 * 1024;

/// Reads one note, unless it is a link, a pipe, too long, or could have been written by somebody else than whose it is.
fn read(file: &Path) -> Option<Instance> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let note = File::from(rustix::fs::open(file, flags, Mode::empty()).ok()?);
    let data = note.metadata().ok()?;
    let only_the_owner_writes = data.mode() & 0o022 == 0;
    if !data.is_file() || data.len() > LONGEST || !only_the_owner_writes {
        return None;
    }
    let mut text = String::new();
    note.take(LONGEST).read_to_string(&mut text).ok()?;
    let mut instance: Instance = serde_json::from_str(&text).ok()?;
    if owner(instance.pid).is_some_and(|owner| owner != data.uid()) {
        return None;
    }
    instance.written = data.modified().ok();
    if data.uid() != rustix::process::geteuid().as_raw() {
        instance.foreign = true;
        // Nothing is run, opened or shown because a stranger wrote so.
        instance.arguments = Vec::new();
        (instance.folder, instance.config, instance.refused) = (PathBuf::new(), None, None);
        (instance.log, instance.log_file) = (None, None);
    }
    Some(instance)
}

/// Whose process it is; none where there is no `/proc`, or no such process any more.
fn owner(pid: u32) -> Option<u32> {
    std::fs::metadata(format!("/proc/{pid}")).ok().map(|data| data.uid())
}

/// When a process was born (proc(5), field 22 of `stat`, counted after the name, which may hold anything). Where there is no
/// `/proc`, a process that can be signalled was born at 0.
fn born(pid: u32) -> Option<u64> {
    if !Path::new("/proc/self/stat").exists() {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        return rustix::process::test_kill_process(pid).ok().map(|()| 0);
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1.split_whitespace().collect::<Vec<_>>();
    // A zombie has ended; its parent only has not looked yet.
    if fields.first() == Some(&"Z") {
        return None;
    }
    fields.get(19)?.parse().ok()
}
