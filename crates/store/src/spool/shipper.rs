//! Reads the files of the spool and writes what they say into the database, once.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::line::{self, Line};
use super::{ENDING, Segment, Spool};
use crate::db::Db;
use crate::files::{self, Open};
use crate::problem::StoreProblem;
use crate::usage_record::UsageRecord;

/// Bytes that are read at once: some hundred records.
const PIECE: usize = 512 * 1024;
/// Who holds this file's lock takes over what the dead have left.
const HEIR: &str = "heir.lock";

/// The reader of a spool. There is one in a process.
#[derive(Debug)]
pub struct Shipper {
    spool: Arc<Spool>,
    own: VecDeque<Reading>,
    /// Calls of this process that have begun and not ended, each with the file that says so.
    open: HashMap<String, (UsageRecord, PathBuf)>,
    estate: Estate,
}

/// What the dead have left.
#[derive(Debug)]
enum Estate {
    /// Not looked at yet, or another process is busy with it.
    Unseen,
    /// Being taken over. The lock goes with it.
    Ours { files: Vec<Reading>, open: HashMap<String, UsageRecord>, _lock: File },
    /// Nothing more.
    Settled,
}

/// A file while it is read.
#[derive(Debug)]
struct Reading {
    path: PathBuf,
    file: File,
    /// Everything before this is in the database.
    offset: u64,
    /// Its writer, if that is this process.
    segment: Option<Arc<Segment>>,
}

/// Whole lines of a file.
struct Piece {
    lines: Vec<Line>,
    end: u64,
}

impl Shipper {
    /// A shipper for this spool.
    pub fn new(spool: Arc<Spool>) -> Self {
        Self { spool, own: VecDeque::new(), open: HashMap::new(), estate: Estate::Unseen }
    }

    /// Brings everything that can be read into the database: first what the dead have left, then our own. Returns how many
    /// records were new there. Blocks; never call it from inside a runtime.
    ///
    /// # Errors
    /// When the database does not take it, or a file cannot be read. What was not taken comes again the next time.
    pub fn ship(&mut self, db: &Db) -> Result<usize, StoreProblem> {
        let inherited = self.inherit(db)?;
        let own = self.ship_own(db)?;
        Ok(inherited + own)
    }

    /// Whether everything that was written is in the database, and no call is running.
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
            && !matches!(self.estate, Estate::Ours { .. })
            && self.spool.fresh().is_empty()
            && self.own.iter().all(Reading::is_read)
    }

    /// Takes the empty file of this process away, at the very end. One that is not done with stays for whoever comes next.
    pub fn close(mut self) {
        if self.is_done() {
            while let Some(reading) = self.own.pop_front() {
                let _ = std::fs::remove_file(&reading.path);
            }
        }
    }

    fn ship_own(&mut self, db: &Db) -> Result<usize, StoreProblem> {
        let mut new = 0;
        loop {
            for segment in self.spool.fresh().drain(..) {
                match Reading::own(segment) {
                    Ok(reading) => self.own.push_back(reading),
                    Err(error) => tracing::error!(%error, "a spool file of ours cannot be read"),
                }
            }
            let Some(reading) = self.own.front_mut() else { return Ok(new) };
            // Asked before the reading: whatever comes after this was there to be read.
            let closed = reading.segment.as_ref().is_none_or(|own| own.closed.load(Ordering::Acquire));
            let piece = reading.piece().map_err(|error| StoreProblem::file(&reading.path, error))?;
            if piece.lines.is_empty() && piece.end == reading.offset {
                if !closed {
                    return Ok(new);
                }
                self.finish()?;
                continue;
            }
            let ended = ended(&piece.lines);
            if !ended.is_empty() {
                new += db.append_now(ended)?;
            }
            reading.offset = piece.end;
            let path = reading.path.clone();
            for line in piece.lines {
                match line {
                    Line::Begun(record) => {
                        self.open.insert(record.record_id.clone(), (record, path.clone()));
                    }
                    Line::Ended(record) => {
                        self.open.remove(&record.record_id);
                    }
                    // Written by ourselves below; `open` has it, or its end has been read.
                    Line::Carried(_) => {}
                }
            }
        }
    }

    /// The first of our files is closed and read: what is still open in it is written again in the youngest, then it goes.
    fn finish(&mut self) -> Result<(), StoreProblem> {
        let Some(reading) = self.own.pop_front() else { return Ok(()) };
        let mut text = vec![b'\n'];
        let mut here = self.open.values().filter(|(_, path)| *path == reading.path);
        let written = here
            .try_for_each(|(record, _)| line::write(&mut text, line::CARRIED, record))
            .and_then(|()| if text.len() == 1 { Ok(PathBuf::new()) } else { self.carry(&text) });
        match written {
            Ok(youngest) => {
                for (_, path) in self.open.values_mut().filter(|(_, path)| *path == reading.path) {
                    path.clone_from(&youngest);
                }
                let _ = std::fs::remove_file(&reading.path);
                Ok(())
            }
            Err(error) => {
                let problem = StoreProblem::file(&reading.path, error);
                self.own.push_front(reading);
                Err(problem)
            }
        }
    }

    fn carry(&self, text: &[u8]) -> io::Result<PathBuf> {
        let active = self.spool.active.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        active.add(text)?;
        active.file.sync_data()?;
        Ok(active.path.clone())
    }

    /// Takes over the files of processes that are gone: what ended in them first, of all of them, then what had only begun.
    fn inherit(&mut self, db: &Db) -> Result<usize, StoreProblem> {
        if matches!(self.estate, Estate::Unseen) {
            self.estate = estate(&self.spool.folder);
        }
        let Estate::Ours { files, open, .. } = &mut self.estate else { return Ok(0) };
        let mut new = 0;
        for reading in files.iter_mut() {
            loop {
                let piece = reading.piece().map_err(|error| StoreProblem::file(&reading.path, error))?;
                if piece.lines.is_empty() && piece.end == reading.offset {
                    break;
                }
                let ended = ended(&piece.lines);
                if !ended.is_empty() {
                    new += db.append_now(ended)?;
                }
                reading.offset = piece.end;
                for line in piece.lines {
                    match line {
                        Line::Begun(record) | Line::Carried(record) => {
                            open.insert(record.record_id.clone(), record);
                        }
                        Line::Ended(record) => {
                            open.remove(&record.record_id);
                        }
                    }
                }
            }
        }
        // A call that ended in one file and was carried into a later one is in the database by now, which passes over this.
        let interrupted: Vec<UsageRecord> = open.values().cloned().map(UsageRecord::interrupted).collect();
        if !interrupted.is_empty() {
            new += db.append_now(interrupted)?;
        }
        for reading in files.drain(..) {
            let _ = std::fs::remove_file(&reading.path);
        }
        self.estate = Estate::Settled;
        if new > 0 {
            tracing::info!(records = new, "usage of a gateway that had ended early is in the books");
        }
        Ok(new)
    }
}

impl Reading {
    fn own(segment: Arc<Segment>) -> io::Result<Self> {
        let file = files::read_file(&segment.path)?;
        Ok(Self { path: segment.path.clone(), file, offset: 0, segment: Some(segment) })
    }

    fn is_read(&self) -> bool {
        self.file.metadata().is_ok_and(|data| data.len() == self.offset)
    }

    /// The next whole lines. A line that was not written whole is passed over when it is known that no more of it comes.
    fn piece(&self) -> io::Result<Piece> {
        let mut bytes = vec![0; PIECE];
        loop {
            let read = self.file.read_at(&mut bytes, self.offset)?;
            let whole = bytes[..read].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            if whole == 0 && read == bytes.len() {
                // One line longer than a piece.
                bytes.resize(bytes.len() * 2, 0);
                continue;
            }
            // The last line of the dead may have no end: it was being written when they died, so nothing came of it.
            let all = if self.segment.is_none() && read < bytes.len() { read } else { whole };
            let mut lines = Vec::new();
            for text in bytes[..all].split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
                match line::read(text) {
                    Some(line) => lines.push(line),
                    None => tracing::warn!(
                        file = %self.path.display(),
                        bytes = text.len(),
                        "a line of the spool was not written whole; its call was never sent, or is written again below"
                    ),
                }
            }
            return Ok(Piece { lines, end: self.offset + all as u64 });
        }
    }
}

fn ended(lines: &[Line]) -> Vec<UsageRecord> {
    let ended = |line: &Line| match line {
        Line::Ended(record) => Some(record.clone()),
        Line::Begun(_) | Line::Carried(_) => None,
    };
    lines.iter().filter_map(ended).collect()
}

/// What there is to take over, if nobody else is at it.
fn estate(folder: &Path) -> Estate {
    let path = folder.join(HEIR);
    let Ok(lock) = files::private_file(&path, Open::Kept) else { return Estate::Unseen };
    if lock.try_lock().is_err() {
        return Estate::Unseen;
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Estate::Unseen };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|is| is == ENDING)).collect();
    paths.sort();
    let files: Vec<Reading> = paths.into_iter().filter_map(orphan).collect();
    if files.is_empty() {
        return Estate::Settled;
    }
    Estate::Ours { files, open: HashMap::new(), _lock: lock }
}

/// The file, if its process is gone.
fn orphan(path: PathBuf) -> Option<Reading> {
    let file = files::read_file(&path).ok()?;
    file.try_lock().ok()?;
    // Its owner may have finished with it between our finding and locking it.
    (file.metadata().ok()?.nlink() > 0).then_some(Reading { path, file, offset: 0, segment: None })
}
