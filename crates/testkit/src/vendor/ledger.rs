//! The judge: what a vendor saw and sent, request by request, with a signal on every change.

use super::Seen;
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How one exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// The answer went out completely, as its framing says (for raw bytes: all of them).
    Delivered,
    /// The vendor cut it, as its script says.
    Cut,
    /// The peer closed before the request was in or the answer was out.
    PeerClosed,
}

/// One exchange.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The request; its body is there once `arrived` is set.
    pub seen: Seen,
    /// When its head was in.
    pub begun: Instant,
    /// When its body was in.
    pub arrived: Option<Instant>,
    /// When the exchange ended, in whatever way.
    pub ended: Option<Instant>,
    /// How it ended.
    pub outcome: Outcome,
    /// When the peer closed early.
    pub peer_closed: Option<Instant>,
    /// Bytes of the answer handed to the socket, head and framing included.
    pub bytes_sent: u64,
    /// After an upgrade: the bytes that came.
    pub upgraded: Bytes,
}

#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
    /// Bytes which were no request: (connection, bytes).
    debris: Vec<(u64, Bytes)>,
    accepted: u64,
    open: u64,
}

/// A handle of the ledger; clones share it.
#[derive(Clone)]
pub struct Ledger {
    book: Arc<Mutex<Book>>,
    changed: watch::Sender<()>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { book: Arc::default(), changed: watch::Sender::new(()) }
    }
}

impl Ledger {
    /// All exchanges so far, in the order they began.
    pub fn entries(&self) -> Vec<Entry> {
        self.read().entries.clone()
    }

    /// The exchanges after the first `known` ones which `pick` likes: cheap in a long ledger.
    pub fn entries_after(&self, known: usize, pick: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.read().entries.iter().skip(known).filter(|entry| pick(entry)).cloned().collect()
    }

    /// All requests so far, in the order they began.
    pub fn requests(&self) -> Vec<Seen> {
        self.read().entries.iter().map(|entry| entry.seen.clone()).collect()
    }

    /// The exchange with this number (they count from 1).
    pub fn entry(&self, number: u64) -> Option<Entry> {
        self.read().entries.get(usize::try_from(number.checked_sub(1)?).ok()?).cloned()
    }

    /// The newest exchange.
    pub fn last(&self) -> Option<Entry> {
        self.read().entries.last().cloned()
    }

    /// How many requests have begun.
    pub fn begun(&self) -> usize {
        self.read().entries.len()
    }

    /// How many exchanges have ended, in whatever way.
    pub fn ended(&self) -> usize {
        self.read().entries.iter().filter(|entry| entry.ended.is_some()).count()
    }

    /// How many exchanges ended in this way.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.read().entries.iter().filter(|entry| entry.outcome == outcome).count()
    }

    /// How many connections were accepted.
    pub fn accepted(&self) -> u64 {
        self.read().accepted
    }

    /// How many connections are open now.
    pub fn open(&self) -> u64 {
        self.read().open
    }

    /// Bytes which were no request, by connection: they too must not hold a canary.
    pub fn debris(&self) -> Vec<(u64, Bytes)> {
        self.read().debris.clone()
    }

    /// Whether these bytes came in anywhere: head, body, framing, after an upgrade, or as debris.
    pub fn contains(&self, needle: &[u8]) -> bool {
        let found = |bytes: &Bytes| memchr::memmem::find(bytes, needle).is_some();
        let book = self.read();
        book.entries.iter().any(|entry| entry.seen.contains(needle) || found(&entry.upgraded))
            || book.debris.iter().any(|(_, bytes)| found(bytes))
    }

    /// Waits until `cond` holds, woken by every change; `false` when `timeout` came first.
    pub async fn wait_for(&self, cond: impl Fn(&Ledger) -> bool, timeout: Duration) -> bool {
        // Subscribed before the first look, so that no change falls between look and wait.
        let mut changes = self.changed.subscribe();
        let wait = async {
            while !cond(self) {
                drop(changes.changed().await);
            }
        };
        tokio::time::timeout(timeout, wait).await.is_ok() || cond(self)
    }

    pub(super) fn connection_opened(&self) -> u64 {
        self.write(|book| {
            book.accepted += 1;
            book.open += 1;
            book.accepted
        })
    }

    pub(super) fn open_guard(&self) -> OpenGuard {
        OpenGuard(self.clone())
    }

    pub(super) fn begin(&self, mut seen: Seen) -> Seen {
        self.write(|book| {
            seen.number = book.entries.len() as u64 + 1;
            book.entries.push(Entry {
                seen: seen.clone(),
                begun: Instant::now(),
                arrived: None,
                ended: None,
                outcome: Outcome::Running,
                peer_closed: None,
                bytes_sent: 0,
                upgraded: Bytes::new(),
            });
            seen
        })
    }

    pub(super) fn body(&self, seen: &Seen, complete: bool) {
        self.edit(seen.number, |entry| {
            entry.seen = seen.clone();
            entry.arrived = complete.then(Instant::now);
        });
    }

    pub(super) fn sent(&self, number: u64, bytes: usize) {
        self.edit(number, |entry| entry.bytes_sent += bytes as u64);
    }

    pub(super) fn upgraded(&self, number: u64, bytes: &[u8]) {
        self.edit(number, |entry| entry.upgraded = [&entry.upgraded, bytes].concat().into());
    }

    pub(super) fn end(&self, number: u64, outcome: Outcome) {
        self.edit(number, |entry| {
            let now = Instant::now();
            entry.ended = Some(now);
            entry.outcome = outcome;
            entry.peer_closed = (outcome == Outcome::PeerClosed).then_some(now);
        });
    }

    pub(super) fn junk(&self, connection: u64, bytes: Bytes) {
        if !bytes.is_empty() {
            self.write(|book| book.debris.push((connection, bytes)));
        }
    }

    fn edit(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        let at = usize::try_from(number - 1).expect("a small number");
        self.write(|book| change(&mut book.entries[at]));
    }

    fn read(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic while the ledger is held")
    }

    fn write<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let result = change(&mut self.read());
        self.changed.send_replace(());
        result
    }
}

/// Counts a connection as open while it lives.
pub(super) struct OpenGuard(Ledger);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.write(|book| book.open -= 1);
    }
}
