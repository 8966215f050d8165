//! Brings what is held into the database, on a thread of its own, where a slow or absent one holds up nobody.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Inner, Lost, in_time, now_us};

/// Between two tries while the database is away.
const AGAIN: Duration = Duration::from_secs(1);
/// How often is looked whether there is too much, while something is written.
const SWEEP: Duration = Duration::from_secs(60);

/// What the thread is told.
pub(super) enum Word {
    /// Something is held.
    Fresh,
    /// An answer goes.
    Remove(Removal),
    /// Somebody waits until all is written.
    Flush(oneshot::Sender<()>),
}

/// An answer that goes.
pub(super) struct Removal {
    pub(super) owner: String,
    pub(super) id: String,
    /// Until when somebody waits for it.
    pub(super) until: tokio::time::Instant,
    /// Whether it was there.
    pub(super) done: oneshot::Sender<Result<bool, Lost>>,
    /// Its room among those who wait.
    pub(super) _room: OwnedSemaphorePermit,
}

/// Starts the thread. It ends when nobody is left to speak to it.
pub(super) fn start(inner: Arc<Inner>) -> Sender<Word> {
    let (way, words) = mpsc::channel();
    let thread = std::thread::Builder::new().name("shelf".to_owned());
    if let Err(error) = thread.spawn(move || work(inner, &words)) {
        tracing::error!(%error, "kept responses have no thread; they go with this process");
    }
    way
}

fn work(inner: Arc<Inner>, words: &Receiver<Word>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "kept responses go with this process"),
    };
    let mut desk = Desk { inner, well: true, tried: Instant::now(), swept: None };
    loop {
        let word = if desk.inner.held().is_empty() {
            words.recv().map_err(|_nobody| RecvTimeoutError::Disconnected)
        } else {
            words.recv_timeout(if desk.well { Duration::ZERO } else { AGAIN })
        };
        match word {
            Ok(word) => runtime.block_on(desk.hear(word)),
            Err(RecvTimeoutError::Timeout) => runtime.block_on(desk.write()),
            Err(RecvTimeoutError::Disconnected) => {
                return runtime.block_on(desk.write());
            }
        }
    }
}

/// Where the thread sits.
struct Desk {
    inner: Arc<Inner>,
    /// The database took what it was given last.
    well: bool,
    /// When that was.
    tried: Instant,
    /// When it was last looked whether there is too much.
    swept: Option<Instant>,
}

impl Desk {
    async fn hear(&mut self, word: Word) {
        match word {
            Word::Fresh if !self.well && self.tried.elapsed() < AGAIN => {}
            Word::Fresh => self.write().await,
            Word::Remove(removal) => {
                let removed = tokio::select! {
                    removed = tokio::time::timeout_at(removal.until, self.remove(&removal)) => removed,
                    () = self.stops() => return,
                };
                let _ = removal.done.send(removed.unwrap_or(Err(Lost::Away)));
            }
            Word::Flush(done) => {
                self.write().await;
                let _ = done.send(());
            }
        }
    }

    /// Takes an answer away where it is; nowhere, unless the database agrees.
    async fn remove(&self, removal: &Removal) -> Result<bool, Lost> {
        let place = (removal.owner.as_str(), removal.id.as_str());
        let key = self.inner.key().await?;
        let written = in_time(self.inner.books.db.remove_response(key, place)).await?;
        let held = self.inner.held().remove(place.0, place.1);
        Ok(written || held)
    }

    /// Waits for a stop.
    async fn stops(&self) {
        let _ = self.inner.stops.subscribe().wait_for(|stops| *stops).await;
    }

    /// Writes all that is held, as far as it is taken.
    async fn write(&mut self) {
        loop {
            let (batch, lost, most) = {
                let mut held = self.inner.held();
                (held.batch(), held.lost(), held.most())
            };
            if lost > 0 {
                tracing::warn!(
                    lost,
                    "responses are not kept: the database is away, and too many wait for it"
                );
            }
            if batch.is_empty() {
                return;
            }
            self.tried = Instant::now();
            let written = match self.inner.key().await {
                Ok(key) => in_time(self.inner.books.db.keep_responses(key, &batch)).await,
                Err(lost) => Err(lost),
            };
            if self.well != written.is_ok() {
                self.well = written.is_ok();
                match self.well {
                    true => tracing::info!("kept responses reach the database again"),
                    false => {
                        tracing::error!("kept responses wait in memory: the database does not take them")
                    }
                }
            }
            if !self.well {
                return;
            }
            self.inner.held().written(&batch);
            self.sweep(most).await;
        }
    }

    async fn sweep(&mut self, most: u64) {
        if self.swept.is_some_and(|swept| swept.elapsed() < SWEEP) {
            return;
        }
        self.swept = Some(Instant::now());
        if let Ok(gone @ 1..) = in_time(self.inner.books.db.prune_responses(now_us(), most)).await {
            tracing::info!(gone, "kept responses were deleted: too old, or too many");
        }
    }
}
