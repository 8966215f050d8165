//! How much may be asked of a provider, or with one of its keys (`max_rpm`, `max_tpm`, `max_concurrency`), and what of it is taken.
//!
//! An attempt takes a request and the tokens it may come to before it is sent, and a [`Reservation`] gives back what it did not need:
//! everything when nothing was sent, the tokens when it was refused, the difference when the answer was counted. What the
//! provider itself says is left lowers what may still be taken, until its own reset (`Told`). Where nothing is limited, nothing is
//! taken and no lock is touched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use config::snapshot::Quota;
use protocol::quota::Left;

use super::queue::Queue;
use crate::window::Window;

/// Quotas are written by the minute.
const MINUTE: Duration = Duration::from_mins(1);
/// Nobody knows when a call ends: so long it is worth waiting before one asks again.
const CALL_ENDS: Duration = Duration::from_secs(1);
/// What a provider says is left and does not say until when is believed for so long.
const BELIEVED: Duration = Duration::from_secs(10);

/// What was taken of one quota lately.
#[derive(Debug)]
pub(crate) struct Ration {
    born: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    running: u64,
    requests: Window,
    tokens: Window,
}

/// What an attempt has taken of one.
#[derive(Clone, Copy, Debug)]
struct Taken {
    tokens: u64,
    at_us: u64,
}

impl Default for Ration {
    fn default() -> Self {
        let state = State { running: 0, requests: Window::new(MINUTE, 0), tokens: Window::new(MINUTE, 0) };
        Self { born: Instant::now(), state: Mutex::new(state) }
    }
}

impl Ration {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This moment, microseconds since birth. Asked for with the lock held, so that moments follow each other.
    fn now_us(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Takes a request and so many tokens, or nothing. One that may come to more than the quota takes all of it.
    ///
    /// # Errors
    /// How long until there is room, if nothing else comes.
    fn take(&self, quota: &Quota, tokens: u64) -> Result<Taken, Duration> {
        let tokens = quota.tpm.map_or(tokens, |most| tokens.min(most));
        let mut state = self.lock();
        let at_us = self.now_us();
        let State { running, requests, tokens: used } = &mut *state;
        requests.at(at_us);
        used.at(at_us);
        let waits = [
            quota.rpm.and_then(|most| requests.wait(at_us, 1, most)),
            // Calls that run may need less than was set aside for them.
            quota
                .tpm
                .filter(|_| tokens > 0)
                .and_then(|most| used.wait(at_us, tokens, most))
                .map(|wait| if *running > 0 { wait.min(CALL_ENDS) } else { wait }),
            quota.concurrency.filter(|most| *running >= *most).map(|_| CALL_ENDS),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(wait);
        }
        *running += 1;
        requests.add(1);
        used.add(tokens);
        Ok(Taken { tokens, at_us })
    }

    /// An attempt is over: whether it was sent, and how many of the tokens it took it needed; `None`: nobody knows, and so all.
    fn give_back(&self, Taken { tokens, at_us }: Taken, asked: bool, spent: Option<u64>) {
        let mut state = self.lock();
        let now_us = self.now_us();
        state.running = state.running.saturating_sub(1);
        state.requests.at(now_us);
        state.tokens.at(now_us);
        if !asked {
            state.requests.amend(at_us, 1, 0);
        }
        state.tokens.amend(at_us, tokens, spent.unwrap_or(tokens));
    }
}

/// What the provider itself said is left, of one target or one key. It counts down with what is taken, and is forgotten at its reset.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<[Option<Bound>; 2]>);

#[derive(Clone, Copy, Debug)]
struct Bound {
    left: u64,
    until: Instant,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, [Option<Bound>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It says that so much is left. The lowest it has said counts until the reset it named then: answers overtake each other.
    pub(crate) fn hear(&self, left: &Left, now: Instant) {
        let said = [(left.requests, left.requests_reset), (left.tokens, left.tokens_reset)];
        for (bound, (left, reset)) in self.lock().iter_mut().zip(said) {
            let Some(left) = left else { continue };
            if bound.is_none_or(|bound| bound.until <= now || left < bound.left) {
                *bound = Some(Bound { left, until: now + reset.unwrap_or(BELIEVED) });
            }
        }
    }

    fn take(&self, tokens: u64, now: Instant) -> Result<(), Duration> {
        let mut bounds = self.lock();
        let wants = [1, tokens];
        let lacks = bounds.iter().zip(wants).filter_map(|(bound, wanted)| {
            let bound = bound.filter(|bound| bound.until > now && bound.left < wanted)?;
            Some(bound.until.saturating_duration_since(now))
        });
        if let Some(wait) = lacks.max() {
            return Err(wait);
        }
        for (bound, wanted) in bounds.iter_mut().zip(wants) {
            if let Some(bound) = bound {
                bound.left = bound.left.saturating_sub(wanted);
            }
        }
        Ok(())
    }

    fn give_back(&self, requests: u64, tokens: u64) {
        for (bound, unused) in self.lock().iter_mut().zip([requests, tokens]) {
            if let Some(bound) = bound {
                bound.left = bound.left.saturating_add(unused);
            }
        }
    }

    pub(super) fn forget(&self) {
        *self.lock() = [None, None];
    }
}

/// What an attempt has taken. Whatever it did not need is given back when this is dropped, on every ending; what nobody has counted is
/// taken to be as much as was set aside.
#[derive(Debug, Default)]
pub(crate) struct Reservation(Option<Box<Held>>);

#[derive(Debug)]
struct Held {
    /// Tokens it may come to, and those it came to once that is known.
    wanted: u64,
    spent: Option<u64>,
    /// Whether something has been sent.
    asked: bool,
    /// Whether an attempt has had it; one that lacked something has taken nothing from anybody.
    stands: bool,
    /// The provider's and the key's.
    rations: [Option<(Arc<Ration>, Taken)>; 2],
    told: Option<Arc<Told>>,
    /// Those who wait for what is given back.
    queue: Arc<Queue>,
}

impl Reservation {
    /// Takes nothing yet, for an attempt that may come to so many tokens.
    pub(super) fn begin(tokens: u64, queue: &Arc<Queue>) -> Self {
        Self(Some(Box::new(Held {
            wanted: tokens,
            spent: None,
            asked: false,
            stands: false,
            rations: [None, None],
            told: None,
            queue: queue.clone(),
        })))
    }

    /// Takes of one more quota.
    ///
    /// # Errors
    /// How long until there is room.
    pub(super) fn take(&mut self, ration: &Arc<Ration>, quota: &Quota) -> Result<(), Duration> {
        let Some(held) = &mut self.0 else { return Ok(()) };
        let Some(place) = held.rations.iter_mut().find(|place| place.is_none()) else { return Ok(()) };
        let taken = ration.take(quota, held.wanted)?;
        *place = Some((ration.clone(), taken));
        Ok(())
    }

    /// Takes of what the provider says is left.
    ///
    /// # Errors
    /// How long until its reset.
    pub(super) fn heed(&mut self, told: &Arc<Told>) -> Result<(), Duration> {
        let Some(held) = &mut self.0 else { return Ok(()) };
        told.take(held.wanted, Instant::now())?;
        held.told = Some(told.clone());
        Ok(())
    }

    /// Everything was taken: an attempt begins with it.
    pub(super) fn stands(mut self) -> Self {
        if let Some(held) = &mut self.0 {
            (held.asked, held.stands) = (true, true);
        }
        self
    }

    /// Takes that back.
    pub(super) fn unheed(&mut self) {
        if let Some(held) = &mut self.0
            && let Some(told) = held.told.take()
        {
            told.give_back(1, held.wanted);
        }
    }

    /// The answer has come to so many tokens.
    pub(crate) fn settle(&mut self, tokens: u64) {
        if let Some(held) = &mut self.0 {
            held.spent = Some(tokens);
        }
    }

    /// It was refused: a request was made, and no token used.
    pub(crate) fn refused(&mut self) {
        self.settle(0);
    }

    /// Nothing was sent.
    pub(crate) fn unsent(&mut self) {
        if let Some(held) = &mut self.0 {
            held.asked = false;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let spent = if self.asked { self.spent } else { Some(0) };
        for (ration, taken) in self.rations.iter().flatten() {
            ration.give_back(*taken, self.asked, spent);
        }
        if let Some(told) = &self.told {
            let unused = self.wanted.saturating_sub(spent.unwrap_or(self.wanted));
            told.give_back(u64::from(!self.asked), unused);
        }
        if self.stands {
            self.queue.ring();
        }
    }
}

#[cfg(test)]
mod tests;
