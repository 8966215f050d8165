//! A streamed answer, read.

use serde_json::Value;

use super::super::events::{self, Events};
use super::super::{StreamReader, Wire};
use super::response::Usage;
use super::stop;
use crate::hub::{Begun, Delta, Opening, Part, Thought, Unreadable};

/// Reads events.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: Events,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    parts: usize,
    /// The blocks that are being written, by their index on the wire: one at a time, as far as is known.
    open: Vec<(u64, Block)>,
    calls: bool,
    usage: Usage,
    stopped: bool,
    done: bool,
}

/// A block that is being written.
#[derive(Debug)]
enum Block {
    /// A text, and its citations, which come before or between its words.
    Text { part: usize, cited: Vec<Value> },
    /// Thoughts, and the mark on them so far: it is passed on whole, as not every language has it in pieces.
    Thought { part: usize, mark: String },
    /// A call; `input` is what stood in its beginning, which is empty if pieces follow.
    Call { part: usize, input: Option<String> },
    /// What is kept whole, and the text its input grows to.
    Whole { block: Value, input: String },
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
        state.done && state.stopped
    }
}

impl State {
    fn event(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        // Some servers that copy the language end with OpenAI's mark as well.
        if data.trim().is_empty() || data.trim_start().starts_with("[DONE]") {
            return Ok(());
        }
        let event = events::json(data)?;
        let index = event["index"].as_u64().unwrap_or_default();
        match event["type"].as_str() {
            Some("message_start") if !self.begun => self.begin(&event["message"], out),
            // Nothing is said behind the reason.
            Some("content_block_start" | "content_block_delta") if self.stopped => {}
            Some("content_block_start") => self.open(index, &event["content_block"], out),
            Some("content_block_delta") => self.grow(index, &event["delta"], out),
            Some("content_block_stop") => self.close(index, out),
            Some("message_delta") => self.message(&event, out),
            Some("message_stop") => self.done = true,
            _ if event["error"].is_object() => out.push(Delta::Fault(words(&event["error"]))),
            // `ping`, and what will be thought of later.
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, message: &Value, out: &mut Vec<Delta>) {
        let word = |name: &str| message[name].as_str().filter(|word| !word.is_empty()).map(str::to_owned);
        self.begun = true;
        out.push(Delta::Begin(Begun { id: word("id"), model: word("model"), created: None }));
        self.count(&message["usage"], out);
    }

    fn count(&mut self, usage: &Value, out: &mut Vec<Delta>) {
        if usage.is_object() {
            self.usage = self.usage.and(Usage::of(usage));
            out.push(Delta::Counts(self.usage.counts()));
        }
    }

    fn part(&mut self, opening: Opening, out: &mut Vec<Delta>) -> usize {
        let part = self.parts;
        self.parts += 1;
        out.push(Delta::Open(part, opening));
        part
    }

    /// A part that comes in one piece.
    fn whole(&mut self, part: Part, out: &mut Vec<Delta>) {
        let part = self.part(Opening::Whole(part), out);
        out.push(Delta::Close(part));
    }

    fn open(&mut self, index: u64, start: &Value, out: &mut Vec<Delta>) {
        let word = |name: &str| start[name].as_str().unwrap_or_default();
        let block = match word("type") {
            "text" => {
                let cited = start["citations"].as_array().cloned().unwrap_or_default();
                let part = self.part(Opening::Text, out);
                grown(part, word("text"), out);
                Block::Text { part, cited }
            }
            "thinking" => {
                let part = self.part(Opening::Thought { id: None }, out);
                grown(part, word("thinking"), out);
                Block::Thought { part, mark: word("signature").to_owned() }
            }
            "redacted_thinking" => {
                let sealed = Some(word("data").to_owned());
                return self.whole(Part::Thought(Thought { sealed, ..Thought::default() }), out);
            }
            "tool_use" => {
                self.calls = true;
                let (id, name) = (word("id").to_owned(), word("name").to_owned());
                let part = self.part(Opening::Call { id, name, custom: false }, out);
                let given = start["input"].as_object().filter(|input| !input.is_empty());
                Block::Call { part, input: given.map(|_| start["input"].to_string()) }
            }
            _ if start.is_object() => Block::Whole { block: start.clone(), input: String::new() },
            _ => return,
        };
        self.open.push((index, block));
    }

    fn grow(&mut self, index: u64, delta: &Value, out: &mut Vec<Delta>) {
        let word = |name: &str| delta[name].as_str().unwrap_or_default();
        let kind = word("type");
        if !self.open.iter().any(|(known, _)| *known == index) {
            // Some servers that copy the language begin no block.
            match kind {
                "text_delta" => self.open(index, &serde_json::json!({"type": "text"}), out),
                "thinking_delta" => self.open(index, &serde_json::json!({"type": "thinking"}), out),
                _ => return,
            }
        }
        let Some((_, block)) = self.open.iter_mut().rfind(|(known, _)| *known == index) else { return };
        match (block, kind) {
            (Block::Text { part, .. }, "text_delta") => grown(*part, word("text"), out),
            (Block::Text { cited, .. }, "citations_delta") => cited.push(delta["citation"].clone()),
            (Block::Thought { part, .. }, "thinking_delta") => grown(*part, word("thinking"), out),
            (Block::Thought { mark, .. }, "signature_delta") => mark.push_str(word("signature")),
            (Block::Call { part, input }, "input_json_delta") => {
                let piece = word("partial_json");
                if !piece.is_empty() {
                    *input = None;
                }
                grown(*part, piece, out);
            }
            (Block::Whole { input, .. }, "input_json_delta") => input.push_str(word("partial_json")),
            (Block::Whole { block, .. }, _) => grow_whole(block, delta),
            _ => {}
        }
    }

    fn close(&mut self, index: u64, out: &mut Vec<Delta>) {
        let Some(at) = self.open.iter().rposition(|(known, _)| *known == index) else { return };
        match self.open.remove(at).1 {
            Block::Text { part, cited } => {
                out.push(Delta::Close(part));
                cited.into_iter().for_each(|source| self.whole(Part::Cited(Wire::Messages, source), out));
            }
            Block::Thought { part, mark } => {
                if !mark.is_empty() {
                    out.push(Delta::Sign(part, mark));
                }
                out.push(Delta::Close(part));
            }
            Block::Call { part, input } => {
                grown(part, &input.unwrap_or_default(), out);
                out.push(Delta::Close(part));
            }
            Block::Whole { mut block, input } => {
                if let Some(block) = block.as_object_mut().filter(|_| !input.is_empty()) {
                    let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    block.insert("input".to_owned(), input);
                }
                self.whole(Part::Opaque(Wire::Messages, block), out);
            }
        }
    }

    /// Why it ends, and what was counted.
    fn message(&mut self, event: &Value, out: &mut Vec<Delta>) {
        let delta = &event["delta"];
        if let Some(word) = delta["stop_reason"].as_str().filter(|_| !self.stopped) {
            while let Some((index, _)) = self.open.first() {
                self.close(*index, out);
            }
            if let Some(words) = stop::explanation(&delta["stop_details"]) {
                let part = self.part(Opening::Refusal, out);
                grown(part, words, out);
                out.push(Delta::Close(part));
            }
            out.push(Delta::Stop(stop::read(word, delta["stop_sequence"].as_str(), self.calls)));
            self.stopped = true;
        }
        self.count(&event["usage"], out);
    }
}

fn grown(part: usize, text: &str, out: &mut Vec<Delta>) {
    if !text.is_empty() {
        out.push(Delta::Grow(part, text.to_owned()));
    }
}

/// A block that grows by fields of its own (`compaction_delta`): texts are put together, all else is the latest.
fn grow_whole(block: &mut Value, delta: &Value) {
    let (Value::Object(block), Value::Object(delta)) = (block, delta) else { return };
    for (name, value) in delta.iter().filter(|(name, _)| *name != "type") {
        match (block.get_mut(name), value) {
            (Some(Value::String(all)), Value::String(piece)) => all.push_str(piece),
            _ => {
                block.insert(name.clone(), value.clone());
            }
        }
    }
}

/// An error in the vendor's words.
fn words(error: &Value) -> String {
    error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned)
}
