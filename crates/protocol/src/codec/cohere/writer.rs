//! A streamed answer, written.
//!
//! Text is content here, also before calls: that calls follow is not known yet when it is said.

use serde_json::{Value, json};

use super::super::events;
use super::super::json::Object;
use super::super::logprobs::Ahead;
use super::super::{Mint, StreamWriter, To, Wire};
use super::{finish_reason, message, response};
use crate::fault::{self, Kind};
use crate::hub::in_turn::InTurn;
use crate::hub::{Counts, Delta, Opening, Part, Stop};

/// Writes events.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    mint: Mint,
    turns: InTurn,
    begun: bool,
    open: Option<Written>,
    /// How many contents, calls and citations there are.
    contents: usize,
    calls: usize,
    cited: usize,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    counts: Option<Counts>,
    stop: Option<Stop>,
}

/// The part that is being written.
#[derive(Debug)]
struct Written {
    kind: Kinded,
    /// Something of it was written.
    grown: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kinded {
    /// `text` or `thinking`.
    Content(&'static str),
    Call,
    /// A call whose argument is free text: the one text of a function.
    Custom,
    Whole,
}

impl Writer {
    pub(super) fn new(to: &To<'_>) -> Self {
        Self {
            id: response::id(None, to.mint),
            mint: to.mint,
            turns: InTurn::default(),
            begun: false,
            open: None,
            contents: 0,
            calls: 0,
            cited: 0,
            ahead: Ahead::default(),
            counts: None,
            stop: None,
        }
    }

    fn step(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Begin(begun) => {
                self.id = response::id(begun.id.as_deref(), self.mint);
                self.begin(out);
            }
            Delta::Open(_, opening) => self.open(opening, out),
            Delta::Grow(_, text) => self.grow(&text, out),
            Delta::Logprobs(_, words) => {
                if matches!(self.open, Some(Written { kind: Kinded::Content("text"), .. })) {
                    self.ahead.add(words);
                }
            }
            Delta::Close(_) => self.close(out),
            Delta::Stop(stop) => self.stop = Some(stop),
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
            // A mark on thoughts is for its own vendor; what broke is told by who knows the words.
            Delta::Sign(..) | Delta::Fault(_) => {}
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
            let event = json!({"id": self.id, "type": "message-start", "delta": {"message": message}});
            events::write_named(out, "message-start", &event);
        }
    }

    fn open(&mut self, opening: Opening, out: &mut Vec<u8>) {
        self.begin(out);
        let kind = match opening {
            Opening::Text | Opening::Refusal => Kinded::Content("text"),
            Opening::Thought { .. } => Kinded::Content("thinking"),
            Opening::Call { id, name, custom } => {
                let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                event("tool-call-start", self.calls, Some(json!({"tool_calls": call})), out);
                if custom { Kinded::Custom } else { Kinded::Call }
            }
            Opening::Whole(part) => {
                self.whole(part, out);
                Kinded::Whole
            }
        };
        self.open = Some(Written { kind, grown: false });
    }

    /// A content begins when the first of it is said: an empty one is none.
    fn grow(&mut self, text: &str, out: &mut Vec<u8>) {
        let Some(part) = &mut self.open else { return };
        let first = !std::mem::replace(&mut part.grown, true);
        match part.kind {
            Kinded::Content(kind) => {
                if first {
                    content_start(self.contents, kind, out);
                }
                let words = if kind == "text" { self.ahead.take() } else { None };
                content_delta(self.contents, (kind, text), words.as_deref(), out);
            }
            Kinded::Call => arguments(self.calls, text, out),
            Kinded::Custom => {
                let begin = if first { "{\"input\":\"" } else { "" };
                let quoted = Value::from(text).to_string();
                let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                arguments(self.calls, &format!("{begin}{inner}"), out);
            }
            Kinded::Whole => {}
        }
    }

    /// Arguments are JSON, and those of a call without any are an empty object.
    fn close(&mut self, out: &mut Vec<u8>) {
        if !self.ahead.is_empty() {
            self.grow("", out);
        }
        let Some(part) = self.open.take() else { return };
        match (part.kind, part.grown) {
            (Kinded::Content(_), true) => {
                event("content-end", self.contents, None, out);
                self.contents += 1;
            }
            (Kinded::Call | Kinded::Custom, grown) => {
                match (part.kind, grown) {
                    (Kinded::Custom, true) => arguments(self.calls, "\"}", out),
                    (Kinded::Custom, false) => arguments(self.calls, "{\"input\":\"\"}", out),
                    (_, false) => arguments(self.calls, "{}", out),
                    (_, true) => {}
                }
                event("tool-call-end", self.calls, None, out);
                self.calls += 1;
            }
            (Kinded::Content(_), false) | (Kinded::Whole, _) => {}
        }
    }

    /// A part that comes in one piece; what this language has no word for is not said.
    fn whole(&mut self, part: Part, out: &mut Vec<u8>) {
        match part {
            Part::Text(text) | Part::Refusal(text) => self.content("text", &text, out),
            Part::Thought(thought) => self.content("thinking", &thought.text, out),
            Part::Call(call) => {
                let mut object = message::called(&call);
                let whole = object["function"]["arguments"].take();
                object["function"]["arguments"] = json!("");
                event("tool-call-start", self.calls, Some(json!({"tool_calls": object})), out);
                arguments(self.calls, whole.as_str().unwrap_or_default(), out);
                event("tool-call-end", self.calls, None, out);
                self.calls += 1;
            }
            Part::Cited(Wire::Cohere, cited) => {
                event("citation-start", self.cited, Some(json!({"citations": cited})), out);
                event("citation-end", self.cited, None, out);
                self.cited += 1;
            }
            _ => {}
        }
    }

    fn content(&mut self, kind: &'static str, text: &str, out: &mut Vec<u8>) {
        if !text.is_empty() {
            content_start(self.contents, kind, out);
            content_delta(self.contents, (kind, text), None, out);
            event("content-end", self.contents, None, out);
            self.contents += 1;
        }
    }
}

fn content_start(index: usize, kind: &str, out: &mut Vec<u8>) {
    event("content-start", index, Some(json!({"content": {"type": kind, kind: ""}})), out);
}

fn content_delta(index: usize, (kind, text): (&str, &str), words: Option<&[Value]>, out: &mut Vec<u8>) {
    let mut event = Object::default();
    event.put("type", "content-delta").put("index", index);
    event.put("delta", json!({"message": {"content": {kind: text}}}));
    event.maybe("logprobs", words.map(response::item));
    events::write_named(out, "content-delta", &event.done());
}

fn arguments(index: usize, piece: &str, out: &mut Vec<u8>) {
    let call = json!({"function": {"arguments": piece}});
    event("tool-call-delta", index, Some(json!({"tool_calls": call})), out);
}

/// An event about the part of that index.
fn event(kind: &str, index: usize, message: Option<Value>, out: &mut Vec<u8>) {
    let event = match message {
        Some(message) => json!({"type": kind, "index": index, "delta": {"message": message}}),
        None => json!({"type": kind, "index": index}),
    };
    events::write_named(out, kind, &event);
}

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        let mut steps = Vec::new();
        self.turns.push(delta, &mut steps);
        steps.into_iter().for_each(|step| self.step(step, out));
    }

    /// The reason and the counts are one event, and counts may come behind the reason: it waits until here.
    fn end(&mut self, out: &mut Vec<u8>) {
        let mut steps = Vec::new();
        self.turns.end(&mut steps);
        steps.into_iter().for_each(|step| self.step(step, out));
        self.begin(out);
        let mut delta = Object::default();
        delta.maybe("finish_reason", self.stop.as_ref().map(finish_reason));
        delta.maybe("usage", self.counts.map(response::usage));
        let event = json!({"type": "message-end", "delta": delta.done()});
        events::write_named(out, "message-end", &event);
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Without `[DONE]`, which would say that nothing is missing.
    fn broken(&mut self, _kind: Kind, say: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(fault::message_end(say, self.counts.map(response::usage)).as_bytes());
    }
}
