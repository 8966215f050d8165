//! One stream for the caller, made of what was sent and of another answer that goes on from there.
//!
//! The other answer either continues (it was given the text as the assistant's beginning) or begins anew and must say the
//! same first, which is then swallowed. What opens an answer is not sent twice, `id` and `created` stay those of the first;
//! `model` names who really answers. Events are edited in place, and what need not change passes as it came.

use std::ops::Range;

use bytes::Bytes;

use super::super::event::{self, Piece, Step, Tongue};
use super::Said;
use super::continued::{beginning, spliced};
use crate::dialect::Dialect;
use crate::operation::Operation;

mod cut;

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
    /// The caller has had the event that opens an answer.
    opened: bool,
    /// The caller has a part open that is text.
    in_text: bool,
    /// What `id` says, as JSON.
    id: Option<String>,
    /// What `created` says.
    created: Option<u64>,
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
    Verifying(String),
    /// Is it a repetition of all this text? Events are held as long as it may be one.
    Listening { text: String, heard: String, held: Vec<Bytes> },
    /// What comes is new.
    Flowing,
}

impl Joiner {
    /// Joins an answer to the request of [`continued`](super::continued()). `None`: streams of this operation cannot be
    /// joined, or what was said is more than text.
    pub fn continuing(operation: Operation, dialect: Dialect, said: &Said) -> Option<Self> {
        let text = beginning(&said.text).to_owned();
        let mut joiner = Self::new(operation, dialect, said)?;
        joiner.blanks = said.text.get(text.len()..).unwrap_or_default().to_owned();
        if text.len() >= REPEATED {
            joiner.state = State::Listening { text, heard: String::new(), held: Vec::new() };
        }
        Some(joiner)
    }

    /// Joins an answer to the caller's own request, asked anew: it must say first what was said already. `None` as in
    /// [`Joiner::continuing`].
    pub fn verifying(operation: Operation, dialect: Dialect, said: &Said) -> Option<Self> {
        let mut joiner = Self::new(operation, dialect, said)?;
        if !said.text.is_empty() {
            joiner.state = State::Verifying(said.text.clone());
        }
        Some(joiner)
    }

    fn new(operation: Operation, dialect: Dialect, said: &Said) -> Option<Self> {
        // The events of Responses are numbered and repeat the whole text at its end: another answer's do not fit.
        let tongue = Tongue::of(operation, dialect).filter(|tongue| *tongue != Tongue::Responses)?;
        (said.plain && !said.finished).then(|| Self {
            tongue,
            state: State::Flowing,
            opened: said.opened,
            in_text: said.in_text,
            id: said.id.as_ref().map(|id| serde_json::Value::from(id.as_str()).to_string()),
            created: said.created,
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
        match &mut self.state {
            State::Flowing => self.pass(vec![event]),
            State::Verifying(left) => {
                let text = piece.text.as_deref().unwrap_or_default();
                if piece.more || !(left.starts_with(text) || text.starts_with(left.as_str())) {
                    return Joined::Diverged;
                }
                let known = text.len().min(left.len());
                left.drain(..known);
                if !left.is_empty() {
                    // The answer may not end before it has said what the caller has.
                    return if piece.finishes || piece.closes_text {
                        Joined::Diverged
                    } else {
                        Joined::Nothing
                    };
                }
                self.drop = known;
                self.state = State::Flowing;
                self.pass(vec![event])
            }
            State::Listening { text, heard, held } => {
                if piece.more {
                    return Joined::Diverged;
                }
                heard.push_str(piece.text.as_deref().unwrap_or_default());
                held.push(event);
                let repeats = heard.starts_with(text.as_str());
                let open = !(piece.finishes || piece.closes_text);
                if !repeats && open && text.starts_with(heard.as_str()) {
                    return Joined::Nothing;
                }
                self.drop = if repeats { text.len() } else { 0 };
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
        if self.tongue != Tongue::Messages {
            self.name(json, &piece, &mut edits);
        }
        self.opened |= piece.opens;
        self.in_text = (self.in_text || piece.opens_text) && !piece.closes_text;
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
        let opening = (piece.opens && self.opened) || (piece.opens_text && self.in_text);
        piece.is_empty() && (opening || had_text)
    }

    /// Edits by which the event bears the names of the caller's answer, and says only once who speaks.
    fn name(&self, json: &[u8], piece: &Piece, edits: &mut Vec<(Range<usize>, String)>) {
        let value = |name| event::place(json, &[Step::Member(name)]);
        if let (Some(id), Some(place)) = (&self.id, value("id")) {
            push_if_new(edits, json, place, id);
        }
        if let (Some(created), Some(place)) = (self.created, value("created")) {
            push_if_new(edits, json, place, &created.to_string());
        }
        if self.opened && piece.opens && self.tongue == Tongue::Chat {
            let delta = event::place(json, &[Step::Member("choices"), Step::First, Step::Member("delta")]);
            let role = delta.and_then(|delta| {
                let role = crate::envelope::member(json.get(delta.clone())?, "role")?;
                Some(delta.start + role.whole.start..delta.start + role.whole.end)
            });
            edits.extend(role.map(|place| (place, String::new())));
        }
    }
}

/// An edit, where it changes anything.
fn push_if_new(edits: &mut Vec<(Range<usize>, String)>, json: &[u8], place: Range<usize>, new: &str) {
    if json.get(place.clone()) != Some(new.as_bytes()) {
        edits.push((place, new.to_owned()));
    }
}

#[cfg(test)]
mod tests;
