//! A streamed answer: chunks of text, the reason in the last of them or behind it, and the counts in a chunk of their own.

use serde_json::{Value, json};

use super::super::events::{self, Events};
use super::super::json::Object;
use super::super::{StreamReader, StreamWriter, To, Wire, chat};
use super::{finish_reason, response};
use crate::fault::{self, Kind};
use crate::hub::{Begun, Counts, Delta, Opening, Unreadable};

/// Reads chunks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: Events,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    open: bool,
    stopped: bool,
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
            let words = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
            out.push(Delta::Fault(words));
            return Ok(());
        }
        if !std::mem::replace(&mut self.begun, true) {
            let word = |name: &str| chunk[name].as_str().filter(|word| !word.is_empty()).map(str::to_owned);
            let created = chunk["created"].as_u64().filter(|at| *at > 0);
            out.push(Delta::Begin(Begun { id: word("id"), model: word("model"), created }));
        }
        // Further answers were not asked for.
        let first = chunk["choices"].as_array().and_then(|choices| {
            choices.iter().find(|choice| choice["index"].as_u64().unwrap_or_default() == 0)
        });
        if let Some(choice) = first.filter(|_| !self.stopped) {
            self.choice(choice, out);
        }
        if let Some(usage) = chunk["usage"].as_object() {
            out.push(Delta::Counts(chat::counts(usage)));
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Value, out: &mut Vec<Delta>) {
        if let Some(text) = choice["text"].as_str().filter(|text| !text.is_empty()) {
            if !std::mem::replace(&mut self.open, true) {
                out.push(Delta::Open(0, Opening::Text));
            }
            out.push(Delta::Grow(0, text.to_owned()));
        }
        if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
            if self.open {
                out.push(Delta::Close(0));
            }
            out.push(Delta::Stop(chat::stop(word, false)));
            self.stopped = true;
        }
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
    /// The parts whose words are written.
    words: Vec<usize>,
}

impl Writer {
    pub(super) fn new(to: &To<'_>) -> Self {
        Self {
            id: response::id(None, to),
            model: to.request.model.clone(),
            created: to.mint.now,
            counted: to.request.counted,
            counts: None,
            words: Vec::new(),
        }
    }

    fn chunk(&self, choices: Vec<Value>) -> Object {
        let mut chunk = Object::default();
        chunk.put("id", self.id.as_str()).put("object", "text_completion").put("created", self.created);
        chunk.put("choices", choices).put("model", self.model.as_str());
        chunk
    }

    fn text(&self, text: &str, reason: Option<&str>, out: &mut Vec<u8>) {
        let choice = json!({"text": text, "index": 0, "logprobs": null, "finish_reason": reason});
        let mut chunk = self.chunk(vec![choice]);
        if self.counted {
            chunk.put("usage", Value::Null);
        }
        events::write(out, &chunk.done());
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Begin(begun) => {
                self.model = begun.model.unwrap_or_else(|| std::mem::take(&mut self.model));
                self.created = begun.created.unwrap_or(self.created);
                if let Some(id) = begun.id.filter(|id| id.starts_with("cmpl")) {
                    self.id = id;
                }
            }
            Delta::Open(number, Opening::Text | Opening::Refusal) => self.words.push(number),
            Delta::Grow(number, text) if self.words.contains(&number) => self.text(&text, None, out),
            Delta::Stop(stop) => self.text("", Some(finish_reason(&stop)), out),
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
            Delta::Open(..) | Delta::Grow(..) | Delta::Sign(..) | Delta::Close(_) | Delta::Fault(_) => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(counts) = self.counts.filter(|_| self.counted) {
            let mut chunk = self.chunk(Vec::new());
            chunk.put("usage", chat::usage(counts));
            events::write(out, &chunk.done());
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(fault::event(kind, say, Wire::Completions.dialect(), false).as_bytes());
    }
}
