//! A streamed answer, read: events, or the elements of one JSON array.
//!
//! There is no end mark but the reason. It is held back until the connection ends: models before Gemini 2 give one with every piece, and
//! the last counts can come behind it.

use serde_json::{Map, Value};

use super::super::StreamReader;
use super::super::events::{self, Events};
use super::super::logprobs::Ahead;
use super::array::Elements;
use super::response::{self, Calls};
use super::{logprobs, part, stop};
use crate::hub::{Begun, Counts, Delta, Opening, Part, Stop, Unreadable};

/// Reads either shape.
#[derive(Debug, Default)]
pub(super) struct Reader {
    shape: Shape,
    state: State,
}

/// How the answer is cut into pieces. Its first byte tells.
#[derive(Debug, Default)]
enum Shape {
    #[default]
    Unknown,
    Events(Events),
    Array(Elements),
}

impl StreamReader for Reader {
    fn read(&mut self, piece: &[u8], out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        let Self { shape, state } = self;
        if matches!(shape, Shape::Unknown) {
            *shape = match piece.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => return Ok(()),
                // An error may come as an object of its own, and so may a whole answer.
                Some(b'[' | b'{') => Shape::Array(Elements::default()),
                Some(_) => Shape::Events(Events::default()),
            };
        }
        match shape {
            Shape::Unknown => Ok(()),
            Shape::Events(events) => events.push(piece, |_, data| state.event(events::json(data)?, out)),
            Shape::Array(elements) => elements.push(piece, |element| {
                let element = serde_json::from_slice(element).map_err(|error| {
                    Unreadable::new(format!("An element of the stream is not valid JSON: {error}."))
                })?;
                state.event(element, out)
            }),
        }
    }

    fn end(&mut self, out: &mut Vec<Delta>) -> bool {
        let Self { shape, state } = self;
        let whole = match shape {
            Shape::Unknown => false,
            Shape::Events(events) => {
                // What is not whole is as good as not there.
                let _cut = events.end(|_, data| state.event(events::json(data)?, out));
                true
            }
            Shape::Array(elements) => elements.closed(),
        };
        whole && state.end(out)
    }

    fn joint(&self) -> Option<&'static str> {
        match &self.shape {
            Shape::Unknown => Some("["),
            Shape::Events(_) => None,
            Shape::Array(elements) => elements.joint(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    parts: usize,
    /// The text or thought that is being written.
    open: Option<(Prose, usize)>,
    calls: Calls,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    /// What was told of sources: it is about all of the text.
    sources: Vec<Part>,
    counts: Option<Counts>,
    /// The latest reason.
    reason: Option<Reason>,
    broken: bool,
}

#[derive(Debug)]
enum Reason {
    Word(String),
    /// The prompt was not let through.
    Blocked,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prose {
    Text,
    Thought,
}

impl State {
    fn event(&mut self, event: Value, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        if let Value::Array(events) = event {
            // An error may come as an array of its own.
            return events.into_iter().try_for_each(|event| self.event(event, out));
        }
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            self.broken = true;
            out.push(Delta::Fault(response::words(error)));
            return Ok(());
        }
        self.begin(&event, out);
        let counts = event["usageMetadata"].as_object().and_then(response::counts);
        if let Some(counts) = counts.filter(|counts| self.counts != Some(*counts)) {
            self.counts = Some(counts);
            out.push(Delta::Counts(counts));
        }
        let none = Vec::new();
        let candidates = event["candidates"].as_array().unwrap_or(&none);
        // Further answers were not asked for.
        if let Some(first) = candidates.iter().find(|it| it["index"].as_u64().unwrap_or_default() == 0) {
            self.candidate(first, out)?;
        } else if response::is_blocked(&event["promptFeedback"]) {
            self.reason = Some(Reason::Blocked);
        }
        Ok(())
    }

    fn begin(&mut self, event: &Value, out: &mut Vec<Delta>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let word = |name: &str| event[name].as_str().filter(|word| !word.is_empty());
        self.calls = Calls::of(word("responseId"));
        out.push(Delta::Begin(Begun {
            id: word("responseId").map(str::to_owned),
            model: word("modelVersion").map(str::to_owned),
            created: word("createTime").and_then(response::seconds),
        }));
    }

    fn candidate(&mut self, candidate: &Value, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        self.ahead.add(logprobs::entries(&candidate["logprobsResult"]));
        for (nth, value) in candidate["content"]["parts"].as_array().into_iter().flatten().enumerate() {
            let at = format!("candidates[0].content.parts[{nth}]");
            let mut parts = part::read(value.clone(), at, &mut Map::new())?;
            // The text may have begun with an earlier piece: its mark comes behind it.
            if matches!(parts.last(), Some(Part::Text(_))) {
                parts.reverse();
            }
            for mut part in parts {
                self.calls.identify(&mut part);
                self.part(part, out);
            }
        }
        self.sources.extend(response::sources(candidate));
        if let Some(word) =
            candidate["finishReason"].as_str().filter(|word| stop::read(word, false).is_some())
        {
            self.reason = Some(Reason::Word(word.to_owned()));
        }
        Ok(())
    }

    fn part(&mut self, part: Part, out: &mut Vec<Delta>) {
        match part {
            Part::Text(text) => self.prose(Prose::Text, text, out),
            Part::Thought(thought) => {
                self.prose(Prose::Thought, thought.text, out);
                if let Some(mark) = thought.signature {
                    let part = self.prose_part(Prose::Thought, out);
                    out.push(Delta::Sign(part, mark));
                    self.shut(out);
                }
            }
            Part::Call(call) => {
                self.shut(out);
                let part = self.open(Opening::Call { id: call.id, name: call.name, custom: false }, out);
                out.extend(call.signature.map(|mark| Delta::Sign(part, mark)));
                out.push(Delta::Grow(part, call.arguments));
                out.push(Delta::Close(part));
            }
            whole => {
                self.shut(out);
                let part = self.open(Opening::Whole(whole), out);
                out.push(Delta::Close(part));
            }
        }
    }

    fn prose(&mut self, kind: Prose, text: String, out: &mut Vec<Delta>) {
        if !text.is_empty() {
            let part = self.prose_part(kind, out);
            self.tell(kind, part, out);
            out.push(Delta::Grow(part, text));
        }
    }

    /// The open part of this kind, or a new one.
    fn prose_part(&mut self, kind: Prose, out: &mut Vec<Delta>) -> usize {
        if let Some((_, part)) = self.open.filter(|(open, _)| *open == kind) {
            return part;
        }
        self.shut(out);
        let opening = match kind {
            Prose::Text => Opening::Text,
            Prose::Thought => Opening::Thought { id: None },
        };
        let part = self.open(opening, out);
        self.open = Some((kind, part));
        part
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

    fn end(&mut self, out: &mut Vec<Delta>) -> bool {
        if self.broken {
            return false;
        }
        let stop = match self.reason.take() {
            None => return false,
            Some(Reason::Blocked) => Stop::Filtered,
            Some(Reason::Word(word)) => stop::read(&word, self.calls.any()).unwrap_or(Stop::End),
        };
        for sources in std::mem::take(&mut self.sources) {
            self.part(sources, out);
        }
        self.shut(out);
        out.push(Delta::Stop(stop));
        true
    }
}
