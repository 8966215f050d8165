//! The load: callers who ask in a closed loop, at a fixed rate, or hold streams, and look at every answer.
//!
//! One thread. Whoever measures is told when the window begins and ends, at the very instants between which is counted.

pub(crate) mod figures;
mod plan;
mod reader;
mod slot;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::clock::{self, SECOND};
use crate::dice::Dice;
use crate::engine::READ;
use crate::engine::poll::{Poll, Ready};
use crate::engine::timers::Timers;

pub(crate) use figures::Figures;
pub(crate) use plan::{Expect, Pace, Plan};
use slot::{Outcome, Slot};

/// So many failures one after the other, and the load gives up.
const HOPELESS: u64 = 1_000;
/// And for that long: a fast machine fails a thousand times in a moment.
const FOR_GOOD: Duration = Duration::from_secs(2);

/// What the load tells whoever measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The warm-up is over, from here on is counted.
    Begin,
    /// Nothing more is counted; all connections are still there.
    End,
    /// A second within the window has passed.
    Second,
}

/// What is to happen at an instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A slot begins its first call.
    Start(usize),
    /// A call is due, whether or not anybody is free.
    Due,
    /// The caller of this slot leaves, if it still asks that call.
    Leave(usize, u64),
    Begin,
    Second,
    End,
}

/// Puts the load on, and says what came of it.
pub(crate) fn run(plan: &Plan, mark: &mut dyn FnMut(Mark)) -> Result<Figures> {
    let mut load = Load::new(plan)?;
    load.schedule();
    let mut buffer = vec![0; READ];
    loop {
        let found = load.poll.wait(load.timers.next())?;
        for place in 0..found {
            if let Some(ready) = load.poll.ready(place) {
                load.serve(ready, &mut buffer)?;
            }
        }
        let now = clock::now();
        while let Some((instant, event)) = load.timers.due(now) {
            if event == Event::End {
                load.figures.elapsed = clock::now() - load.figures.began;
                load.figures.open = load.slots.iter().filter(|slot| slot.is_answered()).count() as u64;
                mark(Mark::End);
                return Ok(load.figures);
            }
            load.happen(instant, event, mark)?;
        }
    }
}

struct Load<'a> {
    plan: &'a Plan,
    poll: Poll,
    timers: Timers<Event>,
    slots: Vec<Slot>,
    /// Slots without a call, the last one used on top.
    idle: Vec<usize>,
    /// Calls that are due while nobody is free, by the instants they were meant for.
    waiting: VecDeque<u64>,
    figures: Figures,
    dice: Dice,
    /// When the first call was due.
    began: u64,
    /// How many calls have become due.
    calls: u64,
    failures_in_a_row: u64,
    /// When the first of them was.
    failing_since: Option<Instant>,
}

impl<'a> Load<'a> {
    fn new(plan: &'a Plan) -> Result<Self> {
        Ok(Self {
            plan,
            poll: Poll::new()?,
            timers: Timers::new(),
            slots: Vec::new(),
            idle: Vec::new(),
            waiting: VecDeque::new(),
            figures: Figures::new()?,
            dice: Dice::new(11),
            began: clock::now(),
            calls: 0,
            failures_in_a_row: 0,
            failing_since: None,
        })
    }

    fn schedule(&mut self) {
        let now = clock::now();
        match self.plan.pace {
            Pace::Closed { connections, spread } => {
                self.slots.resize_with(connections, Slot::default);
                for slot in 0..connections {
                    let later = nanoseconds(spread) * slot as u64 / connections.max(1) as u64;
                    self.timers.at(now + later, Event::Start(slot));
                }
            }
            Pace::Open { per_second } => {
                self.due_next(0, per_second);
            }
        }
        self.timers.at(now + nanoseconds(self.plan.warm_up), Event::Begin);
    }

    /// Sets the instant of the call of this number: somewhere within its own part of the second, so that calls do not keep
    /// step with what the upstream does.
    fn due_next(&mut self, number: u64, per_second: u64) {
        let step = SECOND / per_second.max(1);
        let start = self.began + number * SECOND / per_second.max(1);
        self.timers.at(start + self.dice.below(step), Event::Due);
        self.calls = number + 1;
    }

    fn happen(&mut self, instant: u64, event: Event, mark: &mut dyn FnMut(Mark)) -> Result<()> {
        match event {
            Event::Start(slot) => self.ask(slot, instant),
            Event::Due => {
                if let Pace::Open { per_second } = self.plan.pace {
                    self.due_next(self.calls, per_second);
                }
                self.waiting.push_back(instant);
                let slot = self.idle.pop().unwrap_or(self.slots.len());
                if slot == self.slots.len() {
                    if slot >= self.plan.most {
                        return Ok(());
                    }
                    self.slots.push(Slot::default());
                }
                self.next(slot)
            }
            Event::Leave(slot, call) => {
                if !self.slots[slot].leave(call) {
                    return Ok(());
                }
                self.figures.hung_up += 1;
                self.next(slot)
            }
            Event::Begin => {
                self.figures = Figures::new()?;
                mark(Mark::Begin);
                self.began_at(clock::now());
                Ok(())
            }
            Event::Second => {
                mark(Mark::Second);
                self.timers.at(instant + SECOND, Event::Second);
                Ok(())
            }
            Event::End => Ok(()),
        }
    }

    fn began_at(&mut self, now: u64) {
        self.figures.began = now;
        self.timers.at(now + SECOND, Event::Second);
        self.timers.at(now + nanoseconds(self.plan.measure), Event::End);
    }

    /// Sends a call, on the slot's connection or a new one.
    fn ask(&mut self, slot: usize, intended: u64) -> Result<()> {
        if !self.slots[slot].is_connected()
            && let Err(error) = self.slots[slot].connect(self.plan.to, slot, &self.poll)
        {
            return self.failed(slot, &format!("cannot connect: {error}"));
        }
        if self.plan.hang_up > 0.0 && self.dice.share() < self.plan.hang_up {
            let later = self.dice.below(nanoseconds(self.plan.hang_up_within));
            self.timers.at(clock::now() + later, Event::Leave(slot, self.slots[slot].next_call()));
        }
        match self.slots[slot].ask(self.plan, intended) {
            Ok(()) => Ok(()),
            Err(error) => self.failed(slot, &error.to_string()),
        }
    }

    fn serve(&mut self, ready: Ready, buffer: &mut [u8]) -> Result<()> {
        let place = (ready.token & 0xFFFF_FFFF) as usize;
        let Some(slot) = self.slots.get_mut(place).filter(|slot| slot.is_watched_as(ready.token)) else {
            return Ok(());
        };
        if ready.writable && slot.write_on(self.plan).is_err() {
            return self.failed(place, "the connection broke while a request was sent");
        }
        if !ready.readable {
            return Ok(());
        }
        loop {
            let slot = &mut self.slots[place];
            let count = match slot.receive(buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return self.over(place, Err(error)),
            };
            if count == 0 {
                return self.over(place, Ok(()));
            }
            match slot.take(&buffer[..count], self.plan, &mut self.figures) {
                Outcome::More => {}
                Outcome::Done => {
                    self.failures_in_a_row = 0;
                    self.failing_since = None;
                    self.next(place)?;
                }
                Outcome::Wrong(why) => return self.failed(place, &why),
            }
            if count < buffer.len() && !ready.ended {
                return Ok(());
            }
        }
    }

    /// The connection is over: at the end of an answer that says so, or too early.
    fn over(&mut self, place: usize, how: io::Result<()>) -> Result<()> {
        match self.slots[place].over(self.plan, &mut self.figures) {
            Outcome::More => Ok(()),
            Outcome::Done => self.next(place),
            Outcome::Wrong(why) => match how {
                Ok(()) => self.failed(place, &why),
                Err(error) => self.failed(place, &format!("{why} ({error})")),
            },
        }
    }

    fn failed(&mut self, slot: usize, why: &str) -> Result<()> {
        self.figures.failed(why);
        self.failures_in_a_row += 1;
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if self.failures_in_a_row >= HOPELESS && since.elapsed() >= FOR_GOOD {
            bail!("{HOPELESS} calls to {} failed one after the other, the last: {why}", self.plan.to);
        }
        self.slots[slot].close();
        // Not at once: whoever refuses would be asked by nobody else.
        match self.plan.pace {
            Pace::Closed { .. } => self.timers.at(clock::now() + clock::MILLISECOND, Event::Start(slot)),
            Pace::Open { .. } => self.idle.push(slot),
        }
        Ok(())
    }

    /// A slot is free: it asks again, or waits until a call is due.
    fn next(&mut self, slot: usize) -> Result<()> {
        match self.plan.pace {
            Pace::Closed { .. } => self.ask(slot, clock::now()),
            Pace::Open { .. } => match self.waiting.pop_front() {
                Some(intended) => self.ask(slot, intended),
                None => {
                    self.idle.push(slot);
                    Ok(())
                }
            },
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
