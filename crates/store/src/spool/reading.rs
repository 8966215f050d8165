//! A file of the spool while it is read.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::buffer::spare_capacity;

use super::Segment;
use super::line::{self, Kind};
use crate::files;
use crate::usage_record::UsageRecord;

/// Bytes that are read at once: some hundred records.
const PIECE: usize = 512 * 1024;

/// A file, and how far it is read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) path: PathBuf,
    file: File,
    /// Everything before this is in the database.
    pub(super) offset: u64,
    /// Its writer, if that is this process.
    segment: Option<Arc<Segment>>,
}

/// Whole lines of a file.
pub(super) struct Piece {
    bytes: Vec<u8>,
    begin: u64,
}

/// Where in its file a line is, and how long it is.
pub(super) type Place = (u64, usize);

impl Reading {
    /// One of ours.
    pub(super) fn own(segment: Arc<Segment>) -> io::Result<Self> {
        let file = files::read_file(&segment.path)?;
        Ok(Self { path: segment.path.clone(), file, offset: 0, segment: Some(segment) })
    }

    /// Somebody's, if its process is gone.
    pub(super) fn orphan(path: PathBuf) -> Option<Self> {
        let file = files::read_file(&path).ok()?;
        file.try_lock().ok()?;
        // Its owner may have finished with it between our finding and locking it.
        (file.metadata().ok()?.nlink() > 0).then_some(Self { path, file, offset: 0, segment: None })
    }

    /// Whether no line will follow.
    pub(super) fn is_closed(&self) -> bool {
        self.segment.as_ref().is_none_or(|own| own.closed.load(Ordering::Acquire))
    }

    pub(super) fn is_read(&self) -> bool {
        self.file.metadata().is_ok_and(|data| data.len() == self.offset)
    }

    /// The next whole lines.
    pub(super) fn piece(&self) -> io::Result<Piece> {
        let mut bytes = Vec::with_capacity(PIECE);
        loop {
            bytes.clear();
            let room = bytes.capacity();
            let read = rustix::io::pread(&self.file, spare_capacity(&mut bytes), self.offset)?;
            let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
            if whole == 0 && read == room {
                // One line longer than a piece.
                bytes.reserve(room * 2);
                continue;
            }
            // The last line of the dead may have no end: it was being written when they died, so nothing came of it.
            let all = if self.segment.is_none() && read < room { read } else { whole };
            bytes.truncate(all);
            return Ok(Piece { bytes, begin: self.offset });
        }
    }

    /// A line that was met before.
    pub(super) fn line(&self, (begin, length): Place) -> io::Result<Vec<u8>> {
        let mut line = vec![0; length];
        self.file.read_exact_at(&mut line, begin)?;
        Ok(line)
    }

    /// What a line of this file says. One that was not written whole is passed over: it is known that no more of it comes.
    pub(super) fn record(&self, line: &[u8]) -> Option<(Kind, UsageRecord)> {
        let read = line::read(line);
        if read.is_none() {
            tracing::warn!(
                file = %self.path.display(),
                bytes = line.len(),
                "a line of the spool was not written whole; its call was never sent, or is written again below"
            );
        }
        read
    }
}

impl Piece {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where the next one begins.
    pub(super) fn end(&self) -> u64 {
        self.begin + self.bytes.len() as u64
    }

    /// Each line, and where it is.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Place, &[u8])> {
        let (mut begin, mut left) = (self.begin, self.bytes.as_slice());
        let all = std::iter::from_fn(move || {
            let end = memchr::memchr(b'\n', left).unwrap_or(left.len());
            let (line, rest) = left.split_at_checked(end).filter(|_| !left.is_empty())?;
            let place = (begin, end);
            (begin, left) = (begin + end as u64 + 1, rest.get(1..).unwrap_or_default());
            Some((place, line))
        });
        all.filter(|(_, line)| !line.is_empty())
    }
}
