//! A streamed answer, written: events, or the elements of one JSON array.
//!
//! The last piece has the reason, and waits for the end, behind which no counts can come any more. Calls are written when their arguments
//! are complete: there is no other way to write them.

use serde_json::{Value, json};

use super::super::events;
use super::super::json::Object;
use super::super::logprobs::Ahead;
use super::super::{StreamWriter, To, Wire};
use super::{logprobs, mark, part, response, stop};
use crate::fault::{self, Kind};
use crate::hub::in_turn::InTurn;
use crate::hub::{Call, Counts, Delta, Opening, Part, Stop};

/// Writes either shape.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    model: String,
    counts: Option<Counts>,
    stop: Option<Stop>,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    in_turn: InTurn,
    /// The part that is being written.
    open: Option<Written>,
    /// It is one JSON array; how many elements it has.
    array: Option<usize>,
}

/// What is kept of a part until it is complete.
#[derive(Debug)]
enum Written {
    /// Text goes out as it comes.
    Text,
    Thought {
        any: bool,
        mark: Option<String>,
    },
    Call(Call),
}

impl Writer {
    pub(super) fn new(to: &To<'_>) -> Self {
        Self {
            id: to.mint.id("", 0),
            model: to.request.model.clone(),
            counts: None,
            stop: None,
            ahead: Ahead::default(),
            in_turn: InTurn::default(),
            open: None,
            array: to.request.array.then_some(0),
        }
    }

    fn step(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Begin(begun) => {
                self.id = begun.id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = begun.model.unwrap_or_else(|| std::mem::take(&mut self.model));
            }
            Delta::Open(_, opening) => self.open(opening, out),
            Delta::Grow(_, text) => self.grow(text, out),
            Delta::Logprobs(_, words) => {
                if matches!(self.open, Some(Written::Text)) {
                    self.ahead.add(words);
                }
            }
            Delta::Sign(_, mark) => {
                let signature = match &mut self.open {
                    Some(Written::Thought { mark, .. }) => mark,
                    Some(Written::Call(call)) => &mut call.signature,
                    _ => return,
                };
                signature.get_or_insert_default().push_str(&mark);
            }
            Delta::Close(_) => self.close(out),
            Delta::Stop(stop) => self.stop = Some(stop),
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
            Delta::Fault(_) => {}
        }
    }

    fn open(&mut self, opening: Opening, out: &mut Vec<u8>) {
        self.open = match opening {
            Opening::Text | Opening::Refusal => Some(Written::Text),
            Opening::Thought { .. } => Some(Written::Thought { any: false, mark: None }),
            Opening::Call { id, name, custom } => {
                Some(Written::Call(Call { id, name, custom, ..Call::default() }))
            }
            Opening::Whole(Part::Cited(Wire::Gemini, Value::Object(sources))) => {
                let mut candidate = Self::candidate(response::nothing());
                candidate.all(sources);
                self.chunk(candidate, out);
                None
            }
            Opening::Whole(whole) => {
                part::answered(&[whole]).into_iter().for_each(|part| self.part(part, out));
                None
            }
        };
    }

    fn grow(&mut self, text: String, out: &mut Vec<u8>) {
        match &mut self.open {
            Some(Written::Text) => self.text(&text, out),
            Some(Written::Thought { any, .. }) => {
                *any = true;
                self.part(json!({"text": text, "thought": true}), out);
            }
            Some(Written::Call(call)) => call.arguments.push_str(&text),
            None => {}
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        match self.open.take() {
            Some(Written::Call(mut call)) => {
                if call.arguments.is_empty() && !call.custom {
                    call.arguments.push_str("{}");
                }
                part::answered(&[Part::Call(call)]).into_iter().for_each(|part| self.part(part, out));
            }
            Some(Written::Thought { any, mark: Some(mark) }) => {
                let mut part = part::alone(&mark::shown(&mark));
                if any {
                    part["thought"] = true.into();
                }
                self.part(part, out);
            }
            Some(Written::Text) if !self.ahead.is_empty() => self.text("", out),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        let words = self.ahead.take().and_then(|words| logprobs::write(&json!({"content": words})));
        let mut candidate = Self::candidate(json!({"text": text}));
        candidate.maybe("logprobsResult", words);
        self.chunk(candidate, out);
    }

    fn candidate(part: Value) -> Object<'static> {
        let mut candidate = Object::default();
        candidate.put("content", json!({"parts": [part], "role": "model"}));
        candidate
    }

    fn part(&mut self, part: Value, out: &mut Vec<u8>) {
        self.chunk(Self::candidate(part), out);
    }

    fn chunk(&mut self, mut candidate: Object, out: &mut Vec<u8>) {
        candidate.put("index", 0);
        let mut chunk = Object::default();
        chunk.put("candidates", vec![candidate.done()]);
        chunk.maybe("usageMetadata", self.counts.map(|counts| response::usage(counts).done()));
        chunk.put("modelVersion", self.model.as_str()).put("responseId", self.id.as_str());
        let chunk = chunk.done();
        match self.array {
            Some(_) => self.element(&chunk.to_string(), out),
            None => events::write(out, &chunk),
        }
    }

    fn element(&mut self, element: &str, out: &mut Vec<u8>) {
        let before = self.array.replace(self.array.map_or(1, |elements| elements + 1));
        out.extend_from_slice(if before == Some(0) { b"[" } else { b",\r\n" });
        out.extend_from_slice(element.as_bytes());
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        let mut ready = Vec::new();
        self.in_turn.push(delta, &mut ready);
        ready.into_iter().for_each(|delta| self.step(delta, out));
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let mut ready = Vec::new();
        self.in_turn.end(&mut ready);
        ready.into_iter().for_each(|delta| self.step(delta, out));
        // The vendor's end was seen, and some have no reasons.
        let stop = self.stop.take().unwrap_or(Stop::End);
        let mut last = Self::candidate(response::nothing());
        last.put("finishReason", stop::word(&stop));
        self.chunk(last, out);
        if self.array.is_some() {
            out.extend_from_slice(b"]");
        }
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        let dialect = Wire::Gemini.dialect();
        if self.array.is_some() {
            // The array is closed, so that the error in it can be read; no reason stands in it.
            self.element(&fault::body(kind, say, None, dialect), out);
            out.extend_from_slice(b"]");
        } else {
            out.extend_from_slice(fault::event(kind, say, dialect, false).as_bytes());
        }
    }
}
