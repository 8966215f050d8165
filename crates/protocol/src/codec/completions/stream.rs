//! A streamed answer: chunks of text, the reason in the last of them or behind it, and the counts in a chunk of their own.

use serde_json::{Value, json};

use super::super::events::{self, Events};
use super::super::json::Object;
use super::super::logprobs::Ahead;
use super::super::{StreamReader, StreamWriter, To, Wire, chat};
use super::{finish_reason, logprobs, response};
use crate::fault::{self, Kind};
use crate::hub::{Counts, Delta, Opening, Unreadable};

/// Reads chunks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    events: Events,
    frame: chat::Frame,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    stopped: bool,
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
        if self.stopped {
            return;
        }
        self.ahead.add(logprobs::entries(&choice["logprobs"]));
        if let Some(text) = choice["text"].as_str().filter(|text| !text.is_empty()) {
            if !std::mem::replace(&mut self.open, true) {
                out.push(Delta::Open(0, Opening::Text));
            }
            self.tell(out);
            out.push(Delta::Grow(0, text.to_owned()));
        }
        if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
            if self.open {
                self.tell(out);
                out.push(Delta::Close(0));
            }
            out.push(Delta::Stop(chat::stop(word, false)));
            self.stopped = true;
        }
    }

    fn tell(&mut self, out: &mut Vec<Delta>) {
        out.extend(self.ahead.take().map(|words| Delta::Logprobs(0, words)));
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
    /// Probabilities of words that have not come.
    ahead: Ahead,
    /// Where the next token begins.
    offset: usize,
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
            ahead: Ahead::default(),
            offset: 0,
        }
    }

    fn chunk(&self, choices: Vec<Value>) -> Object<'_> {
        let mut chunk = Object::default();
        chunk.put("id", self.id.as_str()).put("object", "text_completion").put("created", self.created);
        chunk.put("choices", choices).put("model", self.model.as_str());
        chunk
    }

    fn text(&mut self, text: &str, reason: Option<&str>, out: &mut Vec<u8>) {
        let words = self.ahead.take().map(|words| logprobs::lists(&words, &mut self.offset));
        let choice = json!({"text": text, "index": 0, "logprobs": words, "finish_reason": reason});
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
            Delta::Logprobs(number, words) if self.words.contains(&number) => self.ahead.add(words),
            Delta::Stop(stop) => self.text("", Some(finish_reason(&stop)), out),
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
            Delta::Open(..)
            | Delta::Grow(..)
            | Delta::Logprobs(..)
            | Delta::Sign(..)
            | Delta::Close(_)
            | Delta::Fault(_) => {}
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
