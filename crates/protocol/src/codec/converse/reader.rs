//! Reads a streamed answer.
//!
//! A block begins with an event of its own only if it is a call, a tool's result or a picture; text and thoughts begin with
//! their first delta. The counts come behind the stop.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{StreamReader, Wire, events};
use super::{response, stop};
use crate::frame::aws_event::{Frame, Frames};
use crate::hub::{Begun, Delta, Media, Opening, Part, Source, Thought, Unreadable};

/// The events that say something to us.
const KNOWN: [&str; 6] =
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];

/// Reads frames.
#[derive(Debug, Default)]
pub(super) struct Reader {
    frames: Frames,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    parts: usize,
    open: Vec<Block>,
    /// A call of a tool the caller runs was made.
    calls: bool,
    stopped: bool,
    failed: bool,
}

/// A block that has not ended.
#[derive(Debug)]
struct Block {
    /// Its number on the wire.
    index: u64,
    /// Its part, if that was begun.
    part: Option<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// With the sources that came so far: they belong behind the text.
    Text(Vec<Value>),
    Thought,
    /// Pieces of sealed thoughts.
    Sealed(Vec<String>),
    Call,
    /// A call of a tool the vendor runs, and its arguments so far.
    Served(Value, String),
    /// What such a tool gave.
    Given(Value, Vec<Value>),
    /// A picture's type, and its pieces.
    Image(String, Vec<String>),
}

impl StreamReader for Reader {
    fn read(&mut self, piece: &[u8], out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        self.frames.push(piece);
        while let Some(frame) = self.frames.take().map_err(|why| Unreadable::new(why.to_string()))? {
            self.state.frame(&frame, out)?;
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Delta>) -> bool {
        self.state.stopped && !self.state.failed
    }

    fn joint(&self) -> Option<&'static str> {
        (!self.frames.is_within()).then_some("")
    }
}

impl State {
    fn frame(&mut self, frame: &Frame, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        let said = |name: &str| frame.header(name).unwrap_or_default();
        match said(":message-type") {
            "exception" => {
                let body: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
                let words = body["message"].as_str().or(body["Message"].as_str());
                self.fail(words.unwrap_or_default(), said(":exception-type"), out);
            }
            "error" => self.fail(said(":error-message"), said(":error-code"), out),
            // Kinds that are yet to come need not be JSON.
            _ if KNOWN.contains(&said(":event-type")) => {
                let payload = std::str::from_utf8(&frame.payload)
                    .map_err(|_| Unreadable::new("An event of the stream is not UTF-8."))?;
                self.event(said(":event-type"), &events::json(payload)?, out);
            }
            _ => {}
        }
        Ok(())
    }

    fn fail(&mut self, words: &str, name: &str, out: &mut Vec<Delta>) {
        self.failed = true;
        let words = [words, name].into_iter().find(|words| !words.is_empty());
        out.push(Delta::Fault(words.unwrap_or("The stream ended with an error.").to_owned()));
    }

    fn event(&mut self, name: &str, event: &Value, out: &mut Vec<Delta>) {
        if name == "metadata" {
            out.extend(response::counts(&event["usage"]).map(Delta::Counts));
            return;
        }
        if self.stopped {
            return;
        }
        if !self.begun {
            self.begun = true;
            out.push(Delta::Begin(Begun::default()));
        }
        let index = event["contentBlockIndex"].as_u64().unwrap_or_default();
        match name {
            "contentBlockStart" => self.start(index, &event["start"], out),
            "contentBlockDelta" => self.delta(index, &event["delta"], out),
            "contentBlockStop" => self.close(index, out),
            "messageStop" => {
                while let Some(block) = self.open.first().map(|block| block.index) {
                    self.close(block, out);
                }
                let word = event["stopReason"].as_str().unwrap_or_default();
                out.push(Delta::Stop(stop(word, self.calls)));
                self.stopped = true;
            }
            _ => {}
        }
    }

    fn start(&mut self, index: u64, start: &Value, out: &mut Vec<Delta>) {
        self.close(index, out);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (mut part, tool) = (None, &start["toolUse"]);
        let kind = if tool.is_object() {
            if tool["type"].as_str().is_some_and(|kind| kind != "tool_use") {
                Kind::Served(tool.clone(), String::new())
            } else {
                self.calls = true;
                let (id, name) = (text(&tool["toolUseId"]), text(&tool["name"]));
                part = Some(self.begin(Opening::Call { id, name, custom: false }, out));
                Kind::Call
            }
        } else if start["toolResult"].is_object() {
            Kind::Given(start["toolResult"].clone(), Vec::new())
        } else if start["image"].is_object() {
            Kind::Image(text(&start["image"]["format"]), Vec::new())
        } else {
            return;
        };
        self.open.push(Block { index, part, kind });
    }

    fn begin(&mut self, opening: Opening, out: &mut Vec<Delta>) -> usize {
        let part = self.parts;
        self.parts += 1;
        out.push(Delta::Open(part, opening));
        part
    }

    fn whole(&mut self, part: Part, out: &mut Vec<Delta>) {
        let part = self.begin(Opening::Whole(part), out);
        out.push(Delta::Close(part));
    }

    /// The open block of that number, if it is of that kind; what was another is closed.
    fn at(&mut self, index: u64, fits: fn(&Kind) -> bool, kind: fn() -> Kind, out: &mut Vec<Delta>) -> usize {
        let known = self.open.iter().position(|block| block.index == index);
        if let Some(known) = known.filter(|known| fits(&self.open[*known].kind)) {
            return known;
        }
        self.close(index, out);
        self.open.push(Block { index, part: None, kind: kind() });
        self.open.len() - 1
    }

    /// Its part, which is begun if it was not.
    fn part(&mut self, at: usize, opening: Opening, out: &mut Vec<Delta>) -> usize {
        if let Some(part) = self.open[at].part {
            return part;
        }
        let part = self.begin(opening, out);
        self.open[at].part = Some(part);
        part
    }

    fn delta(&mut self, index: u64, delta: &Value, out: &mut Vec<Delta>) {
        let is_text: fn(&Kind) -> bool = |kind| matches!(kind, Kind::Text(_));
        let (tool, thought) = (&delta["toolUse"], &delta["reasoningContent"]);
        if let Some(text) = delta["text"].as_str().filter(|text| !text.is_empty()) {
            let at = self.at(index, is_text, || Kind::Text(Vec::new()), out);
            let part = self.part(at, Opening::Text, out);
            out.push(Delta::Grow(part, text.to_owned()));
        }
        if delta["citation"].is_object() {
            let at = self.at(index, is_text, || Kind::Text(Vec::new()), out);
            if let Kind::Text(sources) = &mut self.open[at].kind {
                sources.push(delta["citation"].clone());
            }
        }
        if thought.is_object() {
            self.thought(index, thought, out);
        }
        let block = self.open.iter_mut().find(|block| block.index == index);
        let Some(Block { part, kind, .. }) = block else { return };
        match (kind, tool["input"].as_str()) {
            (Kind::Call, Some(piece)) if !piece.is_empty() => {
                out.extend(part.map(|part| Delta::Grow(part, piece.to_owned())));
            }
            (Kind::Served(_, arguments), Some(piece)) => arguments.push_str(piece),
            (Kind::Given(_, content), _) => {
                content.extend(delta["toolResult"].as_array().into_iter().flatten().cloned());
            }
            (Kind::Image(_, pieces), _) => {
                pieces.extend(delta["image"]["source"]["bytes"].as_str().map(str::to_owned));
            }
            _ => {}
        }
    }

    fn thought(&mut self, index: u64, thought: &Value, out: &mut Vec<Delta>) {
        if let Some(sealed) = thought["redactedContent"].as_str() {
            let at = self.at(index, |kind| matches!(kind, Kind::Sealed(_)), || Kind::Sealed(Vec::new()), out);
            if let Kind::Sealed(pieces) = &mut self.open[at].kind {
                pieces.push(sealed.to_owned());
            }
            return;
        }
        let (text, mark) = (thought["text"].as_str(), thought["signature"].as_str());
        let (text, mark) = (text.filter(|text| !text.is_empty()), mark.filter(|mark| !mark.is_empty()));
        if text.is_none() && mark.is_none() {
            return;
        }
        let at = self.at(index, |kind| matches!(kind, Kind::Thought), || Kind::Thought, out);
        let part = self.part(at, Opening::Thought { id: None }, out);
        out.extend(text.map(|text| Delta::Grow(part, text.to_owned())));
        out.extend(mark.map(|mark| Delta::Sign(part, mark.to_owned())));
    }

    fn close(&mut self, index: u64, out: &mut Vec<Delta>) {
        let Some(at) = self.open.iter().position(|block| block.index == index) else { return };
        let Block { part, kind, .. } = self.open.remove(at);
        out.extend(part.map(Delta::Close));
        match kind {
            Kind::Text(sources) => {
                for source in sources {
                    self.whole(Part::Cited(Wire::Converse, source), out);
                }
            }
            Kind::Thought | Kind::Call => {}
            Kind::Sealed(pieces) => {
                let sealed = Thought { sealed: Some(joined(pieces)), ..Thought::default() };
                self.whole(Part::Thought(sealed), out);
            }
            Kind::Served(mut tool, arguments) => {
                tool["input"] = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
                self.whole(Part::Opaque(Wire::Converse, json!({"toolUse": tool})), out);
            }
            Kind::Given(mut result, content) => {
                result["content"] = Value::Array(content);
                self.whole(Part::Opaque(Wire::Converse, json!({"toolResult": result})), out);
            }
            Kind::Image(format, pieces) => {
                if !pieces.is_empty() {
                    let source = Source::Data { kind: format!("image/{format}"), base64: joined(pieces) };
                    self.whole(Part::Image(Media::new(source)), out);
                }
            }
        }
    }
}

/// Pieces of bytes, each of them base64 of its own, as one.
fn joined(pieces: Vec<String>) -> String {
    let bytes: Result<Vec<Vec<u8>>, _> = pieces.iter().map(|piece| STANDARD.decode(piece)).collect();
    match bytes {
        Ok(bytes) if pieces.len() > 1 => STANDARD.encode(bytes.concat()),
        _ => pieces.concat(),
    }
}
