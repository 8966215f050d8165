//! Waiting where every target is at its limit: in a fair line (`standing/queue.rs`), as long as the configuration and the call
//! allow, for the target that is meant first.

use std::time::Duration;

use config::snapshot::{FairBy, WhenExhausted};
use tokio::time::Instant;

use super::course::Course;
use crate::route::Target;
use crate::standing::{Counter, Out, Pass, Ticket};

/// Nobody knows how long those take who wait before one: so much is told.
const OTHERS_FIRST: Duration = Duration::from_secs(1);
/// Those who waited for a rest to be over come so far apart: how much there is room for then, only the first ones find out.
const APART: Duration = Duration::from_millis(20);

/// A call's wait for its turn.
#[derive(Default)]
pub(super) struct Turn {
    ticket: Option<Ticket>,
    /// It waits no longer than that, however often.
    until: Option<Instant>,
    /// Why it waits no more.
    pub(super) gave_up: Option<GaveUp>,
}

/// Why a call waits no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum GaveUp {
    /// So many wait already.
    Full(usize),
    /// There is no room within the time it may wait.
    Late(Duration),
}

impl Turn {
    /// Whether it is this call's turn, and so nobody is before it.
    pub(super) fn is_ours(&self) -> bool {
        self.ticket.is_some()
    }

    /// The call goes where it wanted: the next one's turn.
    pub(super) fn pass_on(&mut self) {
        self.ticket = None;
    }

    /// Waits for a turn, or, if it is ours, for that long; whether to look again.
    pub(super) async fn comes(&mut self, course: &Course, counter: Counter, wait: Duration) -> bool {
        let routing = &course.world.routing;
        if routing.when_exhausted == WhenExhausted::Fail {
            return false;
        }
        let longest = routing.queue.wait;
        let until = *self.until.get_or_insert_with(|| (Instant::now() + longest).min(course.deadline));
        if Instant::now() + wait > until {
            return self.gives_up(GaveUp::Late(longest));
        }
        if let Some(ticket) = &mut self.ticket {
            // Never at once: what had no room a moment ago has none now.
            ticket.again(wait.max(Duration::from_millis(1))).await;
            return true;
        }
        let whose = match routing.queue.fair_by {
            FairBy::None => "",
            FairBy::Key | FairBy::Team => &course.caller,
        };
        let rested = counter.model.is_some();
        let Some(mut ticket) = course.register.queue.join(counter, whose, routing.queue.max) else {
            return self.gives_up(GaveUp::Full(routing.queue.max));
        };
        if !ticket.comes(until).await {
            return self.gives_up(GaveUp::Late(longest));
        }
        if rested {
            tokio::time::sleep(APART).await;
        }
        self.ticket = Some(ticket);
        true
    }

    fn gives_up(&mut self, why: GaveUp) -> bool {
        self.pass_on();
        self.gave_up = Some(why);
        false
    }
}

impl Course {
    /// Leave to ask a target, when nobody who waits for it is before this call.
    ///
    /// # Errors
    /// When somebody is, or when it is left alone for a while.
    pub(super) fn enter_in_turn(&self, target: &Target, rest: &[&Target], turn: &Turn) -> Result<Pass, Out> {
        let queue = &self.register.queue;
        let waited_for = || queue.waited_for(&target.provider.name, target.model.as_deref());
        if !target.forced
            && !turn.is_ours()
            && let Some(whole) = waited_for()
        {
            return Err(Out { left: OTHERS_FIRST, rests: true, whole });
        }
        self.enter(target, rest.iter().all(|other| other.shut_for().is_some()))
    }
}
