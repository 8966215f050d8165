//! Those who wait until somebody takes calls again: a line for each place, in which callers take turns.
//!
//! Only the one whose turn it is looks whether there is room, and leaves the line with it; so nobody is overtaken, and a caller with
//! two hundred calls in a line holds up another's one by the one that is being let in. Whoever comes while others wait for
//! the same place waits behind them. Whoever hangs up has left: a [`Ticket`] that is dropped is gone from the line.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::observe::Waits;

/// What is waited for: a provider as a whole, or one of its models.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Counter {
    /// The provider.
    pub(crate) provider: String,
    /// Its model; `None`: the whole provider has no room.
    pub(crate) model: Option<String>,
}

impl Counter {
    fn covers(&self, provider: &str, model: Option<&str>) -> bool {
        self.provider == provider && self.model.as_deref().is_none_or(|own| Some(own) == model)
    }
}

/// All lines.
#[derive(Debug)]
pub(crate) struct Queue {
    /// How many wait, in all of them: nobody takes the lock while that is none.
    waiting: AtomicUsize,
    lines: Mutex<Vec<(Counter, Line)>>,
    /// Rings when something was given back.
    bell: watch::Sender<()>,
    shown: Waits,
}

/// Those who wait for one place.
#[derive(Debug, Default)]
struct Line {
    now: Option<Turn>,
    /// Callers in the order of their turns, each with those of its calls that wait.
    callers: VecDeque<(String, VecDeque<Waiter>)>,
    last: u64,
}

/// Whose turn it is. Its caller's other calls come after everybody else's next.
#[derive(Debug)]
struct Turn {
    id: u64,
    caller: String,
    others: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    called: Arc<Notify>,
}

/// A place in a line.
#[derive(Debug)]
pub(crate) struct Ticket {
    queue: Arc<Queue>,
    counter: Counter,
    id: u64,
    called: Arc<Notify>,
    bell: watch::Receiver<()>,
    since: Instant,
}

impl Queue {
    /// An empty one.
    pub(crate) fn new(shown: Waits) -> Self {
        Self { waiting: AtomicUsize::new(0), lines: Mutex::default(), bell: watch::Sender::new(()), shown }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<(Counter, Line)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether others wait for this already, and, if so, whether for the provider as a whole.
    pub(crate) fn waited_for(&self, provider: &str, model: Option<&str>) -> Option<bool> {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let lines = self.lines();
        let waited =
            lines.iter().map(|(counter, _)| counter).filter(|counter| counter.covers(provider, model));
        waited.map(|counter| counter.model.is_none()).max()
    }

    /// Something was given back: whoever's turn it is looks again.
    pub(crate) fn ring(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.bell.send_replace(());
        }
    }

    /// A provider has no room by our own count of its quota.
    pub(super) fn passed_over(&self, provider: &str) {
        self.shown.passed_over(provider);
    }

    /// A place in the line, behind everybody's next; `None`: so many wait already.
    pub(crate) fn join(self: &Arc<Self>, counter: Counter, caller: &str, most: usize) -> Option<Ticket> {
        let mut lines = self.lines();
        // Nobody joins without the lock.
        if self.waiting.load(Ordering::SeqCst) >= most {
            return None;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.shown.depth.inc();
        let at = lines.iter().position(|(known, _)| *known == counter).unwrap_or_else(|| {
            lines.push((counter.clone(), Line::default()));
            lines.len() - 1
        });
        let called = Arc::new(Notify::new());
        let id = lines.get_mut(at).map_or(0, |(_, line)| line.join(caller, &called));
        drop(lines);
        let (queue, bell, since) = (self.clone(), self.bell.subscribe(), Instant::now());
        Some(Ticket { queue, counter, id, called, bell, since })
    }

    fn leave(&self, ticket: &Ticket) {
        let mut lines = self.lines();
        if let Some(at) = lines.iter().position(|(known, _)| *known == ticket.counter)
            && let Some((_, line)) = lines.get_mut(at)
        {
            line.leave(ticket.id);
            if line.now.is_none() {
                lines.swap_remove(at);
            }
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        drop(lines);
        self.shown.depth.dec();
        self.shown.waited.observe(ticket.since.elapsed().as_secs_f64());
    }
}

impl Line {
    fn join(&mut self, caller: &str, called: &Arc<Notify>) -> u64 {
        self.last += 1;
        let (id, waiter) = (self.last, Waiter { id: self.last, called: called.clone() });
        let others = match &mut self.now {
            Some(turn) if turn.caller == caller => Some(&mut turn.others),
            _ => self.callers.iter_mut().find(|(known, _)| known == caller).map(|(_, others)| others),
        };
        match others {
            Some(others) => others.push_back(waiter),
            None => self.callers.push_back((caller.to_owned(), VecDeque::from([waiter]))),
        }
        if self.now.is_none() {
            self.next();
        }
        id
    }

    fn leave(&mut self, id: u64) {
        match &mut self.now {
            Some(turn) if turn.id == id => self.next(),
            Some(turn) => {
                turn.others.retain(|waiter| waiter.id != id);
                for (_, others) in &mut self.callers {
                    others.retain(|waiter| waiter.id != id);
                }
                self.callers.retain(|(_, others)| !others.is_empty());
            }
            None => {}
        }
    }

    /// The next caller's turn.
    fn next(&mut self) {
        if let Some(Turn { caller, others, .. }) = self.now.take().filter(|turn| !turn.others.is_empty()) {
            self.callers.push_back((caller, others));
        }
        let Some((caller, mut others)) = self.callers.pop_front() else { return };
        let Some(Waiter { id, called }) = others.pop_front() else { return };
        called.notify_one();
        self.now = Some(Turn { id, caller, others });
    }
}

impl Ticket {
    /// Waits for its turn, until then at most; whether it has come.
    pub(crate) async fn comes(&mut self, until: Instant) -> bool {
        let come = tokio::time::timeout_at(until, self.called.notified()).await.is_ok();
        // What was given back before it looks, it sees by itself.
        self.bell.mark_unchanged();
        come
    }

    /// It is its turn, and there was no room: waits that long, or until something is given back.
    pub(crate) async fn again(&mut self, wait: Duration) {
        // Whoever owns the bell is the queue, which is kept by this.
        let _ = tokio::time::timeout(wait, self.bell.changed()).await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(model: Option<&str>) -> Counter {
        Counter { provider: "openai".to_owned(), model: model.map(str::to_owned) }
    }

    fn queue() -> Arc<Queue> {
        Arc::new(Queue::new(Waits::default()))
    }

    /// Whether it is its turn.
    async fn is_called(ticket: &mut Ticket) -> bool {
        ticket.comes(Instant::now()).await
    }

    #[tokio::test]
    async fn two_hundred_calls_of_one_caller_hold_up_anothers_one_by_a_single_turn() {
        let queue = queue();
        let mut many: VecDeque<Ticket> =
            (0..200).filter_map(|_| queue.join(counter(None), "many", 1000)).collect();
        let mut one = queue.join(counter(None), "one", 1000).unwrap();
        assert!(is_called(&mut many[0]).await);
        assert!(!is_called(&mut one).await, "somebody else is being let in");
        many.pop_front();
        assert!(is_called(&mut one).await, "and then it is its turn");
        assert!(!is_called(&mut many[0]).await);
        drop(one);
        assert!(is_called(&mut many[0]).await);
    }

    #[tokio::test]
    async fn whoever_hangs_up_leaves_the_line_and_so_many_wait_and_no_more() {
        let queue = queue();
        let mut all: Vec<Ticket> = (0..3).filter_map(|_| queue.join(counter(None), "a", 3)).collect();
        assert!(queue.join(counter(Some("gpt-4o")), "b", 3).is_none(), "the bound is on all lines");
        assert_eq!(queue.waited_for("openai", Some("gpt-4o")), Some(true));
        assert_eq!(queue.waited_for("azure", None), None);
        drop(all.remove(1));
        drop(all.remove(0));
        assert!(is_called(&mut all[0]).await);
        all.clear();
        assert_eq!(queue.waited_for("openai", None), None);
        assert!(queue.lines().is_empty());
    }

    #[tokio::test]
    async fn who_waits_for_one_model_does_not_hold_up_another() {
        let queue = queue();
        let _ticket = queue.join(counter(Some("gpt-4o")), "a", 3);
        assert_eq!(queue.waited_for("openai", Some("gpt-4o")), Some(false));
        assert_eq!(queue.waited_for("openai", Some("gpt-5")), None);
    }

    #[tokio::test]
    async fn what_is_given_back_is_looked_for_at_once() {
        let queue = queue();
        let mut ticket = queue.join(counter(None), "a", 3).unwrap();
        assert!(is_called(&mut ticket).await);
        let began = Instant::now();
        queue.ring();
        ticket.again(Duration::from_secs(60)).await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
