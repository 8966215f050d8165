//! Writes a streamed answer.
//!
//! One block after the other. Text and thoughts begin with their first delta, and a text's end is held back until something else
//! begins: its sources belong into it. The counts are the last event, behind the stop.

use serde_json::{Value, json};

use super::super::json::{Object, bytes};
use super::super::{StreamWriter, Wire};
use super::{response, stop_reason};
use crate::dialect::Dialect;
use crate::fault::{self, Kind};
use crate::frame::aws_event;
use crate::hub::in_turn::InTurn;
use crate::hub::{Counts, Delta, Opening, Part, Source};

/// Writes frames.
#[derive(Debug, Default)]
pub(super) struct Writer {
    turn: InTurn,
    begun: bool,
    /// The blocks that were begun.
    blocks: u64,
    open: Option<Open>,
    counts: Option<Counts>,
}

/// The part that is being written.
#[derive(Debug)]
struct Open {
    /// Its number in the hub.
    number: usize,
    /// Its number on the wire, once it was begun.
    index: Option<u64>,
    kind: Form,
    /// Something of it was written.
    grown: bool,
    /// It is complete.
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Text,
    Thought,
    Call,
    /// A call whose argument is free text: the one text of an object.
    Custom,
}

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        let mut steps = Vec::new();
        self.turn.push(delta, &mut steps);
        steps.into_iter().for_each(|step| self.step(step, out));
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let mut steps = Vec::new();
        self.turn.end(&mut steps);
        steps.into_iter().for_each(|step| self.step(step, out));
        self.settle(out);
        let mut metadata = Object::default();
        metadata
            .put("usage", response::usage(self.counts.unwrap_or_default()))
            .put("metrics", response::unmeasured());
        event(out, "metadata", &metadata.done());
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        let name = match kind.meaning().status.as_u16() {
            429 => "throttlingException",
            502 | 504 => "modelStreamErrorException",
            503 => "serviceUnavailableException",
            400..500 => "validationException",
            _ => "internalServerException",
        };
        let body = fault::body(kind, say, None, Dialect::Bedrock);
        frame(out, ("exception", ":exception-type", name), body.as_bytes());
    }
}

impl Writer {
    fn step(&mut self, step: Delta, out: &mut Vec<u8>) {
        match step {
            Delta::Begin(_) => self.begin(out),
            Delta::Open(_, Opening::Whole(Part::Cited(Wire::Converse, source))) => self.cite(&source, out),
            Delta::Open(number, opening) => {
                self.settle(out);
                self.open(number, opening, out);
            }
            Delta::Grow(number, text) => self.grow(number, &text, out),
            Delta::Sign(number, mark) => self.sign(number, &mark, out),
            Delta::Close(number) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.number == number) {
                    open.closed = true;
                    if open.kind != Form::Text {
                        self.settle(out);
                    }
                }
            }
            Delta::Stop(stop) => {
                self.begin(out);
                self.settle(out);
                event(out, "messageStop", &json!({"stopReason": stop_reason(&stop)}));
            }
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
            // Nobody could ask for probabilities.
            Delta::Logprobs(..) | Delta::Fault(_) => {}
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            event(out, "messageStart", &json!({"role": "assistant"}));
        }
    }

    fn block(&mut self) -> u64 {
        self.blocks += 1;
        self.blocks - 1
    }

    fn open(&mut self, number: usize, opening: Opening, out: &mut Vec<u8>) {
        self.begin(out);
        let mut index = None;
        let kind = match opening {
            Opening::Text | Opening::Refusal => Form::Text,
            Opening::Thought { .. } => Form::Thought,
            Opening::Call { id, name, custom } => {
                let block = self.block();
                index = Some(block);
                start(out, block, json!({"toolUse": {"toolUseId": id, "name": name}}));
                if custom {
                    delta(out, block, json!({"toolUse": {"input": "{\"input\":\""}}));
                }
                if custom { Form::Custom } else { Form::Call }
            }
            Opening::Whole(part) => return self.whole(&part, out),
        };
        self.open = Some(Open { number, index, kind, grown: false, closed: false });
    }

    /// Writes a piece of the part, which begins with it if it had not.
    fn piece(&mut self, number: usize, piece: impl FnOnce(Form) -> Option<Value>, out: &mut Vec<u8>) {
        let fresh = self.blocks;
        let Some(open) = self.open.as_mut().filter(|open| open.number == number && !open.closed) else {
            return;
        };
        let Some(piece) = piece(open.kind) else { return };
        open.grown = true;
        let index = *open.index.get_or_insert(fresh);
        self.blocks = self.blocks.max(index + 1);
        delta(out, index, piece);
    }

    fn grow(&mut self, number: usize, text: &str, out: &mut Vec<u8>) {
        let piece = |form| {
            Some(match form {
                Form::Text => json!({"text": text}),
                Form::Thought => json!({"reasoningContent": {"text": text}}),
                Form::Call => json!({"toolUse": {"input": text}}),
                Form::Custom => {
                    let quoted = Value::from(text).to_string();
                    let escaped = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                    json!({"toolUse": {"input": escaped}})
                }
            })
        };
        self.piece(number, piece, out);
    }

    /// Thoughts without a text have an empty one: programs that keep them want it.
    fn sign(&mut self, number: usize, mark: &str, out: &mut Vec<u8>) {
        let bare = self.open.as_ref().is_some_and(|open| open.kind == Form::Thought && !open.grown);
        if bare {
            self.grow(number, "", out);
        }
        let piece = |form| (form == Form::Thought).then(|| json!({"reasoningContent": {"signature": mark}}));
        self.piece(number, piece, out);
    }

    /// A source belongs into the text before it.
    fn cite(&mut self, source: &Value, out: &mut Vec<u8>) {
        self.begin(out);
        let text = self.open.as_ref().filter(|open| open.kind == Form::Text).and_then(|open| open.index);
        let index = text.unwrap_or_else(|| self.block());
        delta(out, index, json!({"citation": source}));
        if text.is_none() {
            stop(out, index);
        }
    }

    /// Ends what is open.
    fn settle(&mut self, out: &mut Vec<u8>) {
        let Some(Open { index: Some(index), kind, grown, .. }) = self.open.take() else { return };
        match kind {
            Form::Custom => delta(out, index, json!({"toolUse": {"input": "\"}"}})),
            // Arguments are JSON, and those of a call without any are an empty object.
            Form::Call if !grown => delta(out, index, json!({"toolUse": {"input": "{}"}})),
            _ => {}
        }
        stop(out, index);
    }

    /// A part that comes in one piece.
    fn whole(&mut self, part: &Part, out: &mut Vec<u8>) {
        let (begins, piece) = match part {
            Part::Thought(thought) => match &thought.sealed {
                Some(sealed) => (None, json!({"reasoningContent": {"redactedContent": sealed}})),
                None => (None, json!({"reasoningContent": {"text": thought.text}})),
            },
            Part::Image(image) => {
                let Source::Data { kind, base64 } = &image.source else { return };
                let format = kind.strip_prefix("image/").unwrap_or(kind);
                (Some(json!({"image": {"format": format}})), json!({"image": {"source": {"bytes": base64}}}))
            }
            Part::Opaque(Wire::Converse, block) => {
                let (name, inner, what) = match (&block["toolUse"], &block["toolResult"]) {
                    (tool @ Value::Object(_), _) => ("toolUse", tool, "input"),
                    (_, result @ Value::Object(_)) => ("toolResult", result, "content"),
                    // Nothing else of a stream has a beginning.
                    _ => return,
                };
                let mut begins = inner.clone();
                let mut piece = begins.as_object_mut().and_then(|inner| inner.shift_remove(what));
                if name == "toolUse" {
                    piece = piece.map(|input| json!({"input": input.to_string()}));
                }
                (Some(json!({ name: begins })), json!({ name: piece }))
            }
            _ => return,
        };
        let index = self.block();
        if let Some(begins) = begins {
            start(out, index, begins);
        }
        delta(out, index, piece);
        stop(out, index);
    }
}

fn start(out: &mut Vec<u8>, index: u64, start: Value) {
    event(out, "contentBlockStart", &json!({"contentBlockIndex": index, "start": start}));
}

fn delta(out: &mut Vec<u8>, index: u64, delta: Value) {
    event(out, "contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta}));
}

fn stop(out: &mut Vec<u8>, index: u64) {
    event(out, "contentBlockStop", &json!({"contentBlockIndex": index}));
}

fn event(out: &mut Vec<u8>, name: &str, payload: &Value) {
    frame(out, ("event", ":event-type", name), &bytes(payload));
}

fn frame(out: &mut Vec<u8>, (kind, named, name): (&str, &str, &str), payload: &[u8]) {
    let headers = [(named, name), (":content-type", "application/json"), (":message-type", kind)];
    aws_event::write(out, &headers, payload);
}
