//! One stream for the caller, made of what was sent and of another answer that goes on from there.
//!
//! The other answer either continues (it was given the text as the assistant's beginning) or begins anew and must say the
//! same first, which is then swallowed. What opens an answer is not sent twice, its names and numbers stay those of the first;
//! `model` names who really answers. Events are edited in place, and what need not change passes as it came.

use std::ops::Range;

use bytes::Bytes;

use super::super::event::{self, Piece, Tongue};
use super::Said;
use super::continued::{beginning, spliced};
use crate::dialect::Dialect;
use crate::operation::Operation;

mod cut;
mod names;

use names::Names;

/// From this length on, in bytes, a continuation that begins with the whole text is a repetition and no chance.
const REPEATED: usize = 8;

/// What becomes of an event of the other answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Joined {
    /// These bytes go to the caller: the event, perhaps edited, with those held back before it.
    Pass(Bytes),
    /// Nothing goes to the caller (yet).
    Nothing,
    /// The other answer says something else than what the caller already has. Nothing of it may be sent.
    Diverged,
}

/// Joins another answer's events to what was sent.
#[derive(Debug)]
pub struct Joiner {
    tongue: Tongue,
    state: State,
    /// The first answer was opened before the caller.
    opened: bool,
    /// It has a part open that is text.
    in_text: bool,
    /// What the caller's answer is called.
    names: Names,
    /// Bytes of the next text that the caller has.
    drop: usize,
    /// Blanks the caller has, which the next text may begin with once more.
    blanks: String,
    /// `[DONE]` has gone to the caller.
    done: bool,
}

/// An event whose text cannot be cut where it has to be.
struct Untouchable;

#[derive(Debug)]
enum State {
    /// What must come before anything new.
    Verifying(Known),
    /// Is it a repetition of all this text? Events are held as long as it may be one.
    Listening { known: Known, held: Vec<Bytes> },
    /// What comes is new.
    Flowing,
}

/// A text the caller has, and how far the other answer has said it.
#[derive(Debug)]
struct Known {
    text: String,
    heard: usize,
}

/// What a piece of text is to a known one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// More of it; some is left.
    Part,
    /// The rest of it, in so many bytes of the piece.
    Last(usize),
    /// Something else.
    Other,
}

impl Known {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), heard: 0 }
    }

    fn hear(&mut self, piece: &str) -> Heard {
        let left = self.text.get(self.heard..).unwrap_or_default();
        if piece.starts_with(left) {
            let bytes = left.len();
            self.heard = self.text.len();
            Heard::Last(bytes)
        } else if left.starts_with(piece) {
            self.heard += piece.len();
            Heard::Part
        } else {
            Heard::Other
        }
    }
}

impl Joiner {
    /// Joins an answer to the request of [`continued`](super::continued()). `None`: streams of this operation cannot be
    /// joined, or what was said is more than text.
    pub fn continuing(operation: Operation, dialect: Dialect, said: &Said) -> Option<Self> {
        let text = beginning(&said.text);
        // The events of Responses say the whole text once more at its end, of which a continuation has only its part.
        let mut joiner =
            Self::new(operation, dialect, said).filter(|joiner| joiner.tongue != Tongue::Responses)?;
        joiner.blanks = said.text.get(text.len()..).unwrap_or_default().to_owned();
        if text.len() >= REPEATED {
            joiner.state = State::Listening { known: Known::new(text), held: Vec::new() };
        }
        Some(joiner)
    }

    /// Joins an answer to the caller's own request, asked anew: it must say first what was said already. `None` as in
    /// [`Joiner::continuing`].
    pub fn verifying(operation: Operation, dialect: Dialect, said: &Said) -> Option<Self> {
        let mut joiner = Self::new(operation, dialect, said)?;
        if !said.text.is_empty() {
            joiner.state = State::Verifying(Known::new(&said.text));
        }
        Some(joiner)
    }

    fn new(operation: Operation, dialect: Dialect, said: &Said) -> Option<Self> {
        let tongue = Tongue::of(operation, dialect)?;
        (said.plain && !said.finished).then(|| Self {
            tongue,
            state: State::Flowing,
            opened: said.opened,
            in_text: said.in_text,
            names: Names::of(tongue, said),
            drop: 0,
            blanks: String::new(),
            done: false,
        })
    }

    /// Whether the other answer has said all that the caller already had: from here on it adds something.
    pub fn is_flowing(&self) -> bool {
        matches!(self.state, State::Flowing)
    }

    /// Takes the next whole event of the other answer.
    pub fn event(&mut self, event: Bytes) -> Joined {
        let Some(at) = event::data(&event) else { return self.other(event) };
        if self.is_flowing() {
            return self.pass(vec![event]);
        }
        let json = event.get(at..).unwrap_or_default();
        let Some(piece) = Piece::read(self.tongue, json) else { return self.other(event) };
        let text = piece.text.as_deref().unwrap_or_default();
        let ends = piece.finishes || piece.closes_text;
        match &mut self.state {
            State::Flowing => self.pass(vec![event]),
            State::Verifying(known) => {
                let heard = known.hear(text);
                // The answer may not end before it has said what the caller has.
                if piece.more || heard == Heard::Other || (heard == Heard::Part && ends) {
                    return Joined::Diverged;
                }
                let Heard::Last(bytes) = heard else { return Joined::Nothing };
                self.drop = bytes;
                self.state = State::Flowing;
                self.pass(vec![event])
            }
            State::Listening { known, held } => {
                if piece.more {
                    return Joined::Diverged;
                }
                let heard = known.hear(text);
                held.push(event);
                if heard == Heard::Part && !ends {
                    return Joined::Nothing;
                }
                self.drop = if matches!(heard, Heard::Last(_)) { known.text.len() } else { 0 };
                self.go()
            }
        }
    }

    /// What is no event of the answer: a comment, `[DONE]`, or what cannot be read, and therefore not be compared.
    fn other(&mut self, event: Bytes) -> Joined {
        let done = event::is_done(&event);
        if done && std::mem::replace(&mut self.done, true) {
            return Joined::Nothing;
        }
        match &mut self.state {
            State::Listening { held, .. } if done => {
                held.push(event);
                self.go()
            }
            State::Listening { .. } | State::Verifying(_) if event::has_data(&event) => Joined::Diverged,
            State::Flowing | State::Listening { .. } | State::Verifying(_) => Joined::Pass(event),
        }
    }

    /// Lets flow what was held.
    fn go(&mut self) -> Joined {
        match std::mem::replace(&mut self.state, State::Flowing) {
            State::Listening { held, .. } => self.pass(held),
            State::Flowing | State::Verifying(_) => Joined::Nothing,
        }
    }

    fn pass(&mut self, events: Vec<Bytes>) -> Joined {
        let passed: Result<Vec<_>, Untouchable> =
            events.into_iter().map(|event| self.edited(event)).collect();
        let Ok(passed) = passed else { return Joined::Diverged };
        let mut passed: Vec<Bytes> = passed.into_iter().flatten().collect();
        match passed.len() {
            0 => Joined::Nothing,
            1 => passed.pop().map_or(Joined::Nothing, Joined::Pass),
            _ => Joined::Pass(passed.concat().into()),
        }
    }

    /// The event as the caller gets it; `None` when nothing is left of it.
    fn edited(&mut self, event: Bytes) -> Result<Option<Bytes>, Untouchable> {
        let Some(at) = event::data(&event) else { return Ok(Some(event)) };
        let json = event.get(at..).unwrap_or_default();
        let Some(mut piece) = Piece::read(self.tongue, json) else { return Ok(Some(event)) };
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let had_text = piece.text.as_deref().is_some_and(|text| !text.is_empty());
        if let Some(text) = piece.text.as_mut().filter(|text| !text.is_empty()) {
            let known = self.known(text);
            if known > 0 {
                let place = event::place(json, self.tongue.way());
                let cut = place.and_then(|place| cut::beginning(json, place, known)).ok_or(Untouchable)?;
                edits.push((cut, String::new()));
                text.drain(..known);
            }
        }
        if self.is_known(&piece, had_text) {
            return Ok(None);
        }
        self.names.put(json, &mut edits);
        if self.opened && piece.opens && self.tongue == Tongue::Chat {
            // Who speaks is said once: readers of streams put together what they are told twice.
            edits.extend(names::role(json).map(|place| (place, String::new())));
        }
        if edits.is_empty() {
            return Ok(Some(event));
        }
        edits.iter_mut().for_each(|(place, _)| *place = place.start + at..place.end + at);
        edits.sort_by_key(|(place, _)| place.start);
        Ok(Some(spliced(&event, &edits)))
    }

    /// How many bytes of a text the caller has already.
    fn known(&mut self, text: &str) -> usize {
        let dropped = self.drop.min(text.len());
        self.drop -= dropped;
        let mut known = dropped;
        let rest = text.get(dropped..).unwrap_or_default();
        for letter in rest.chars() {
            if !self.blanks.starts_with(letter) {
                self.blanks.clear();
                break;
            }
            self.blanks.drain(..letter.len_utf8());
            known += letter.len_utf8();
        }
        known
    }

    /// Whether the caller has all of this event already: an opening, or a text that was cut away whole.
    fn is_known(&self, piece: &Piece, had_text: bool) -> bool {
        let opening = (piece.opens && self.opened)
            || (piece.opens_item && self.names.have_item())
            || (piece.opens_text && self.in_text);
        piece.is_empty() && (opening || had_text)
    }
}

#[cfg(test)]
mod tests;
