//! What has happened and is not in the database yet, in files of this computer (docs/adr/0020).
//!
//! A line is written before a provider is asked and another when the call has ended, each by a `write(2)` that has
//! returned, with those of others or alone: a process that is killed afterwards leaves it in the system's hands. A [`Shipper`] brings what was written into
//! the database, from memory or from the files, again and again until it took it; record ids make that once. A file belongs
//! to the process that holds its lock; what the dead have left is taken over by whoever comes next.

mod line;
mod pace;
mod reading;
mod shipper;

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use line::Kind;
use pace::Pace;
pub use shipper::Shipper;

use crate::files::{self, Open};
use crate::usage_record::UsageRecord;

/// A file longer than this is closed and another begun.
const LONGEST: u64 = 4 * 1024 * 1024;
/// Nearly every line is shorter.
const A_LINE: usize = 512;
/// How the files are named.
const ENDING: &str = "spool";
/// So many records are remembered at most: those of some seconds in which the database holds up its reader.
const REMEMBERED: usize = 32_768;

/// Calls that are about to be made: their lines, which are written at once.
#[derive(Debug)]
pub struct Beginnings {
    text: Vec<u8>,
    count: usize,
}

impl Default for Beginnings {
    fn default() -> Self {
        let mut text = Vec::with_capacity(A_LINE);
        text.push(b'\n');
        Self { text, count: 0 }
    }
}

impl Beginnings {
    /// Adds the line of a call.
    ///
    /// # Errors
    /// When its record cannot be written as a line; nothing is added then.
    pub fn add(&mut self, record: &UsageRecord) -> io::Result<()> {
        let whole = self.text.len();
        line::write(&mut self.text, Kind::Begun, record).inspect_err(|_| self.text.truncate(whole))?;
        self.count += 1;
        Ok(())
    }

    /// How many calls there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// Whether a process that lives has a file in this folder.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files = files.filter(|path| path.extension().is_some_and(|is| is == ENDING));
    files.any(|path| files::read_file(&path).is_ok_and(|file| file.try_lock().is_err()))
}

/// The files of this process, and the one it writes to.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    longest: u64,
    /// Held for reading while a line is written, for writing while one file follows another: so nothing is written to a
    /// file that is already closed.
    active: RwLock<Arc<Segment>>,
    /// Files of this process that the shipper has not met yet.
    fresh: Mutex<Vec<Arc<Segment>>>,
    /// Something was written since the last sync.
    dirty: AtomicBool,
    /// Files that are closed, or about to be, whose last lines may not be on the disk yet.
    full: Mutex<Vec<Arc<Segment>>>,
    pace: Pace,
    /// Records that ended lately and stand in a file; `None`: more than are remembered.
    recent: Mutex<Option<Vec<UsageRecord>>>,
}

/// One file.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    /// Open for adding, and locked: that says that its process lives.
    file: File,
    length: AtomicU64,
    /// No line will follow.
    closed: AtomicBool,
}

impl Spool {
    /// A spool in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with_files_of(folder, LONGEST)
    }

    fn with_files_of(folder: &Path, longest: u64) -> io::Result<Self> {
        files::private_folder(folder)?;
        let first = Arc::new(Segment::create(folder)?);
        Ok(Self {
            folder: folder.to_owned(),
            longest,
            active: RwLock::new(first.clone()),
            fresh: Mutex::new(vec![first]),
            dirty: AtomicBool::new(false),
            full: Mutex::new(Vec::new()),
            pace: Pace::new(),
            recent: Mutex::new(Some(Vec::new())),
        })
    }

    /// Providers are about to be asked. When this has returned, the calls are known even if we are killed. Says whether
    /// these are the first lines since the last [`Self::sync`].
    ///
    /// # Errors
    /// When nothing, or not everything, can be written: then nobody would know of the calls.
    pub fn begin(&self, calls: &Beginnings) -> io::Result<bool> {
        self.add(&calls.text)
    }

    /// Calls have ended. Says whether these are the first lines since the last [`Self::sync`].
    ///
    /// # Errors
    /// When nothing, or not everything, can be written; writing all of them again is then right.
    pub fn ended(&self, records: &[UsageRecord]) -> io::Result<bool> {
        // Before and not after: who looks at a file that is closed shall find its records remembered.
        self.turn_over()?;
        let mut text = Vec::with_capacity(A_LINE * records.len());
        text.push(b'\n');
        for record in records {
            line::write(&mut text, Kind::Ended, record)?;
        }
        self.add(&text)
    }

    /// Keeps records in memory that were written to a file, until the shipper fetches them. Says whether these are the first.
    pub fn remember(&self, mut records: Vec<UsageRecord>) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = recent.as_mut() else { return false };
        let first = kept.is_empty();
        if kept.len() + records.len() > REMEMBERED {
            *recent = None;
        } else if first {
            *kept = records;
        } else {
            kept.append(&mut records);
        }
        first
    }

    /// How many are remembered; none once it was too many.
    pub fn remembered(&self) -> usize {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.as_ref().map_or(0, Vec::len)
    }

    /// What is remembered, all of it; `None`: more has ended since the last time than is remembered.
    fn recent(&self) -> Option<Vec<UsageRecord>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).replace(Vec::new())
    }

    /// What was written so far survives a power cut, too.
    ///
    /// # Errors
    /// When the disk fails. The file is then not trusted any more, and another is begun.
    pub fn sync(&self) -> io::Result<()> {
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        // Before those that are full: what is closed meanwhile is among them, or this one.
        let active = self.active();
        let full = std::mem::take(&mut *self.full());
        // A second sync of the same file would say that all is well (F-51).
        let synced =
            self.pace.sync(|| active.file.sync_data()).inspect_err(|_failed| _ = self.follow(&active));
        let others = full.iter().map(|file| self.pace.sync(|| file.file.sync_data()));
        // All of them, whatever became of the others.
        others.fold(synced, |one, other| one.and(other))
    }

    /// Whether writing may take long by now: who has others to look after lets somebody else do it.
    pub fn is_slow(&self) -> bool {
        self.pace.is_slow()
    }

    /// Whether a line can be written.
    pub fn can_be_written(&self) -> bool {
        self.add(b"\n").is_ok()
    }

    fn add(&self, text: &[u8]) -> io::Result<bool> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        self.pace.write(|| active.add(text))?;
        Ok(!self.dirty.swap(true, Ordering::AcqRel))
    }

    /// Writes lines of an older file again.
    fn carry(&self, text: &[u8]) -> io::Result<()> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        active.add(text)?;
        let file = active.clone();
        // Not under the lock: who begins another file would wait for the disk there, and behind it every call.
        drop(active);
        self.pace.sync(|| file.file.sync_data())
    }

    fn active(&self) -> Arc<Segment> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn full(&self) -> MutexGuard<'_, Vec<Arc<Segment>>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self) -> MutexGuard<'_, Vec<Arc<Segment>>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins another file when this one is long.
    fn turn_over(&self) -> io::Result<()> {
        let active = self.active();
        if active.length.load(Ordering::Relaxed) < self.longest {
            return Ok(());
        }
        // Its last lines are for the next sync: who writes records waits for no disk.
        self.full().push(active.clone());
        self.follow(&active).inspect_err(|_failed| self.full().retain(|full| !Arc::ptr_eq(full, &active)))
    }

    /// Begins another file after this one.
    fn follow(&self, last: &Arc<Segment>) -> io::Result<()> {
        let next = Arc::new(Segment::create(&self.folder)?);
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&active, last) {
            self.fresh().push(next.clone());
            *active = next;
            last.closed.store(true, Ordering::Release);
        } else {
            let _ = std::fs::remove_file(&next.path);
        }
        Ok(())
    }
}

impl Segment {
    /// Makes a file under another name, locks it, and then gives it the name by which it is found: nobody meets it unlocked.
    fn create(folder: &Path) -> io::Result<Self> {
        let name = uuid::Uuid::now_v7();
        let path = folder.join(format!("{name}.{ENDING}"));
        let hidden = folder.join(format!("{name}.new"));
        let file = files::private_file(&hidden, Open::New)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::Error::other("somebody else has locked it"),
        })?;
        std::fs::rename(&hidden, &path)?;
        Ok(Self::of(path, file))
    }

    fn of(path: PathBuf, file: File) -> Self {
        Self { path, file, length: AtomicU64::new(0), closed: AtomicBool::new(false) }
    }

    /// Adds lines by one call of the system, so that those of several threads do not mix. They begin with an empty one: if
    /// a full disk cut the line before them short, they stand on lines of their own all the same.
    fn add(&self, text: &[u8]) -> io::Result<()> {
        let written = (&self.file).write(text)?;
        self.length.fetch_add(written as u64, Ordering::Relaxed);
        if written < text.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_synced_by_who_syncs_and_not_by_who_writes() {
        let folder = std::env::temp_dir().join(format!("spool-{}", uuid::Uuid::now_v7()));
        let spool = Spool::with_files_of(&folder, 1).unwrap();
        for _ in 0..3 {
            spool.ended(&[UsageRecord::default()]).unwrap();
        }
        assert_eq!(spool.full().len(), 2, "the third is the one that is written to");
        spool.sync().unwrap();
        assert!(spool.full().is_empty());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
