//! Calls that begin together are written down together.
//!
//! Before a provider is asked a line must stand in the spool (ADR 0020). Under load many calls of a worker come to that in the same
//! turn of its runtime: they put their lines on one page, let all others put theirs there, and whoever comes back first
//! writes the page by one `write(2)`. Who is alone waits for nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::UsageRecord;
use store::spool::Beginnings;

use super::clerk::Unaccountable;

/// The page that the calls of one worker write on.
#[derive(Default)]
pub(super) struct Together(Mutex<Arc<Page>>);

/// Lines that are written at once.
struct Page(Mutex<State>);

enum State {
    Open(Beginnings),
    Written(Result<(), Unaccountable>),
}

impl Default for Page {
    fn default() -> Self {
        Self(Mutex::new(State::Open(Beginnings::default())))
    }
}

impl Together {
    /// A provider is about to be asked. When this has returned, the call's line has been written.
    ///
    /// # Errors
    /// What `write` says, which is called with what is on the page unless somebody else's was.
    pub(super) async fn begins(
        &self,
        record: &UsageRecord,
        write: impl FnOnce(&Beginnings) -> Result<(), Unaccountable>,
    ) -> Result<(), Unaccountable> {
        let page = self.put_down(record)?;
        tokio::task::yield_now().await;
        page.write(write)
    }

    /// Puts a line on the page, or on a new one if that has been written.
    fn put_down(&self, record: &UsageRecord) -> Result<Arc<Page>, Unaccountable> {
        let mut page = lock(&self.0);
        loop {
            if let State::Open(lines) = &mut *lock(&page.0) {
                lines.add(record).map_err(|_| Unaccountable)?;
                return Ok(page.clone());
            }
            *page = Arc::default();
        }
    }
}

impl Page {
    fn write(
        &self,
        write: impl FnOnce(&Beginnings) -> Result<(), Unaccountable>,
    ) -> Result<(), Unaccountable> {
        let mut state = lock(&self.0);
        let outcome = match &*state {
            State::Open(lines) => write(lines),
            State::Written(outcome) => return *outcome,
        };
        *state = State::Written(outcome);
        outcome
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::Future;
    use std::task::Poll;

    use futures_util::future::join_all;

    use super::*;

    fn record(id: &str) -> UsageRecord {
        UsageRecord { record_id: id.to_owned(), ..UsageRecord::default() }
    }

    #[tokio::test]
    async fn calls_of_one_turn_are_written_at_once_and_none_goes_on_before() {
        let (together, writes) = (Together::default(), Cell::new(0));
        let write = |lines: &Beginnings| {
            writes.set(writes.get() + 1);
            if lines.count() == 3 { Ok(()) } else { Err(Unaccountable) }
        };
        let three = [record("a"), record("b"), record("c")];
        let told = join_all(three.iter().map(|record| together.begins(record, write))).await;
        assert_eq!((told, writes.get()), (vec![Ok(()); 3], 1));
        assert_eq!(together.begins(&three[0], write).await, Err(Unaccountable), "a page of its own");
        assert_eq!(writes.get(), 2);
    }

    #[tokio::test]
    async fn who_leaves_takes_nobody_along() {
        let together = Together::default();
        let (one, other) = (record("a"), record("b"));
        let leaving = together.begins(&one, |_| Err(Unaccountable));
        let staying =
            together.begins(&other, |lines| if lines.count() == 2 { Ok(()) } else { Err(Unaccountable) });
        let mut leaving = Box::pin(leaving);
        let waits = std::future::poll_fn(|cx| Poll::Ready(leaving.as_mut().poll(cx).is_pending())).await;
        assert!(waits, "its line is not written yet");
        drop(leaving);
        assert_eq!(staying.await, Ok(()));
    }
}
