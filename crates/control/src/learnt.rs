//! What the gateway has learnt of providers by itself outlasts a restart: breakers that are open, rests, keys put aside, and what
//! targets cannot do. It is written when it has changed, and taken in before the doors open.

use std::time::Duration;

use store::{StoreProblem, Whence};

use crate::Control;
use crate::status::now_us;

/// What was learnt is forgotten when nothing was learnt for so long: no rest lasts longer, and a server may have been exchanged.
const FORGOTTEN: Duration = Duration::from_hours(24);

impl Control {
    /// Keeps what was learnt since it was kept last. A database in memory would not keep it for longer than the gateway does.
    ///
    /// # Errors
    /// When the database is away. The next time then writes all of it.
    pub async fn keep_learnt(&self) -> Result<(), StoreProblem> {
        let db = &self.books().db;
        if !db.outlasts_the_process() {
            return Ok(());
        }
        let mut kept = self.inner.learnt.lock().await;
        let learnt = self.gateway().learnt();
        let until = now_us().saturating_add(u64::try_from(FORGOTTEN.as_micros()).unwrap_or(u64::MAX));
        for (provider, text) in learnt.since(&kept) {
            match text {
                Some(text) => db.keep_standing(Whence::Learnt, &provider, &text, Some(until)).await?,
                None => _ = db.remove_standing(Whence::Learnt, &provider).await?,
            }
        }
        *kept = learnt;
        Ok(())
    }

    /// Takes in what was learnt before a restart and still holds.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn recall(&self) -> Result<(), StoreProblem> {
        for (provider, text, _) in self.books().db.standings(Whence::Learnt, now_us()).await? {
            self.gateway().recall(&provider, &text);
        }
        Ok(())
    }
}
