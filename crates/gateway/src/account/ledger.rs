//! Takes records off the line and writes them in batches: to the database, to the metrics, to the access log.
//!
//! The line never waits for any of them: a record is pushed into a bounded channel, and if that is full it is counted as
//! lost, which `/metrics` shows.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use store::{Db, UsageRecord};
use tokio::sync::{mpsc, oneshot};

use crate::observe::{Metrics, access_log};

/// Records that may wait to be written.
const WAITING: usize = 65_536;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(5);
/// Records written at once.
const BATCH: usize = 1_000;

/// The way into the ledger. Clones share one writer.
#[derive(Clone)]
pub(crate) struct Ledger {
    way: mpsc::Sender<Entry>,
    metrics: Arc<Metrics>,
}

enum Entry {
    Record(Box<UsageRecord>),
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

impl Ledger {
    /// Starts the writer on a thread of its own, away from every worker.
    pub(crate) fn start(db: Arc<Db>, metrics: Arc<Metrics>, log_access: bool) -> Self {
        let (way, mut entries) = mpsc::channel(WAITING);
        let books = metrics.clone();
        let writer = move || {
            let mut batch = Vec::with_capacity(BATCH);
            while entries.blocking_recv_many(&mut batch, BATCH) > 0 {
                write(&db, &books, log_access, batch.drain(..));
                // Asleep here the writer needs no waking: a busy line pays for it once a pause, not once a record.
                thread::sleep(PAUSE);
            }
        };
        if let Err(error) = thread::Builder::new().name("ledger".to_owned()).spawn(writer) {
            // Without the thread the channel is closed and every record counts as lost, which shows.
            tracing::error!(%error, "the ledger has no thread; records are lost");
        }
        Self { way, metrics }
    }

    /// Hands a finished record in. Never waits.
    pub(crate) fn hand_in(&self, record: UsageRecord) {
        if self.way.try_send(Entry::Record(Box::new(record))).is_err() {
            self.metrics.record_lost();
        }
    }

    /// Waits until everything handed in so far is written.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.way.send(Entry::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }
}

fn write(db: &Db, metrics: &Metrics, log_access: bool, entries: impl Iterator<Item = Entry>) {
    let mut rows = Vec::new();
    let mut flushes = Vec::new();
    for entry in entries {
        match entry {
            Entry::Record(record) => {
                metrics.count(&record);
                if log_access {
                    access_log::write(&record);
                }
                rows.push(*record);
            }
            Entry::Flush(done) => flushes.push(done),
        }
    }
    if let Err(problem) = db.append_now(rows) {
        tracing::error!(%problem, "usage records are lost");
    }
    for done in flushes {
        let _ = done.send(());
    }
}
