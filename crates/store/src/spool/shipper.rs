//! Brings what the spool has into the database, once.
//!
//! Files are the truth, memory is the fast way: [`Shipper::take`] writes records as they come, and of their lines looks only
//! at the ids, when their file is full, to see that nothing is missing before the file goes. As soon as the database has not
//! taken something, everything is read from the files again, until there is nothing more in them ([`Shipper::ship`]).

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::line::{self, Id, Kind};
use super::reading::{Piece, Place, Reading};
use super::{ENDING, Spool};
use crate::db::Db;
use crate::files::{self, Open};
use crate::problem::StoreProblem;
use crate::usage_record::UsageRecord;

/// Who holds this file's lock takes over what the dead have left.
const HEIR: &str = "heir.lock";

/// The reader of a spool. There is one in a process.
#[derive(Debug)]
pub struct Shipper {
    spool: Arc<Spool>,
    /// Oldest first. Only the first one is read.
    own: VecDeque<Reading>,
    /// Everything that has ended is in the database or still to come from memory.
    level: bool,
    /// Records that came from memory and are in the database, whose lines have not been met yet.
    taken: HashSet<Id>,
    /// Calls that have begun in the first file, as far as it is read, and have not ended in it.
    begun: HashMap<Id, Place>,
    /// Calls that were written again in a younger file, and have not ended.
    carried: HashSet<Id>,
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

impl Shipper {
    /// A shipper for this spool.
    pub fn new(spool: Arc<Spool>) -> Self {
        let (own, level, estate) = (VecDeque::new(), false, Estate::Unseen);
        let (taken, begun, carried) = (HashSet::new(), HashMap::new(), HashSet::new());
        Self { spool, own, level, taken, begun, carried, estate }
    }

    /// Brings everything that can be read into the database: first what the dead have left, then our own. Returns how many
    /// records were new there. Blocks; never call it from inside a runtime.
    ///
    /// # Errors
    /// When the database does not take it, or a file cannot be read. What was not taken comes again the next time.
    pub fn ship(&mut self, db: &Db) -> Result<usize, StoreProblem> {
        self.level = false;
        let inherited = self.inherit(db)?;
        let own = self.ship_own(db, usize::MAX)?;
        // Their lines have all been met by now: some before they came from memory.
        self.taken.clear();
        self.level = true;
        Ok(inherited + own)
    }

    /// The same, but for what the spool still remembers and need not be read ([`Spool::remember`]).
    ///
    /// # Errors
    /// The same.
    pub fn take(&mut self, db: &Db) -> Result<usize, StoreProblem> {
        // Before the records are fetched: of those in a file that is closed by now, all are remembered by now.
        self.meet();
        let full = self.own.iter().filter(|file| file.is_closed()).count();
        let recent = self.spool.recent();
        let Some(records) = recent.filter(|_| self.level) else { return self.ship(db) };
        // Until all went well: what is lost on the way is in the files.
        self.level = false;
        let mut new = self.inherit(db)?;
        if !records.is_empty() {
            let ids: Vec<Id> = records.iter().filter_map(id).collect();
            new += db.append_now(records)?;
            if !self.carried.is_empty() {
                ids.iter().for_each(|id| _ = self.carried.remove(id));
            }
            self.taken.extend(ids);
        }
        new += self.ship_own(db, full)?;
        self.level = true;
        Ok(new)
    }

    /// Whether everything that was written is in the database, and no call is running.
    pub fn is_done(&self) -> bool {
        self.begun.is_empty()
            && self.carried.is_empty()
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

    /// Looks at files that were begun since.
    fn meet(&mut self) {
        for segment in self.spool.fresh().drain(..) {
            match Reading::own(segment) {
                Ok(reading) => self.own.push_back(reading),
                Err(error) => tracing::error!(%error, "a spool file of ours cannot be read"),
            }
        }
    }

    /// Reads our files, until so many of them have gone or there is nothing more to read.
    fn ship_own(&mut self, db: &Db, mut files: usize) -> Result<usize, StoreProblem> {
        let mut new = 0;
        while files > 0 {
            self.meet();
            let Some(reading) = self.own.front() else { break };
            // Asked before the reading: whatever comes after this was there to be read.
            let closed = reading.is_closed();
            let piece = reading.piece().map_err(|error| StoreProblem::file(&reading.path, error))?;
            if !piece.is_empty() {
                new += self.learn(db, &piece)?;
            } else if closed {
                self.finish()?;
                files -= 1;
            } else {
                break;
            }
        }
        Ok(new)
    }

    /// Takes in what a piece of the first of our files says. Its records are written, if they have not come from memory.
    fn learn(&mut self, db: &Db, piece: &Piece) -> Result<usize, StoreProblem> {
        let Some(reading) = self.own.front_mut() else { return Ok(0) };
        let mut ended = Vec::new();
        for (place, text) in piece.lines() {
            match line::head(text) {
                Some((Kind::Begun, id)) => _ = self.begun.insert(id, place),
                // Of one that is not known to be carried, the end was met before it was carried.
                Some((Kind::Carried, id)) if !self.carried.contains(&id) => {}
                Some((Kind::Carried, id)) => _ = self.begun.insert(id, place),
                Some((Kind::Ended, id)) => {
                    self.begun.remove(&id);
                    self.carried.remove(&id);
                    if !self.taken.remove(&id) {
                        ended.extend(reading.record(text).map(|(_kind, record)| record));
                    }
                }
                // Not even its id was written whole: this says so.
                None => _ = reading.record(text),
            }
        }
        let new = if ended.is_empty() { 0 } else { db.append_now(ended)? };
        reading.offset = piece.end();
        Ok(new)
    }

    /// The first of our files is closed and read: what is still open in it is written again in the youngest, then it goes.
    fn finish(&mut self) -> Result<(), StoreProblem> {
        let Some(reading) = self.own.front() else { return Ok(()) };
        let at = |error| StoreProblem::file(&reading.path, error);
        let (mut text, mut carried) = (vec![b'\n'], Vec::new());
        // The end of some stands in a later file, and has come from memory.
        for (id, place) in self.begun.iter().filter(|(id, _)| !self.taken.contains(*id)) {
            let line = reading.line(*place).map_err(at)?;
            if reading.record(&line).is_some() {
                line::write_as(&mut text, Kind::Carried, &line);
                carried.push(*id);
            }
        }
        if !carried.is_empty() {
            self.spool.carry(&text).map_err(at)?;
        }
        self.carried.extend(carried);
        self.begun.clear();
        let _ = std::fs::remove_file(&reading.path);
        self.own.pop_front();
        Ok(())
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
                if piece.is_empty() {
                    break;
                }
                let lines: Vec<_> = piece.lines().filter_map(|(_, text)| reading.record(text)).collect();
                let ended =
                    |(kind, record): &(Kind, UsageRecord)| (*kind == Kind::Ended).then(|| record.clone());
                let ended: Vec<UsageRecord> = lines.iter().filter_map(ended).collect();
                if !ended.is_empty() {
                    new += db.append_now(ended)?;
                }
                reading.offset = piece.end();
                for (kind, record) in lines {
                    match kind {
                        Kind::Begun | Kind::Carried => _ = open.insert(record.record_id.clone(), record),
                        Kind::Ended => _ = open.remove(&record.record_id),
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
    let files: Vec<Reading> = paths.into_iter().filter_map(Reading::orphan).collect();
    if files.is_empty() {
        return Estate::Settled;
    }
    Estate::Ours { files, open: HashMap::new(), _lock: lock }
}

/// The id, as the lines show it. Of a record without one the line is read.
fn id(record: &UsageRecord) -> Option<Id> {
    record.record_id.as_bytes().try_into().ok()
}
