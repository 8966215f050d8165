//! A record of each call: a line before the upstream is asked, by a write that has returned, and another when it has ended, by a
//! thread of its own in batches.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context, Result};

use super::Record;

/// So many records are handed over at once, if they come quickly.
const BATCH: usize = 256;

/// Where records go.
pub(super) struct Journal {
    begun: File,
    ended: Sender<Vec<Record>>,
    batch: Vec<Record>,
    text: Vec<u8>,
}

impl Journal {
    /// A journal in this file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let open = || OpenOptions::new().create(true).append(true).open(path);
        let unwritable = || format!("cannot write {}", path.display());
        let (begun, file) = (open().with_context(unwritable)?, open().with_context(unwritable)?);
        let (ended, batches) = channel();
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || write(file, &batches))?;
        Ok(Self { begun, ended, batch: Vec::with_capacity(BATCH), text: Vec::new() })
    }

    /// An upstream is about to be asked.
    pub(super) fn begins(&mut self, record: &Record) -> bool {
        self.text.clear();
        record.write(&mut self.text, 'b').is_ok() && self.begun.write_all(&self.text).is_ok()
    }

    /// A call has ended.
    pub(super) fn ended(&mut self, record: Record) {
        self.batch.push(record);
        if self.batch.len() >= BATCH {
            self.hand_over();
        }
    }

    /// Hands over what has ended since.
    pub(super) fn hand_over(&mut self) {
        if !self.batch.is_empty() {
            // The thread ends only with us.
            let _ = self.ended.send(std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH)));
        }
    }
}

fn write(mut file: File, batches: &Receiver<Vec<Record>>) {
    let mut text = Vec::new();
    for batch in batches {
        text.clear();
        for record in &batch {
            let _ = record.write(&mut text, 'e');
        }
        // A spike has nobody to tell.
        let _ = file.write_all(&text);
    }
}
