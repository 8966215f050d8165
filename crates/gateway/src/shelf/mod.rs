//! Answers of Responses that are kept here, because the place that gave them keeps none (docs/adr/0031).
//!
//! The line puts an answer on the shelf, where it is found at once; a thread (`writer.rs`) brings it into the database, sealed.
//! What is there is read when a caller names its id, and at no other time. `keeping.rs` is what a call knows of its own answer,
//! `scribe.rs` reads a streamed one as it passes, `recent.rs` is what one WebSocket remembers.

mod held;
mod keeping;
mod recent;
mod scribe;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::{Books, KeptResponse, ResponsesKey, StoreProblem};
use tokio::sync::{OnceCell, Semaphore, oneshot, watch};
use tokio::time::Instant;

pub(crate) use keeping::Keeping;
pub(crate) use recent::Recent;
pub(crate) use scribe::Scribe;

use held::Held;
use writer::{Removal, Word};

/// How long a caller waits for the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many wait at once until an answer is taken away.
const REMOVALS: usize = 32;

/// Who has the key that kept answers are sealed with.
pub trait Keyring: Send + Sync {
    /// The key, made if there is none yet.
    fn responses_key(self: Arc<Self>) -> KeyComing;
}

/// The key, some time.
pub type KeyComing = Pin<Box<dyn Future<Output = Result<ResponsesKey, StoreProblem>> + Send>>;

/// Why an answer is not found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lost {
    /// There is none, or it is somebody else's.
    Nowhere,
    /// Nobody can say: the database is away.
    Away,
}

/// Where answers are kept.
pub(crate) struct Shelf {
    inner: Arc<Inner>,
    /// To the thread that writes, which is there once something was kept.
    way: OnceLock<Sender<Word>>,
}

struct Inner {
    books: Arc<Books>,
    keyring: OnceLock<Weak<dyn Keyring>>,
    key: OnceCell<ResponsesKey>,
    held: Mutex<Held>,
    /// Room for those who wait until an answer is taken away; closed at a stop.
    removals: Arc<Semaphore>,
    /// All stops.
    stops: watch::Sender<bool>,
}

impl Shelf {
    pub(crate) fn new(books: Arc<Books>) -> Self {
        let (keyring, key, held) = (OnceLock::new(), OnceCell::new(), Mutex::default());
        let removals = Arc::new(Semaphore::new(REMOVALS));
        let stops = watch::Sender::new(false);
        Self { inner: Arc::new(Inner { books, keyring, key, held, removals, stops }), way: OnceLock::new() }
    }

    /// Says who has the key. The first one counts.
    pub(crate) fn opens_with(&self, keyring: &Arc<dyn Keyring>) {
        let _ = self.inner.keyring.set(Arc::downgrade(keyring));
    }

    /// Keeps an answer; of all, no more than `most` bytes. Never waits.
    fn put(&self, kept: KeptResponse, most: u64) {
        self.inner.held().put(Arc::new(kept), most);
        self.tell(Word::Fresh);
    }

    /// An answer and all it goes on with, oldest first.
    pub(crate) async fn conversation(&self, owner: &str, id: &str) -> Result<Vec<Arc<KeptResponse>>, Lost> {
        let mut line = self.inner.held().line(owner, id);
        let next = match line.last() {
            None => Some(id.to_owned()),
            Some(oldest) => oldest.previous.clone(),
        };
        if let Some(id) = next {
            let key = self.inner.key().await?;
            let db = &self.inner.books.db;
            let read = db.conversation(key, (owner, &id), now_us());
            let rest = in_time(read).await?;
            if rest.is_empty() {
                return Err(Lost::Nowhere);
            }
            line.extend(rest.into_iter().map(Arc::new));
        }
        line.reverse();
        Ok(line)
    }

    /// One answer.
    pub(crate) async fn one(&self, owner: &str, id: &str) -> Result<Arc<KeptResponse>, Lost> {
        let held = self.inner.held().find(owner, id);
        if let Some(held) = held {
            return Ok(held);
        }
        let key = self.inner.key().await?;
        let read = self.inner.books.db.kept_response(key, (owner, id), now_us());
        in_time(read).await?.map(Arc::new).ok_or(Lost::Nowhere)
    }

    /// Takes an answer away, behind what is being written.
    pub(crate) async fn remove(&self, owner: &str, id: &str) -> Result<(), Lost> {
        let room = self.inner.removals.clone().try_acquire_owned().map_err(|_full| Lost::Away)?;
        let (done, removed) = oneshot::channel();
        let until = Instant::now() + PATIENCE;
        self.tell(Word::Remove(Removal {
            owner: owner.to_owned(),
            id: id.to_owned(),
            until,
            done,
            _room: room,
        }));
        match tokio::time::timeout_at(until, removed).await {
            Ok(Ok(Ok(true))) => Ok(()),
            Ok(Ok(Ok(false))) => Err(Lost::Nowhere),
            _ => Err(Lost::Away),
        }
    }

    /// Waits until all that is held has been written, as far as the database takes it. It is the last: nothing is taken away any more.
    pub(crate) async fn flush(&self) {
        self.inner.removals.close();
        self.inner.stops.send_replace(true);
        if self.way.get().is_none() {
            return;
        }
        let (done, written) = oneshot::channel();
        self.tell(Word::Flush(done));
        let _ = written.await;
    }

    fn tell(&self, word: Word) {
        let way = self.way.get_or_init(|| writer::start(self.inner.clone()));
        // Without its thread the word is dropped, and whoever waits for an answer to it is told so.
        let _ = way.send(word);
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn key(&self) -> Result<&ResponsesKey, Lost> {
        let open = || async {
            let keyring = self.keyring.get().and_then(Weak::upgrade).ok_or(Lost::Away)?;
            in_time(keyring.responses_key()).await
        };
        self.key.get_or_try_init(open).await
    }
}

/// What the database says, if it does so soon.
async fn in_time<T>(asked: impl Future<Output = Result<T, StoreProblem>>) -> Result<T, Lost> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(problem)) => {
            tracing::warn!("a kept response cannot be read: {problem}");
            Err(Lost::Away)
        }
        Err(_late) => {
            tracing::warn!("a kept response cannot be read: the database does not answer in time");
            Err(Lost::Away)
        }
    }
}

/// Microseconds since 1970.
fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
