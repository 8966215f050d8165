//! Floor 3: who may change what, by one path: propose, check, record, publish, swap.
//!
//! `apply.rs` is that path: files that changed, signals, the admin API and the command line all call it. `follow.rs` watches for
//! changes others make. What is recorded is read back by `history.rs`; secrets are sealed in `secrets.rs` before anything is.
//! `api/` is administration over HTTP; what operators say of providers by hand is kept by `standings.rs`.

mod actor;
pub mod api;
mod apply;
mod candidate;
mod change;
mod follow;
mod history;
mod later;
mod learnt;
mod memory;
mod refused;
mod responses;
mod secrets;
mod standings;
mod status;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use config::{Found, Given, Sheet, Snapshot, Stored};
use gateway::{Gateway, Keyring, Learnt};
use store::Books;
use tokio::sync::watch;

pub use actor::{Actor, Via};
pub use apply::Deed;
pub use change::{Applied, Change, Proposal};
pub use follow::follow;
pub use memory::{Remembered, look};
pub use refused::Refused;
pub use status::ReloadStatus;

use secrets::Strongbox;

/// What may change a running gateway. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Arc<Gateway>,
    books: Arc<Books>,
    strongbox: Strongbox,
    copy: memory::Copy,
    /// The configuration the doors were opened with.
    opened: Arc<Snapshot>,
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
    now: Mutex<Now>,
    told: watch::Sender<u64>,
    /// What was said of providers at any gateway of the database, as it was kept when it was looked at last.
    heard: tokio::sync::Mutex<Vec<(String, String, Option<u64>)>>,
    /// What was learnt of providers, as it was kept last.
    learnt: tokio::sync::Mutex<Learnt>,
}

/// What counts at this moment.
struct Now {
    given: Given,
    /// The revision in use; 0: none is recorded yet.
    revision: u64,
    /// What is written, secrets sealed; none until something was recorded.
    sheet: Option<Arc<Sheet>>,
    /// What is written without what was changed at run time.
    files: Option<Arc<Sheet>>,
    /// What another program left, until it is taken over.
    left: Vec<Stored>,
    status: ReloadStatus,
}

impl Control {
    /// For a gateway that was built from `given`, with what these books remember.
    pub fn new(gateway: Arc<Gateway>, books: Arc<Books>, given: Given, remembered: Remembered) -> Self {
        let Remembered { revision, strongbox, copy, left } = remembered;
        let now = Now { given, revision, sheet: None, files: None, left, status: ReloadStatus::default() };
        let (told, _nobody) = watch::channel(0);
        let turn = tokio::sync::Mutex::default();
        let (opened, heard) = (gateway.world(), tokio::sync::Mutex::default());
        let learnt = tokio::sync::Mutex::default();
        let now = Mutex::new(now);
        let inner =
            Arc::new(Inner { gateway, books, strongbox, copy, opened, turn, now, told, heard, learnt });
        let keyring: Arc<dyn Keyring> = inner.clone();
        inner.gateway.seals_with(&keyring);
        Self { inner }
    }

    /// The gateway.
    pub fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// What is remembered.
    pub fn books(&self) -> &Books {
        &self.inner.books
    }

    /// What the configuration is read from: with what was changed at run time, and the secrets it needs, opened.
    pub fn given(&self) -> Given {
        self.now().given.clone()
    }

    /// The number of the revision in use; 0: none is recorded yet.
    pub fn revision(&self) -> u64 {
        self.now().revision
    }

    /// How reading the configuration anew went.
    pub fn reload_status(&self) -> ReloadStatus {
        self.now().status.clone()
    }

    /// Tells of every change, by a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.told.subscribe()
    }

    /// Adds servers that were recognised on this computer; they count from the next change on.
    pub fn found(&self, found: Vec<Found>) {
        self.now().given.found = found;
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.inner.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
