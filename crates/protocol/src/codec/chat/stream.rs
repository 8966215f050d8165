//! A streamed answer.
//!
//! Read with what others do differently: calls without an index (Mistral), several calls under one index (Ollama), counts beside the
//! reason (DeepSeek), in `x_groq` (Groq) or in a chunk of their own, no `[DONE]`.

use serde_json::{Value, json};

use super::super::events::{self, Events};
use super::super::json::Object;
use super::super::{StreamReader, StreamWriter, To, Wire};
use super::{finish_reason, message, response, stop};
use crate::fault::{self, Kind};
use crate::hub::{Begun, Counts, Delta, Opening, Part, Unreadable};

/// Reads chunks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: Events,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    parts: usize,
    /// The text, refusal or thought that is being written.
    open: Option<(Prose, usize)>,
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
        let Self { events, state } = self;
        events.push(piece, |_, data| state.event(data, out))
    }

    fn end(&mut self, out: &mut Vec<Delta>) -> bool {
        let Self { events, state } = self;
        // What is not whole is as good as not there.
        let _cut = events.end(|_, data| state.event(data, out));
        // Some servers close without `[DONE]`, and `[DONE]` without a reason says nothing: the reason says that nothing is missing.
        state.stopped
    }
}

impl State {
    fn event(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        if data.trim_start().starts_with("[DONE]") {
            return Ok(());
        }
        let chunk = events::json(data)?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            let words =
                error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
            out.push(Delta::Fault(words));
            return Ok(());
        }
        self.begin(&chunk, out);
        // Further answers were not asked for.
        let first = chunk["choices"].as_array().and_then(|choices| {
            choices.iter().find(|choice| choice["index"].as_u64().unwrap_or_default() == 0)
        });
        if let Some(choice) = first {
            self.choice(choice, out);
        }
        let counted = chunk
            .get("usage")
            .filter(|usage| usage.is_object())
            .or_else(|| chunk.get("x_groq")?.get("usage"));
        if let Some(usage) = counted.and_then(Value::as_object) {
            out.push(Delta::Counts(response::counts(usage)));
        }
        Ok(())
    }

    /// Azure's first chunk has neither id nor model: the next one begins.
    fn begin(&mut self, chunk: &Value, out: &mut Vec<Delta>) {
        let word = |name: &str| chunk[name].as_str().filter(|word| !word.is_empty()).map(str::to_owned);
        if self.begun || (word("id").is_none() && word("model").is_none()) {
            return;
        }
        self.begun = true;
        out.push(Delta::Begin(Begun {
            id: word("id"),
            model: word("model"),
            created: chunk["created"].as_u64().filter(|at| *at > 0),
        }));
    }

    fn choice(&mut self, choice: &Value, out: &mut Vec<Delta>) {
        let delta = &choice["delta"];
        let thought = delta["reasoning_content"].as_str().or_else(|| delta["reasoning"].as_str());
        self.prose(Prose::Thought, thought, out);
        for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
            self.sign(block, out);
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
        if let Some((_, part)) = self.open.take() {
            out.push(Delta::Close(part));
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
            calls: 0,
            opening: None,
        }
    }

    fn chunk(&self, choices: Vec<Value>) -> Object {
        let mut chunk = Object::default();
        chunk.put("id", self.id.as_str()).put("object", "chat.completion.chunk").put("created", self.created);
        chunk.put("model", self.model.as_str()).put("choices", choices);
        chunk
    }

    fn delta(&mut self, delta: Value, reason: Option<&str>, out: &mut Vec<u8>) {
        let mut chunk =
            self.chunk(vec![json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason})]);
        if self.counted {
            chunk.put("usage", Value::Null);
        }
        events::write(out, &chunk.done());
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
            Kinded::Prose(field) => json!({field: text}),
            Kinded::Thought => {
                part.text.push_str(text);
                json!({"reasoning_content": text})
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

    /// Arguments are JSON, and those of a call without any are an empty object.
    fn close(&mut self, number: usize, out: &mut Vec<u8>) {
        let Some(part) = self.parts.iter_mut().find(|part| part.number == number) else { return };
        if let (Kinded::Call(index), false) = (part.kind, part.grown) {
            part.grown = true;
            self.delta(json!({"tool_calls": [{"index": index, "function": {"arguments": "{}"}}]}), None, out);
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
            Delta::Sign(number, mark) => self.sign(number, mark, out),
            Delta::Close(number) => self.close(number, out),
            Delta::Stop(stop) => self.delta(json!({}), Some(finish_reason(&stop)), out),
            Delta::Begin(_) | Delta::Counts(_) | Delta::Fault(_) => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.opened(None, out);
        if let Some(counts) = self.counts.filter(|_| self.counted) {
            let mut chunk = self.chunk(Vec::new());
            chunk.put("usage", response::usage(counts));
            events::write(out, &chunk.done());
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        self.opened(None, out);
        out.extend_from_slice(fault::event(kind, say, Wire::Chat.dialect(), false).as_bytes());
    }
}
