//! Parts one after the other, for languages that know no other way.
//!
//! OpenAI's stream may grow two calls by turns, and does not say that a part is complete before the answer ends. What belongs to a
//! later part is held back until the earlier ones are complete: a text is when another part begins, a call when its arguments are a
//! whole JSON value.

use super::delta::{Delta, Opening};

/// Puts the parts of a stream in turn.
#[derive(Debug, Default)]
pub struct InTurn {
    /// Parts that are not closed, in order; the first is the one that is being written.
    open: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: usize,
    /// How far its arguments are; `None`: it is no call.
    arguments: Option<Depth>,
    /// It is complete, and only waits for its turn.
    closed: bool,
    /// What waits with it. Of the first nothing does.
    held: Vec<Delta>,
}

impl InTurn {
    /// Takes one step and gives what may be written now.
    pub fn push(&mut self, delta: Delta, out: &mut Vec<Delta>) {
        match delta {
            Delta::Open(number, opening) => {
                let arguments = match opening {
                    Opening::Call { custom, .. } => {
                        Some(if custom { Depth::text() } else { Depth::default() })
                    }
                    _ => None,
                };
                if let Some(last) = self.open.last_mut().filter(|last| last.is_complete()) {
                    last.closed = true;
                }
                self.open.push(Waiting { number, arguments, closed: false, held: Vec::new() });
                self.settle(out);
                self.give(number, Delta::Open(number, opening), out);
            }
            Delta::Grow(number, text) => {
                if let Some(depth) = self.find(number).and_then(|part| part.arguments.as_mut()) {
                    depth.push(&text);
                }
                self.give(number, Delta::Grow(number, text), out);
            }
            Delta::Logprobs(number, words) => self.give(number, Delta::Logprobs(number, words), out),
            Delta::Sign(number, mark) => self.give(number, Delta::Sign(number, mark), out),
            Delta::Close(number) => {
                if let Some(part) = self.find(number) {
                    part.closed = true;
                }
                self.settle(out);
            }
            Delta::Stop(stop) => {
                self.end(out);
                out.push(Delta::Stop(stop));
            }
            Delta::Begin(_) | Delta::Counts(_) | Delta::Fault(_) => out.push(delta),
        }
    }

    /// Everything that is held back, as it is, and closed.
    pub fn end(&mut self, out: &mut Vec<Delta>) {
        self.open.iter_mut().for_each(|part| part.closed = true);
        self.settle(out);
    }

    fn find(&mut self, number: usize) -> Option<&mut Waiting> {
        self.open.iter_mut().find(|part| part.number == number)
    }

    fn give(&mut self, number: usize, delta: Delta, out: &mut Vec<Delta>) {
        match self.open.iter().position(|part| part.number == number) {
            Some(0) => {
                out.push(delta);
                self.settle(out);
            }
            Some(at) => self.open[at].held.push(delta),
            // A part that is closed already: late words are nobody's.
            None => {}
        }
    }

    /// Closes those that are complete, and lets the next ones speak.
    fn settle(&mut self, out: &mut Vec<Delta>) {
        while let Some(first) = self.open.first() {
            // The arguments of one call are whole, and another waits: nothing can come any more.
            let whole = self.open.len() > 1 && first.is_complete();
            if !first.closed && !whole {
                return;
            }
            let first = self.open.remove(0);
            out.extend(first.held);
            out.push(Delta::Close(first.number));
            if let Some(next) = self.open.first_mut() {
                out.append(&mut next.held);
            }
        }
    }
}

impl Waiting {
    /// Whether nothing more belongs to it as soon as another part begins.
    fn is_complete(&self) -> bool {
        self.arguments.as_ref().is_none_or(|depth| depth.whole)
    }
}

/// How far a JSON text is, by its brackets.
#[derive(Debug, Default)]
struct Depth {
    open: u32,
    in_string: bool,
    escaped: bool,
    /// An object or array began, and all that began has ended.
    whole: bool,
}

impl Depth {
    /// Free text: nothing tells its end but the next part.
    fn text() -> Self {
        Self { whole: true, ..Self::default() }
    }

    fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.open += 1,
                b'}' | b']' => {
                    self.open = self.open.saturating_sub(1);
                    self.whole |= self.open == 0;
                }
                _ => {}
            }
        }
    }
}
