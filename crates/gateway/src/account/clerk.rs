//! Keeps the books: a line into the spool at once, and then, on a thread of its own, the record into the database, where a
//! slow, full or absent one holds up nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use store::spool::{Beginnings, Shipper};
use store::{Books, Spool, UsageRecord};
use tokio::sync::oneshot;

use crate::observe::Metrics;

/// Between two rounds: what a power cut may take (docs/adr/0020).
const ROUND: Duration = Duration::from_millis(100);
/// Of so many rounds one writes to the database, where records are [`MANY`]: the more at once, the less each of them costs, for
/// those of one caller or model lie on the same pages.
const SHIPS: u32 = 3;
/// More than this wait in one round only where some thousand calls a second are made.
const MANY: usize = 500;
/// Between two rounds while something fails.
const AGAIN: Duration = Duration::from_secs(1);
/// Records held in memory while neither the spool nor the database takes them. New calls are refused by then; these are
/// of calls that were running, and of refusals.
const HELD: usize = 10_000;

/// The way to the books. Clones share them.
#[derive(Clone)]
pub(super) struct Clerk {
    books: Arc<Books>,
    /// To the thread that ships; nobody listens where there is no spool.
    way: Sender<Word>,
    health: Arc<Health>,
}

/// A call could not be accounted for, and so must not be made (D-23).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unaccountable;

/// Somebody waits until the books are written.
pub(super) struct Flush {
    pub(super) done: oneshot::Sender<()>,
    /// Nothing comes after it.
    pub(super) last: bool,
}

/// Which of the two places takes records.
struct Health {
    spool: AtomicBool,
    db: AtomicBool,
    metrics: Arc<Metrics>,
}

/// What the thread is told.
enum Word {
    /// There is something new in the spool.
    Fresh,
    /// The spool did not take these.
    Held(Vec<UsageRecord>),
    Flush(Flush),
}

impl Clerk {
    pub(super) fn start(books: Arc<Books>, metrics: Arc<Metrics>) -> Self {
        let (way, words) = mpsc::channel();
        let (spool, db) = (AtomicBool::new(true), AtomicBool::new(true));
        let health = Arc::new(Health { spool, db, metrics: metrics.clone() });
        if let Some(spool) = books.spool.clone() {
            metrics.records_taken("spool", true);
            metrics.records_taken("database", true);
            let shipper = Shipper::new(spool.clone());
            let (books, health) = (books.clone(), health.clone());
            let desk = Desk { books, spool, shipper, health, metrics, held: Vec::new() };
            let thread = std::thread::Builder::new().name("books".to_owned());
            if let Err(error) = thread.spawn(move || desk.work(&words)) {
                tracing::error!(%error, "the books have no thread; records stay in the spool");
            }
        }
        Self { books, way, health }
    }

    /// Whether calls are written down before they are made: where nothing outlasts the process, nothing would come of it.
    pub(super) fn spools(&self) -> bool {
        self.books.spool.is_some()
    }

    /// Whether the disk lets writers wait.
    pub(super) fn is_slow(&self) -> bool {
        self.books.spool.as_ref().is_some_and(|spool| spool.is_slow())
    }

    /// Providers are about to be asked for these calls.
    pub(super) fn begin(&self, calls: &Beginnings) -> Result<(), Unaccountable> {
        let Some(spool) = &self.books.spool else { return Ok(()) };
        match spool.begin(calls) {
            Ok(first) => {
                self.health.spool_takes(true);
                self.fresh(first);
                Ok(())
            }
            Err(error) => {
                if self.health.spool_takes(false) {
                    tracing::error!(%error, "the spool of usage records cannot be written");
                    // The thread finds out what the database says, and when the spool is well again.
                    let _ = self.way.send(Word::Held(Vec::new()));
                }
                // A database that takes records is account enough; only a kill would lose this call.
                if self.health.db.load(Ordering::Relaxed) { Ok(()) } else { Err(Unaccountable) }
            }
        }
    }

    /// Calls have ended.
    pub(super) fn ended(&self, records: Vec<UsageRecord>) {
        let Some(spool) = &self.books.spool else {
            // In memory, at once.
            let _ = self.books.db.append_now(records);
            return;
        };
        match spool.ended(&records) {
            Ok(first) => {
                let remembered = spool.remember(records);
                self.fresh(first || remembered);
            }
            Err(error) => {
                if self.health.spool_takes(false) {
                    tracing::error!(%error, "the spool of usage records cannot be written");
                }
                let _ = self.way.send(Word::Held(records));
            }
        }
    }

    /// Has everything written, and then tells who waits.
    pub(super) fn flush(&self, flush: Flush) {
        if self.books.spool.is_none() {
            let _ = flush.done.send(());
        } else {
            // Without its thread the word comes back and is dropped, which tells as well.
            let _ = self.way.send(Word::Flush(flush));
        }
    }

    /// The thread is told once a round: the first line since its last look.
    fn fresh(&self, first: bool) {
        if first {
            let _ = self.way.send(Word::Fresh);
        }
    }
}

impl Health {
    /// Notes it; whether that is new.
    fn spool_takes(&self, takes: bool) -> bool {
        // Read first: the line passes here with every call, and almost always nothing is new.
        let new =
            self.spool.load(Ordering::Relaxed) != takes && self.spool.swap(takes, Ordering::Relaxed) != takes;
        if new {
            self.metrics.records_taken("spool", takes);
        }
        new
    }

    fn db_takes(&self, takes: bool) -> bool {
        let new = self.db.swap(takes, Ordering::Relaxed) != takes;
        if new {
            self.metrics.records_taken("database", takes);
        }
        new
    }
}

/// Where the thread sits.
struct Desk {
    books: Arc<Books>,
    spool: Arc<Spool>,
    shipper: Shipper,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    /// Neither in the spool nor in the database.
    held: Vec<UsageRecord>,
}

impl Desk {
    fn work(mut self, words: &Receiver<Word>) {
        let mut flushes = Vec::new();
        // What the dead have left is not waited for.
        let mut well = self.round();
        let (mut heard, mut left) = (false, 0);
        loop {
            if !heard {
                let word = if well { words.recv().ok() } else { self.wait(words, AGAIN) };
                let Some(word) = word else { break };
                self.hear(word, &mut flushes);
                left = 0;
            }
            words.try_iter().for_each(|word| self.hear(word, &mut flushes));
            let began = Instant::now();
            heard = left > 0 && flushes.is_empty() && self.spool.remembered() > MANY;
            if heard {
                self.sync();
                left -= 1;
            } else {
                well = self.round();
                left = SHIPS - 1;
            }
            if answer(&mut flushes) {
                break;
            }
            // More comes together meanwhile; somebody who waits ends that.
            while let Some(rest) = ROUND.checked_sub(began.elapsed()).filter(|_| flushes.is_empty()) {
                let Ok(word) = words.recv_timeout(rest) else { break };
                self.hear(word, &mut flushes);
                heard = true;
            }
        }
        self.round();
        // From the files, which shows that nothing is left in them.
        if self.shipper.ship(&self.books.db).is_ok() {
            self.shipper.close();
        }
    }

    /// The next word, or, when it is time to try again, none of consequence. `None`: nobody is left to speak.
    fn wait(&self, words: &Receiver<Word>, longest: Duration) -> Option<Word> {
        match words.recv_timeout(longest) {
            Ok(word) => Some(word),
            Err(RecvTimeoutError::Timeout) => Some(Word::Fresh),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn hear(&mut self, word: Word, flushes: &mut Vec<Flush>) {
        match word {
            Word::Fresh => {}
            Word::Held(records) => {
                self.held.extend(records);
                let excess = self.held.len().saturating_sub(HELD);
                if excess > 0 {
                    self.held.truncate(HELD);
                    self.metrics.records_lost(excess as u64);
                }
            }
            Word::Flush(flush) => flushes.push(flush),
        }
    }

    /// What was written so far survives a power cut, too.
    fn sync(&self) {
        if let Err(error) = self.spool.sync() {
            tracing::error!(%error, "the disk did not keep a file of the spool; another is begun");
        }
    }

    /// Everything into the database that it takes. Whether all is well.
    fn round(&mut self) -> bool {
        self.sync();
        let shipped = self.shipper.take(&self.books.db);
        if self.health.db_takes(shipped.is_ok()) {
            match &shipped {
                Ok(_) => tracing::info!("usage records reach the database again"),
                Err(problem) => tracing::error!("usage is spooled: {problem}"),
            }
        }
        let mut well = shipped.is_ok();
        if !self.held.is_empty() || !self.health.spool.load(Ordering::Relaxed) {
            well &= self.put_down();
        }
        well
    }

    /// What is only in memory: into the spool, if it takes lines again, or straight into the database.
    fn put_down(&mut self) -> bool {
        let spooled = self.spool.can_be_written() && self.spool.ended(&self.held).is_ok();
        if spooled {
            if self.health.spool_takes(true) {
                tracing::info!("the spool of usage records can be written again");
            }
            self.held.clear();
            return self.shipper.ship(&self.books.db).is_ok();
        }
        let taken = self.books.db.append_now(self.held.clone());
        self.health.db_takes(taken.is_ok());
        if taken.is_ok() {
            self.held.clear();
        }
        // It is not well until the spool is.
        false
    }
}

/// Tells those who wait. Whether that was the last time.
fn answer(flushes: &mut Vec<Flush>) -> bool {
    let mut last = false;
    for flush in flushes.drain(..) {
        last |= flush.last;
        let _ = flush.done.send(());
    }
    last
}
