//! A log file: added to line by line, each whole or not at all, put aside when it is large or its day is over, and found
//! again when somebody else has moved it.
//!
//! No library does this: file-rotate and logroller know size or time but not both, open links, and are lost when another
//! program moves the file; tracing-appender knows time alone. Packing is `flate2`'s.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use config::snapshot::{Period, Rotation};
use rustix::fs::OFlags;

use super::aside;
use crate::folders;

/// How often it is looked for files that have become too old.
pub(super) const TIDY: Duration = Duration::from_secs(3600);
/// After a failed attempt to put the file aside.
const AGAIN: Duration = Duration::from_secs(10);

/// A log file and those put aside.
pub(super) struct LogFile {
    path: PathBuf,
    rules: Rotation,
    open: Option<Open>,
    /// Packs what was put aside.
    packer: Option<JoinHandle<io::Result<()>>>,
    tidied: Instant,
    /// The file could not be put aside then; it is written on meanwhile.
    stuck: Option<Instant>,
    trouble: Option<String>,
}

/// The file as it is open.
struct Open {
    file: File,
    size: u64,
    /// When it was last written.
    written: SystemTime,
    /// Which one it is.
    device: u64,
    inode: u64,
}

impl LogFile {
    /// Opens it, and makes it and its folders where they are not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(path: &Path, rules: Rotation) -> io::Result<Self> {
        let open = Some(Open::at(path)?);
        let path = path.to_owned();
        let mut file =
            Self { path, rules, open, packer: None, tidied: Instant::now(), stuck: None, trouble: None };
        file.tidy();
        Ok(file)
    }

    /// Adds a line, its end included.
    ///
    /// # Errors
    /// When it could not be written; nothing of it is in the file then.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let now = SystemTime::now();
        if self.open.as_ref().is_some_and(|open| self.is_due(open, line.len(), now)) {
            self.put_aside();
        }
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(Open::at(&self.path)?),
        };
        open.add(line)?;
        open.written = now;
        Ok(())
    }

    /// Looks whether the file is still the one of its name and how large it has become: others may move it, cut it, or
    /// write into it, too.
    pub(super) fn look(&mut self) {
        let Some(open) = &mut self.open else { return };
        match std::fs::symlink_metadata(&self.path) {
            Ok(data) if (data.dev(), data.ino()) == (open.device, open.inode) => open.size = data.len(),
            _ => self.open = None,
        }
    }

    /// Looks after files put aside, now and then.
    pub(super) fn look_after(&mut self) {
        if self.tidied.elapsed() >= TIDY {
            self.tidy();
        }
    }

    /// What went wrong without a line being lost.
    pub(super) fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn is_due(&self, open: &Open, more: usize, now: SystemTime) -> bool {
        let full = self.rules.max_size > 0 && open.size + more as u64 > self.rules.max_size;
        let over = span(self.rules.every, open.written) != span(self.rules.every, now);
        let stuck = self.stuck.is_some_and(|since| since.elapsed() < AGAIN);
        open.size > 0 && (full || over) && !stuck
    }

    /// Puts the file aside. Where that cannot be done it is written on: a line is worth more than a limit.
    fn put_aside(&mut self) {
        // The packer works under names that are about to change.
        self.packed();
        match aside::put(&self.path, self.rules.backup_count) {
            Ok(()) => {
                self.open = None;
                self.stuck = None;
                self.tidy();
            }
            Err(error) => {
                self.stuck = Some(Instant::now());
                self.trouble = Some(format!("cannot be put aside and grows: {error}"));
            }
        }
    }

    fn tidy(&mut self) {
        self.packed();
        self.tidied = Instant::now();
        let (path, rules) = (self.path.clone(), self.rules);
        let work = move || aside::tidy(&path, &rules);
        // Without a thread it is done the next time.
        self.packer = thread::Builder::new().name("log-packer".to_owned()).spawn(work).ok();
    }

    /// Waits until what was put aside is packed.
    fn packed(&mut self) {
        let done = self.packer.take().map(JoinHandle::join);
        if let Some(Ok(Err(error))) = done {
            self.trouble = Some(format!("was put aside and cannot be packed or taken away: {error}"));
        }
    }
}

impl Open {
    /// Opens a file to be added to. What is no regular file is refused: a pipe nobody reads would hold everything up, and a
    /// link could lead to a file that is no log.
    fn at(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            folders::make_private(folder)?;
        }
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path);
        let file = opened.map_err(|error| match rustix::io::Errno::from_io_error(&error) {
            Some(rustix::io::Errno::LOOP) => io::Error::other("it is a symbolic link, which is not followed"),
            Some(rustix::io::Errno::NXIO) => io::Error::other("it is no regular file"),
            _ => error,
        })?;
        let data = file.metadata()?;
        if !data.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let written = data.modified()?;
        Ok(Self { file, size: data.len(), written, device: data.dev(), inode: data.ino() })
    }

    /// Adds a line; where only a part of it finds room, that is taken back.
    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        let mut done = 0;
        while done < line.len() {
            match self.file.write(&line[done..]) {
                Ok(0) => return self.take_back(done, io::ErrorKind::WriteZero.into()),
                Ok(more) => done += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.take_back(done, error),
            }
        }
        self.size += line.len() as u64;
        Ok(())
    }

    fn take_back(&self, done: usize, error: io::Error) -> io::Result<()> {
        let ours = self.file.metadata().is_ok_and(|data| data.len() == self.size + done as u64);
        if done > 0 && ours {
            self.file.set_len(self.size)?;
        }
        Err(error)
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        self.packed();
    }
}

/// Which hour or day it is.
fn span(every: Period, time: SystemTime) -> Option<u64> {
    let seconds = match every {
        Period::Never => return None,
        Period::Hourly => 3600,
        Period::Daily => 86_400,
    };
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs() / seconds)
}
