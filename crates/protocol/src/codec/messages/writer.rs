//! A streamed answer, written.
//!
//! Programs read it strictly: `message_start` is complete, blocks stand one after the other and are numbered without a gap, none is
//! left open when the next begins, and the reason with its counts is the last but one event.

use serde_json::{Value, json};

use super::super::json::Object;
use super::super::{StreamWriter, To, Wire, events};
use super::{block, response, stop};
use crate::fault::{self, Kind};
use crate::hub::in_turn::InTurn;
use crate::hub::{Counts, Delta, Opening, Part, Stop};

/// Writes events.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    model: String,
    in_turn: InTurn,
    /// `message_start` was written.
    begun: bool,
    counts: Counts,
    stop: Option<Stop>,
    refusal: String,
    /// The part that is being written.
    part: Written,
    /// The number of the block that is open, or else of the next one.
    block: usize,
    /// A block was begun and has not ended.
    open: bool,
}

/// What is being written.
#[derive(Debug)]
enum Written {
    /// Nothing, or a part that came in one piece.
    Nothing,
    Text,
    Refusal,
    /// Thoughts, and the mark on them: programs take its last piece for all of it, so that it is written in one.
    Thought(String),
    Call {
        /// Its argument is free text, which is written as a string within an object.
        custom: bool,
        /// Something of its arguments was written.
        grown: bool,
    },
}

impl Writer {
    pub(super) fn new(to: &To<'_>) -> Self {
        Self {
            id: response::id(None, to),
            model: to.request.model.clone(),
            in_turn: InTurn::default(),
            begun: false,
            counts: Counts::default(),
            stop: None,
            refusal: String::new(),
            part: Written::Nothing,
            block: 0,
            open: false,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let mut message = response::begun(&self.id, &self.model);
        message.put("content", Vec::<Value>::new());
        stop::write(None, "", &mut message);
        message.put("usage", response::usage(self.counts).done());
        event(out, json!({"type": "message_start", "message": message.done()}));
    }

    fn start(&mut self, block: Value, out: &mut Vec<u8>) {
        if !self.open {
            self.open = true;
            event(out, json!({"type": "content_block_start", "index": self.block, "content_block": block}));
        }
    }

    fn delta(&self, delta: Value, out: &mut Vec<u8>) {
        event(out, json!({"type": "content_block_delta", "index": self.block, "delta": delta}));
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.open {
            self.open = false;
            event(out, json!({"type": "content_block_stop", "index": self.block}));
            self.block += 1;
        }
    }

    /// A block that comes in one piece, as if it had grown.
    fn whole(&mut self, mut block: Value, out: &mut Vec<u8>) {
        let pieces: &[(&str, &str, &str, Value)] = match block["type"].as_str() {
            Some("text") => &[("text", "text_delta", "text", json!(""))],
            Some("thinking") => &[
                ("thinking", "thinking_delta", "thinking", json!("")),
                ("signature", "signature_delta", "signature", json!("")),
            ],
            // Calls of every kind.
            _ => &[("input", "input_json_delta", "partial_json", json!({}))],
        };
        let mut deltas = Vec::new();
        for (field, kind, name, empty) in pieces {
            if let Some(value) = block.get_mut(field) {
                match std::mem::replace(value, empty.clone()) {
                    Value::String(text) => deltas.push(json!({"type": kind, *name: text})),
                    value => deltas.push(json!({"type": kind, *name: value.to_string()})),
                }
            }
        }
        self.start(block, out);
        deltas.into_iter().for_each(|delta| self.delta(delta, out));
        self.finish(out);
    }

    /// Blocks of text and thoughts are begun with their first words: an empty one would be refused when it is sent back.
    fn put(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Open(_, opening) => self.open(opening, out),
            Delta::Grow(_, text) => self.grow(&text, out),
            Delta::Sign(_, mark) => {
                // On a call there is no place for it.
                if let Written::Thought(all) = &mut self.part {
                    all.push_str(&mark);
                }
            }
            Delta::Close(_) => self.close(out),
            Delta::Stop(stop) => {
                self.finish(out);
                self.stop = Some(stop);
            }
            // Nobody could ask for probabilities.
            Delta::Begin(_) | Delta::Counts(_) | Delta::Logprobs(..) | Delta::Fault(_) => {}
        }
    }

    fn open(&mut self, opening: Opening, out: &mut Vec<u8>) {
        if let Opening::Whole(Part::Cited(Wire::Messages, citation)) = &opening {
            // It belongs to the text before it, whose block was left open for it.
            if self.open {
                self.delta(json!({"type": "citations_delta", "citation": citation}), out);
            }
            return;
        }
        self.finish(out);
        self.part = match opening {
            Opening::Text => Written::Text,
            Opening::Refusal => Written::Refusal,
            Opening::Thought { .. } => Written::Thought(String::new()),
            Opening::Call { id, name, custom } => {
                self.start(block::call_block(&id, &name, json!({})), out);
                Written::Call { custom, grown: false }
            }
            Opening::Whole(Part::Refusal(words)) => {
                self.refusal.push_str(&words);
                Written::Nothing
            }
            Opening::Whole(part) => {
                response::blocks_of(&part).into_iter().for_each(|block| self.whole(block, out));
                Written::Nothing
            }
        };
    }

    fn grow(&mut self, text: &str, out: &mut Vec<u8>) {
        match &mut self.part {
            Written::Nothing => {}
            Written::Text => {
                self.start(block::text_block(""), out);
                self.delta(json!({"type": "text_delta", "text": text}), out);
            }
            Written::Refusal => self.refusal.push_str(text),
            Written::Thought(_) => {
                self.start(thinking(), out);
                self.delta(json!({"type": "thinking_delta", "thinking": text}), out);
            }
            Written::Call { custom, grown } => {
                let first = !std::mem::replace(grown, true);
                let piece = if *custom { within_string(text, first) } else { text.to_owned() };
                self.arguments(&piece, out);
            }
        }
    }

    fn arguments(&self, piece: &str, out: &mut Vec<u8>) {
        self.delta(json!({"type": "input_json_delta", "partial_json": piece}), out);
    }

    /// A block of text stays open for its citations.
    fn close(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.part, Written::Nothing) {
            Written::Nothing | Written::Text | Written::Refusal => {}
            Written::Thought(mark) => {
                if !mark.is_empty() {
                    self.start(thinking(), out);
                }
                if self.open {
                    // Programs wait for it, even where the vendor signs nothing.
                    self.delta(json!({"type": "signature_delta", "signature": mark}), out);
                }
                self.finish(out);
            }
            Written::Call { custom, grown } => {
                match (custom, grown) {
                    (true, true) => self.arguments("\"}", out),
                    (true, false) => self.arguments(&block::free_text("").to_string(), out),
                    (false, true) => {}
                    // Arguments are JSON, and those of a call without any are an empty object.
                    (false, false) => self.arguments("{}", out),
                }
                self.finish(out);
            }
        }
    }
}

/// A block of thoughts, begun.
fn thinking() -> Value {
    json!({"type": "thinking", "thinking": "", "signature": ""})
}

/// A piece of free text within `{"input": "..."}`.
fn within_string(text: &str, first: bool) -> String {
    let quoted = Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if first { format!("{{\"input\":\"{inner}") } else { inner.to_owned() }
}

/// Writes an event under its type's name.
fn event(out: &mut Vec<u8>, data: Value) {
    events::write_named(out, data["type"].as_str().unwrap_or_default(), &data);
}

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Begin(begun) => {
                self.model = begun.model.unwrap_or_else(|| std::mem::take(&mut self.model));
                if let Some(id) = begun.id.filter(|id| id.starts_with("msg_")) {
                    self.id = id;
                }
            }
            Delta::Counts(counts) => self.counts = self.counts.and(counts),
            Delta::Fault(_) => {}
            // `message_start` waits for the first of these: what the prompt counted may come with the beginning.
            delta => {
                self.begin(out);
                let mut now = Vec::new();
                self.in_turn.push(delta, &mut now);
                now.into_iter().for_each(|delta| self.put(delta, out));
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        let mut now = Vec::new();
        self.in_turn.end(&mut now);
        now.into_iter().for_each(|delta| self.put(delta, out));
        self.finish(out);
        let mut delta = Object::default();
        stop::write(self.stop.as_ref(), &self.refusal, &mut delta);
        let usage = response::usage(self.counts).done();
        event(out, json!({"type": "message_delta", "delta": delta.done(), "usage": usage}));
        event(out, json!({"type": "message_stop"}));
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(fault::event(kind, say, Wire::Messages.dialect(), true).as_bytes());
    }
}
