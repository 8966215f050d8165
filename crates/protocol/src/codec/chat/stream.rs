//! A streamed answer.
//!
//! Read with what others do differently: calls without an index (Mistral), several calls under one index (Ollama), no `[DONE]`.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::events::{self, Events};
use super::super::logprobs::{self, Ahead};
use super::super::{StreamReader, StreamWriter, To, Wire};
use super::chunk::{Choice, Chunk, Grown};
use super::{Frame, finish_reason, message, response, stop};
use crate::fault::{self, Kind};
use crate::hub::{Counts, Delta, Opening, Part, Unreadable};

/// Reads chunks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: Events,
    frame: Frame,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    parts: usize,
    /// The text, refusal or thought that is being written.
    open: Option<(Prose, usize)>,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    /// The calls: their index on the wire, their id, their part.
    calls: Vec<(u64, String, usize)>,
    stopped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prose {
    Text,
    Refusal,
    Thought,
}

impl StreamReader for Reader {
    fn read(&mut self, piece: &[u8], out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        let Self { events, frame, state } = self;
        events.push(piece, |_, data| frame.read(data, out, |choice, out| state.choice(choice, out)))
    }

    fn end(&mut self, out: &mut Vec<Delta>) -> bool {
        let Self { events, frame, state } = self;
        // What is not whole is as good as not there.
        let _cut = events.end(|_, data| frame.read(data, out, |choice, out| state.choice(choice, out)));
        // Some servers close without `[DONE]`, and `[DONE]` without a reason says nothing: the reason says that nothing is missing.
        state.stopped
    }
}

impl State {
    fn choice(&mut self, choice: &Value, out: &mut Vec<Delta>) {
        let delta = &choice["delta"];
        let thought = delta["reasoning_content"].as_str().or_else(|| delta["reasoning"].as_str());
        self.prose(Prose::Thought, thought, out);
        for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
            self.sign(block, out);
        }
        // Those of thoughts have no place anywhere.
        if thought.is_none_or(str::is_empty) || delta["content"].as_str().is_some_and(|text| !text.is_empty())
        {
            self.ahead.add(logprobs::read(&choice["logprobs"]["content"]));
        }
        self.prose(Prose::Text, delta["content"].as_str(), out);
        self.prose(Prose::Refusal, delta["refusal"].as_str(), out);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.call(call, out);
        }
        if delta["function_call"].is_object() {
            let name = delta["function_call"]["name"].clone();
            self.call(&json!({"index": 0, "id": name, "function": delta["function_call"]}), out);
        }
        if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
            self.stop(word, out);
        }
    }

    fn open(&mut self, opening: Opening, out: &mut Vec<Delta>) -> usize {
        let part = self.parts;
        self.parts += 1;
        out.push(Delta::Open(part, opening));
        part
    }

    fn shut(&mut self, out: &mut Vec<Delta>) {
        if let Some((kind, part)) = self.open.take() {
            self.tell(kind, part, out);
            out.push(Delta::Close(part));
        }
    }

    /// Probabilities are those of the text.
    fn tell(&mut self, kind: Prose, part: usize, out: &mut Vec<Delta>) {
        if kind == Prose::Text {
            out.extend(self.ahead.take().map(|words| Delta::Logprobs(part, words)));
        }
    }

    fn prose(&mut self, kind: Prose, text: Option<&str>, out: &mut Vec<Delta>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let part = match self.open {
            Some((open, part)) if open == kind => part,
            _ => {
                self.shut(out);
                let opening = match kind {
                    Prose::Text => Opening::Text,
                    Prose::Refusal => Opening::Refusal,
                    Prose::Thought => Opening::Thought { id: None },
                };
                let part = self.open(opening, out);
                self.open = Some((kind, part));
                part
            }
        };
        self.tell(kind, part, out);
        out.push(Delta::Grow(part, text.to_owned()));
    }

    /// A mark on the thoughts so far, or sealed ones.
    fn sign(&mut self, block: &Value, out: &mut Vec<Delta>) {
        if let Some(data) = block["data"].as_str() {
            self.shut(out);
            let sealed = crate::hub::Thought { sealed: Some(data.to_owned()), ..Default::default() };
            let part = self.open(Opening::Whole(Part::Thought(sealed)), out);
            out.push(Delta::Close(part));
        } else if let (Some(mark), Some((Prose::Thought, part))) = (block["signature"].as_str(), self.open) {
            out.push(Delta::Sign(part, mark.to_owned()));
        }
    }

    fn call(&mut self, call: &Value, out: &mut Vec<Delta>) {
        let custom = call["custom"].is_object();
        let tool = if custom { &call["custom"] } else { &call["function"] };
        let (id, name) = (
            call["id"].as_str().filter(|id| !id.is_empty()),
            tool["name"].as_str().filter(|name| !name.is_empty()),
        );
        let index = call["index"].as_u64();
        // The latest of its index: a new id and name under an old index is another call.
        let known = self.calls.iter().rev().find(|(known, ..)| index.is_none_or(|index| index == *known));
        let same = known.filter(|(_, known, _)| name.is_none() || id.is_none_or(|id| id == known));
        let part = match same.map(|(.., part)| *part) {
            Some(part) => part,
            None => {
                self.shut(out);
                let id = id.unwrap_or_default().to_owned();
                let opening =
                    Opening::Call { id: id.clone(), name: name.unwrap_or_default().to_owned(), custom };
                let part = self.open(opening, out);
                self.calls.push((index.unwrap_or(self.calls.len() as u64), id, part));
                part
            }
        };
        let piece = match &tool[if custom { "input" } else { "arguments" }] {
            Value::String(piece) => piece.clone(),
            object @ Value::Object(_) => object.to_string(),
            _ => String::new(),
        };
        if !piece.is_empty() {
            out.push(Delta::Grow(part, piece));
        }
        if let Some(mark) = call["extra_content"]["google"]["thought_signature"].as_str() {
            out.push(Delta::Sign(part, mark.to_owned()));
        }
    }

    fn stop(&mut self, word: &str, out: &mut Vec<Delta>) {
        if self.stopped {
            return;
        }
        self.shut(out);
        out.extend(self.calls.iter().map(|(.., part)| Delta::Close(*part)));
        out.push(Delta::Stop(stop(word, !self.calls.is_empty())));
        self.stopped = true;
    }
}

/// Writes chunks.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    model: String,
    created: u64,
    counted: bool,
    counts: Option<Counts>,
    /// The role was said.
    begun: bool,
    parts: Vec<Written>,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    calls: usize,
    /// The piece that opens a call, and the call's part: its mark, if it has one, may come with the next step.
    opening: Option<(usize, Value)>,
}

/// A part that was begun.
#[derive(Debug)]
struct Written {
    number: usize,
    kind: Kinded,
    /// Something of it was written.
    grown: bool,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kinded {
    Prose(&'static str),
    Thought,
    Call(usize),
    Custom(usize),
    Other,
}

impl Writer {
    pub(super) fn new(to: &To<'_>) -> Self {
        Self {
            id: response::id(None, to),
            model: to.request.model.clone(),
            created: to.mint.now,
            counted: to.request.counted,
            counts: None,
            begun: false,
            parts: Vec::new(),
            ahead: Ahead::default(),
            calls: 0,
            opening: None,
        }
    }

    fn delta(&self, delta: impl Serialize, reason: Option<&str>, out: &mut Vec<u8>) {
        self.choice(Choice { index: 0, delta, logprobs: None, finish_reason: reason }, out);
    }

    fn choice(&self, choice: Choice<'_, impl Serialize>, out: &mut Vec<u8>) {
        let usage = self.counted.then_some(Value::Null);
        events::write(out, &Chunk::of((&self.id, &self.model, self.created), &[choice], usage));
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            self.delta(json!({"role": "assistant", "content": ""}), None, out);
        }
    }

    fn open(&mut self, number: usize, opening: Opening, out: &mut Vec<u8>) {
        let kind = match opening {
            Opening::Text => Kinded::Prose("content"),
            Opening::Refusal => Kinded::Prose("refusal"),
            Opening::Thought { .. } => Kinded::Thought,
            Opening::Call { id, name, custom } => {
                let index = self.calls;
                self.calls += 1;
                let tool = if custom {
                    json!({"name": name, "input": ""})
                } else {
                    json!({"name": name, "arguments": ""})
                };
                let kind = if custom { "custom" } else { "function" };
                self.opening = Some((number, json!({"index": index, "id": id, "type": kind, kind: tool})));
                if custom { Kinded::Custom(index) } else { Kinded::Call(index) }
            }
            Opening::Whole(part) => {
                match part {
                    Part::Thought(thought) => {
                        if let Some(block) = message::block(&thought) {
                            self.delta(json!({"thinking_blocks": [block]}), None, out);
                        }
                    }
                    Part::Cited(Wire::Chat, source) => {
                        self.delta(json!({"annotations": [source]}), None, out)
                    }
                    _ => {}
                }
                Kinded::Other
            }
        };
        self.parts.push(Written { number, kind, grown: false, text: String::new() });
    }

    fn grow(&mut self, number: usize, text: &str, out: &mut Vec<u8>) {
        let Some(part) = self.parts.iter_mut().find(|part| part.number == number) else { return };
        part.grown = true;
        let delta = match part.kind {
            Kinded::Prose(field) => {
                let words = self.ahead.take().map(|words| json!({"content": words, "refusal": null}));
                let choice =
                    Choice { index: 0, delta: Grown(field, text), logprobs: words, finish_reason: None };
                return self.choice(choice, out);
            }
            Kinded::Thought => {
                part.text.push_str(text);
                return self.delta(Grown("reasoning_content", text), None, out);
            }
            Kinded::Call(index) => json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}),
            Kinded::Custom(index) => json!({"tool_calls": [{"index": index, "custom": {"input": text}}]}),
            Kinded::Other => return,
        };
        self.delta(delta, None, out);
    }

    fn sign(&mut self, number: usize, mark: String, out: &mut Vec<u8>) {
        let Some(part) = self.parts.iter_mut().find(|part| part.number == number) else { return };
        let delta = match part.kind {
            Kinded::Thought => {
                json!({"thinking_blocks": [{"type": "thinking", "thinking": std::mem::take(&mut part.text), "signature": mark}]})
            }
            // It is late: libraries stumble over a piece of a call without its function.
            Kinded::Call(index) => {
                json!({"tool_calls": [{"index": index, "function": {"arguments": ""}, "extra_content": marked(&mark)}]})
            }
            Kinded::Custom(index) => {
                json!({"tool_calls": [{"index": index, "custom": {"input": ""}, "extra_content": marked(&mark)}]})
            }
            _ => return,
        };
        self.delta(delta, None, out);
    }

    /// Writes the piece that opens a call, if one waits, with the call's mark in it if that is the next step. Whether it was.
    fn opened(&mut self, next: Option<&Delta>, out: &mut Vec<u8>) -> bool {
        let Some((number, mut call)) = self.opening.take() else { return false };
        let mark = match next {
            Some(Delta::Sign(signed, mark)) if *signed == number => Some(mark),
            _ => None,
        };
        if let Some(mark) = mark {
            call["extra_content"] = marked(mark);
        }
        self.delta(json!({"tool_calls": [call]}), None, out);
        mark.is_some()
    }

    /// Arguments are JSON, and those of a call without any are an empty object. Probabilities of no words are told all the same.
    fn close(&mut self, number: usize, out: &mut Vec<u8>) {
        let Some(part) = self.parts.iter_mut().find(|part| part.number == number) else { return };
        match part.kind {
            Kinded::Call(index) if !part.grown => {
                part.grown = true;
                let call = json!({"index": index, "function": {"arguments": "{}"}});
                self.delta(json!({"tool_calls": [call]}), None, out);
            }
            Kinded::Prose(_) if !self.ahead.is_empty() => self.grow(number, "", out),
            _ => {}
        }
    }
}

/// A mark as Google's own surface of this language writes it.
fn marked(mark: &str) -> Value {
    json!({"google": {"thought_signature": mark}})
}

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        if let Delta::Begin(begun) = &delta {
            self.model = begun.model.clone().unwrap_or_else(|| std::mem::take(&mut self.model));
            self.created = begun.created.unwrap_or(self.created);
            if let Some(id) = begun.id.as_ref().filter(|id| id.starts_with("chatcmpl")) {
                self.id.clone_from(id);
            }
        }
        match delta {
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
                return;
            }
            Delta::Fault(_) => return,
            _ => self.begin(out),
        }
        if self.opened(Some(&delta), out) {
            return;
        }
        match delta {
            Delta::Open(number, opening) => self.open(number, opening, out),
            Delta::Grow(number, text) => self.grow(number, &text, out),
            Delta::Logprobs(_, words) => self.ahead.add(words),
            Delta::Sign(number, mark) => self.sign(number, mark, out),
            Delta::Close(number) => self.close(number, out),
            Delta::Stop(stop) => self.delta(json!({}), Some(finish_reason(&stop)), out),
            Delta::Begin(_) | Delta::Counts(_) | Delta::Fault(_) => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.opened(None, out);
        if let Some(counts) = self.counts.filter(|_| self.counted) {
            let none: &[Choice<'_, Value>] = &[];
            let usage = Some(response::usage(counts));
            events::write(out, &Chunk::of((&self.id, &self.model, self.created), none, usage));
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        self.opened(None, out);
        out.extend_from_slice(fault::event(kind, say, Wire::Chat.dialect(), false).as_bytes());
    }
}
