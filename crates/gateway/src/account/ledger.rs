//! Takes records off the line: to the metrics, the statistics, the standing of providers, the
//! access log, and into the books.
//!
//! The line never waits for a database. What it does itself is one `write(2)` into the spool before a provider is asked
//! ([`Ledger::begins`]), for a call nobody knows of must not cost anything; while the disk is slow, the ledger writes that line, too,
//! and only its call waits. The record is pushed into a bounded channel when
//! it has ended; if that is full it is counted as lost, which `/metrics` shows.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use store::spool::Beginnings;
use store::{Books, UsageRecord};
use tokio::sync::{mpsc, oneshot};

use super::clerk::{Clerk, Flush, Unaccountable};
use super::statistics::Windows;
use super::together::Together;
use crate::observe::access_log::{self, Seen};
use crate::observe::{Counting, Ending, Metrics};
use crate::standing::Register;

/// Records that may wait to be written.
const WAITING: usize = 65_536;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(5);
/// Records written at once.
const BATCH: usize = 1_000;

/// The way into the ledger of one worker's calls. Clones share it.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Way>);

struct Way {
    entries: mpsc::Sender<Entry>,
    metrics: Arc<Metrics>,
    clerk: Clerk,
    together: Together,
}

/// Who looks at every finished call.
pub(crate) struct Onlookers {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) windows: Arc<Windows>,
    pub(crate) register: Arc<Register>,
}

enum Entry {
    /// A provider is about to be asked, and the disk is slow. It comes before the record of its call, as it has to be written.
    Begin(Box<UsageRecord>, oneshot::Sender<Result<(), Unaccountable>>),
    Record(Box<UsageRecord>, Option<Box<Seen>>),
    /// Answered when everything before it is written.
    Flush(Flush),
}

impl Ledger {
    /// Starts the writer on a thread of its own, away from every worker.
    pub(crate) fn start(books: Arc<Books>, onlookers: Onlookers) -> Self {
        let (way, mut entries) = mpsc::channel(WAITING);
        let metrics = onlookers.metrics.clone();
        let clerk = Clerk::start(books, metrics.clone());
        let counting = Counting::new(metrics.clone());
        let mut writer = Writer { clerk: clerk.clone(), onlookers, counting };
        let work = move || {
            let mut batch = Vec::with_capacity(BATCH);
            while entries.blocking_recv_many(&mut batch, BATCH) > 0 {
                writer.write(batch.drain(..));
                // Asleep here the writer needs no waking: a busy line pays for it once a pause, not once a record.
                thread::sleep(PAUSE);
            }
        };
        if let Err(error) = thread::Builder::new().name("ledger".to_owned()).spawn(work) {
            // Without the thread the channel is closed and every record counts as lost, which shows.
            tracing::error!(%error, "the ledger has no thread; records are lost");
        }
        Self(Arc::new(Way { entries: way, metrics, clerk, together: Together::default() }))
    }

    /// The way of another worker's calls to the same writer.
    pub(crate) fn for_worker(&self) -> Self {
        let Way { entries, metrics, clerk, .. } = &*self.0;
        let (entries, metrics, clerk) = (entries.clone(), metrics.clone(), clerk.clone());
        Self(Arc::new(Way { entries, metrics, clerk, together: Together::default() }))
    }

    /// A provider is about to be asked. When this has returned, a kill does not take what is known of the call.
    ///
    /// # Errors
    /// When the call could not be accounted for (D-23).
    pub(super) async fn begins(&self, record: &UsageRecord) -> Result<(), Unaccountable> {
        let Way { clerk, together, .. } = &*self.0;
        if !clerk.spools() {
            return Ok(());
        }
        if clerk.is_slow() {
            return self.begins_apart(record).await;
        }
        together.begins(record, |lines| clerk.begin(lines)).await
    }

    /// The same, written by the ledger's thread.
    async fn begins_apart(&self, record: &UsageRecord) -> Result<(), Unaccountable> {
        let (done, written) = oneshot::channel();
        let begin = Entry::Begin(Box::new(record.clone()), done);
        self.0.entries.send(begin).await.map_err(|_closed| Unaccountable)?;
        written.await.unwrap_or(Err(Unaccountable))
    }

    /// Hands a finished record in, with what else its line in the access log shows. Never waits.
    pub(crate) fn hand_in(&self, record: UsageRecord, seen: Option<Box<Seen>>) {
        if self.0.entries.try_send(Entry::Record(Box::new(record), seen)).is_err() {
            self.0.metrics.records_lost(1);
        }
    }

    /// Waits until everything handed in so far is written, as far as the database takes it. After the `last` time nothing
    /// is written any more.
    pub(crate) async fn flush(&self, last: bool) {
        let (done, written) = oneshot::channel();
        if self.0.entries.send(Entry::Flush(Flush { done, last })).await.is_ok() {
            let _ = written.await;
        }
    }
}

struct Writer {
    clerk: Clerk,
    onlookers: Onlookers,
    counting: Counting,
}

impl Writer {
    /// Shows a finished call to all who look at it.
    fn show(&mut self, record: &UsageRecord) {
        let ending = Ending::of(record);
        self.counting.count(record, ending);
        self.onlookers.windows.take(record, ending);
        self.onlookers.register.learn(record, ending);
    }

    fn write(&mut self, entries: impl Iterator<Item = Entry>) {
        let mut rows = Vec::new();
        let mut flushes = Vec::new();
        let (mut begun, mut waiting) = (Beginnings::default(), Vec::new());
        for entry in entries {
            match entry {
                // Who hears nothing takes it for a no.
                Entry::Begin(record, done) => {
                    if begun.add(&record).is_ok() {
                        waiting.push(done);
                    }
                }
                Entry::Record(record, seen) => {
                    self.show(&record);
                    access_log::write(&record, seen.as_deref());
                    rows.push(*record);
                }
                Entry::Flush(flush) => flushes.push(flush),
            }
        }
        if !waiting.is_empty() {
            let outcome = self.clerk.begin(&begun);
            waiting.into_iter().for_each(|done| _ = done.send(outcome));
        }
        if !rows.is_empty() {
            self.clerk.ended(rows);
        }
        flushes.into_iter().for_each(|flush| self.clerk.flush(flush));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use store::Place;
    use store::db::Filter;
    use store::usage_record::Outcome;

    use super::*;
    use crate::observe::Waits;

    #[tokio::test]
    async fn on_a_slow_disk_the_ledger_writes_that_a_call_begins_before_it_writes_that_it_has_ended() {
        let folder = std::env::temp_dir().join(format!("ledger-{}", uuid::Uuid::now_v7()));
        let spool = folder.join("spool");
        let books = Arc::new(Books::open(&Place::Sqlite(folder.join("test.db")), &spool).unwrap());
        let world = config::parse("providers: {a: {type: mock}}\n", &BTreeMap::new()).unwrap().snapshot;
        let onlookers = Onlookers {
            metrics: Arc::new(Metrics::new(&world)),
            windows: Arc::new(Windows::new(&world)),
            register: Arc::new(Register::new(&world, Waits::default())),
        };
        let ledger = Ledger::start(books.clone(), onlookers);
        let id = uuid::Uuid::now_v7().to_string();
        let record = UsageRecord { record_id: id.clone(), ..UsageRecord::default() };
        assert_eq!(ledger.begins_apart(&record).await, Ok(()));
        let lines = || -> String {
            let files = std::fs::read_dir(&spool).unwrap().flatten().map(|file| file.path());
            files.map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect()
        };
        assert!(lines().contains(&format!("b {{\"record_id\":\"{id}")), "{}", lines());
        // One whose caller leaves before that has returned.
        let other = UsageRecord { record_id: uuid::Uuid::now_v7().to_string(), ..record.clone() };
        let mut leaving = Box::pin(ledger.begins_apart(&other));
        let looked =
            std::future::poll_fn(|cx| std::task::Poll::Ready(leaving.as_mut().poll(cx).is_pending()));
        assert!(looked.await);
        drop(leaving);
        for ended in [record, other] {
            ledger.hand_in(UsageRecord { outcome: Outcome::Answered, ..ended }, None);
        }
        ledger.flush(true).await;
        let page = books.db.page(&Filter::default(), None, 10).await.unwrap();
        let outcomes: Vec<Outcome> = page.records.iter().map(|record| record.outcome).collect();
        assert_eq!(outcomes, [Outcome::Answered; 2]);
        // Nothing is open; so the thread, which comes to its end now, leaves nothing.
        for _ in 0..500 {
            if lines().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(lines(), "");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
