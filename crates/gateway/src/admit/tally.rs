//! What one key, address or model, or everybody together, has asked for lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::snapshot::{Limit, Rate};

use super::left::{Left, LeftOf};
use crate::window::Window;

/// The most tallies one call is counted in: its key's two, its model's, its address's, everybody's.
pub(super) const MOST: usize = 5;

/// A tally. Its lock is held for some arithmetic, and never while anything is waited for.
#[derive(Default, Debug)]
pub(super) struct Tally(Mutex<State>);

#[derive(Default, Debug)]
struct State {
    running: u32,
    requests: Option<Window>,
    tokens: Option<Window>,
}

/// Whose limit it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose<'a> {
    /// The key's own.
    Key(&'a str),
    /// That of each key.
    EachKey(&'a str),
    /// A model's.
    Model(&'a str),
    /// That of each address.
    Address,
    /// Everybody's.
    Global,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Measure {
    /// Requests in a time.
    Requests(Rate),
    /// Tokens in a time.
    Tokens(Rate),
    /// Calls at once.
    Running(u32),
}

/// A limit a call has to keep, and where it is counted.
#[derive(Clone, Debug)]
pub(super) struct Claim<'a> {
    pub(super) whose: Whose<'a>,
    pub(super) limit: &'a Limit,
    pub(super) tally: Arc<Tally>,
}

/// The limits of one call.
#[derive(Default, Debug)]
pub(super) struct Claims<'a> {
    list: [Option<Claim<'a>>; MOST],
    count: usize,
}

impl<'a> Claims<'a> {
    /// Adds one, if it limits anything.
    pub(super) fn push(&mut self, whose: Whose<'a>, limit: &'a Limit, tally: &Arc<Tally>) {
        if limit.is_none() {
            return;
        }
        if let Some(place) = self.list.get_mut(self.count) {
            *place = Some(Claim { whose, limit, tally: tally.clone() });
            self.count += 1;
        }
    }

    /// All of them, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Claim<'a>> {
        self.list.iter().flatten()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The tallies, to be kept until the call is over.
    pub(super) fn into_tallies(self) -> [Option<Arc<Tally>>; MOST] {
        self.list.map(|claim| claim.map(|claim| claim.tally))
    }
}

/// A limit that leaves no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exhausted<'a> {
    pub(super) whose: Whose<'a>,
    pub(super) measure: Measure,
    /// Until there is room, if nothing else comes.
    pub(super) wait: Duration,
}

/// Nobody knows when a call ends: so long it is worth waiting before one asks again.
const CALL_ENDS: Duration = Duration::from_secs(1);

impl Tally {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call is over that was let in at one moment and ends at another: its place is free, and of the tokens set aside for it these
    /// were spent.
    pub(super) fn give_back(&self, (then_us, now_us): (u64, u64), reserved: u64, spent: u64) {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(1);
        if let Some(window) = state.tokens.as_mut().filter(|_| reserved > 0) {
            window.at(now_us);
            window.amend(then_us, reserved, spent);
        }
    }

    /// Whether nothing is counted here any more.
    pub(super) fn is_idle(&self, now_us: u64) -> bool {
        let mut state = self.lock();
        let State { running, requests, tokens } = &mut *state;
        *running == 0 && [requests, tokens].into_iter().flatten().all(|window| window.at(now_us) == 0)
    }
}

impl State {
    /// Brings both counts to a moment; one over another time than the limit's begins anew.
    fn prepare(&mut self, limit: &Limit, now_us: u64) {
        for (window, rate) in [(&mut self.requests, limit.requests), (&mut self.tokens, limit.tokens)] {
            match rate {
                None => *window = None,
                Some(Rate { per, .. }) => {
                    let fits = window.as_ref().is_some_and(|window| window.per() == per);
                    if !fits {
                        *window = Some(Window::new(per, now_us));
                    }
                }
            }
            if let Some(window) = window {
                window.at(now_us);
            }
        }
    }

    /// The measure that leaves no room, and for how long.
    fn exhausted(&self, limit: &Limit, tokens: u64, now_us: u64) -> Option<(Measure, Duration)> {
        let requests =
            self.requests.as_ref().zip(limit.requests).and_then(|(window, rate)| {
                Some((Measure::Requests(rate), window.wait(now_us, 1, rate.amount)?))
            });
        let tokens =
            self.tokens.as_ref().zip(limit.tokens).filter(|_| tokens > 0).and_then(|(window, rate)| {
                Some((Measure::Tokens(rate), window.wait(now_us, tokens, rate.amount)?))
            });
        let running = limit.concurrency.filter(|most| self.running >= *most);
        let running = running.map(|most| (Measure::Running(most), CALL_ENDS));
        [requests, tokens, running].into_iter().flatten().max_by_key(|(_, wait)| *wait)
    }

    fn count(&mut self, tokens: u64) {
        self.running = self.running.saturating_add(1);
        if let Some(window) = &mut self.requests {
            window.add(1);
        }
        if let Some(window) = &mut self.tokens {
            window.add(tokens);
        }
    }

    fn left(&self, limit: &Limit, now_us: u64) -> Left {
        let of = |window: &Option<Window>, rate: Option<Rate>| {
            window.as_ref().zip(rate).map(|(window, rate)| LeftOf {
                limit: rate.amount,
                remaining: rate.amount.saturating_sub(window.sum()),
                reset: window.empties(now_us),
            })
        };
        Left { requests: of(&self.requests, limit.requests), tokens: of(&self.tokens, limit.tokens) }
    }
}

/// Counts a call in all its tallies, or in none. Claims stand in the same order for every call, so that nobody waits in a circle.
pub(super) fn count<'a>(claims: &Claims<'a>, tokens: u64, now_us: u64) -> (Left, Result<(), Exhausted<'a>>) {
    let mut states: [Option<MutexGuard<'_, State>>; MOST] = Default::default();
    let mut worst: Option<Exhausted<'a>> = None;
    for (claim, place) in claims.iter().zip(&mut states) {
        let mut state = claim.tally.lock();
        state.prepare(claim.limit, now_us);
        if let Some((measure, wait)) = state.exhausted(claim.limit, tokens, now_us)
            && worst.is_none_or(|worst| worst.wait < wait)
        {
            worst = Some(Exhausted { whose: claim.whose, measure, wait });
        }
        *place = Some(state);
    }
    let mut left = Left::default();
    for (claim, state) in claims.iter().zip(states.iter_mut().flatten()) {
        if worst.is_none() {
            state.count(tokens);
        }
        left = left.tighter(state.left(claim.limit, now_us));
    }
    (left, worst.map_or(Ok(()), Err))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const SECOND: u64 = 1_000_000;

    fn limit(requests: Option<u64>, tokens: Option<u64>, concurrency: Option<u32>) -> Limit {
        let rate = |amount| Rate { amount, per: MINUTE };
        Limit { requests: requests.map(rate), tokens: tokens.map(rate), concurrency }
    }

    fn claims<'a>(all: &[(Whose<'a>, &'a Limit, &Arc<Tally>)]) -> Claims<'a> {
        let mut claims = Claims::default();
        all.iter().for_each(|(whose, limit, tally)| claims.push(*whose, limit, tally));
        claims
    }

    #[test]
    fn a_call_is_counted_everywhere_or_nowhere_and_the_longest_wait_is_told() {
        let (key, all) = (Arc::new(Tally::default()), Arc::new(Tally::default()));
        let (one, nine) = (limit(Some(1), None, None), limit(Some(9), None, Some(1)));
        let both = || claims(&[(Whose::Key("k"), &one, &key), (Whose::Global, &nine, &all)]);
        assert_eq!(count(&both(), 0, 0).1, Ok(()));
        let (left, refused) = count(&both(), 0, 30 * SECOND);
        let told = refused.map_err(|exhausted| (exhausted.whose, exhausted.wait));
        assert_eq!(told, Err((Whose::Key("k"), Duration::from_secs(31))), "a place is free sooner");
        assert_eq!(left.requests.map(|left| (left.limit, left.remaining)), Some((1, 0)));
        for tally in [&key, &all] {
            tally.give_back((0, 30 * SECOND), 0, 0);
        }
        let other = claims(&[(Whose::Global, &nine, &all)]);
        let (left, let_in) = count(&other, 0, 31 * SECOND);
        assert_eq!(
            (left.requests.map(|left| left.remaining), let_in),
            (Some(7), Ok(())),
            "refused, not counted"
        );
    }

    #[test]
    fn a_call_that_takes_longer_than_the_time_is_not_free() {
        let tally = Arc::new(Tally::default());
        let most = limit(None, Some(1000), None);
        let ask = |tokens, now| count(&claims(&[(Whose::Global, &most, &tally)]), tokens, now);
        assert_eq!(ask(100, 0).1, Ok(()));
        // Two minutes later it has come to ten times as much, and nobody asked meanwhile.
        tally.give_back((0, 120 * SECOND), 100, 1000);
        assert_eq!(ask(101, 121 * SECOND).1.map_err(|exhausted| exhausted.whose), Err(Whose::Global));
        assert_eq!(ask(100, 121 * SECOND).1, Ok(()));
    }

    #[test]
    fn nothing_is_idle_that_is_counted() {
        let tally = Arc::new(Tally::default());
        assert!(tally.is_idle(0));
        let five = limit(Some(5), None, None);
        let one = claims(&[(Whose::Address, &five, &tally)]);
        assert_eq!(count(&one, 0, 0).1, Ok(()));
        assert!(!tally.is_idle(120 * SECOND), "it runs");
        tally.give_back((0, SECOND), 0, 0);
        assert!(!tally.is_idle(59 * SECOND), "it counts");
        assert!(tally.is_idle(61 * SECOND));
    }
}
