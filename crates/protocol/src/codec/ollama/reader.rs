//! An answer read, line by line; a whole one is a stream of one line.
//!
//! A line holds a piece of thought, of text, or whole calls, several or one. The line that is `done` says why, and what was counted.

use serde_json::Value;

use super::super::StreamReader;
use super::super::logprobs::{self, Ahead};
use super::lines::Lines;
use super::{Form, content, stop};
use crate::hub::{Begun, Counts, Delta, Opening, Unreadable};
use crate::moment;

/// Reads lines.
#[derive(Debug)]
pub(super) struct Reader {
    lines: Lines,
    state: State,
}

/// What is known of the answer so far.
#[derive(Debug)]
pub(super) struct State {
    form: Form,
    begun: bool,
    parts: usize,
    /// The text or thought that is being written.
    open: Option<(Prose, usize)>,
    calls: usize,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    done: bool,
    broken: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prose {
    Text,
    Thought,
}

impl Reader {
    pub(super) fn new(form: Form) -> Self {
        Self { lines: Lines::default(), state: State::new(form) }
    }
}

impl StreamReader for Reader {
    fn read(&mut self, piece: &[u8], out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        let Self { lines, state } = self;
        lines.push(piece, |line| state.line(line, out))
    }

    fn end(&mut self, out: &mut Vec<Delta>) -> bool {
        let Self { lines, state } = self;
        // What is not whole is as good as not there.
        let _cut = lines.end(|line| state.line(line, out));
        state.done
    }

    fn joint(&self) -> Option<&'static str> {
        Some(if self.lines.is_within() { "\n" } else { "" })
    }
}

impl State {
    pub(super) fn new(form: Form) -> Self {
        let ahead = Ahead::default();
        Self { form, begun: false, parts: 0, open: None, calls: 0, ahead, done: false, broken: false }
    }

    /// Takes one line.
    pub(super) fn line(&mut self, line: &Value, out: &mut Vec<Delta>) {
        if self.done || self.broken {
            return;
        }
        if let Some(error) = line.get("error").filter(|error| !error.is_null() && *error != "") {
            self.broken = true;
            out.push(Delta::Fault(words(error)));
            return;
        }
        self.begin(line, out);
        let (said, text) = match self.form {
            Form::Chat => (&line["message"], "content"),
            Form::Generate => (line, "response"),
        };
        if !says(&said["thinking"]) || says(&said[text]) {
            self.ahead.add(logprobs::read(&line["logprobs"]));
        }
        self.prose(Prose::Thought, &said["thinking"], out);
        self.prose(Prose::Text, &said[text], out);
        let images = said["images"].as_array().into_iter().flatten().chain([&said["image"]]);
        for image in images.filter_map(Value::as_str).filter(|image| !image.is_empty()) {
            self.shut(out);
            let part = self.open(Opening::Whole(content::picture(image)), out);
            out.push(Delta::Close(part));
        }
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            self.call(call, line["created_at"].as_str().unwrap_or_default(), out);
        }
        if line["done"].as_bool() == Some(true) {
            self.done = true;
            self.shut(out);
            out.extend(counts(line).map(Delta::Counts));
            out.push(Delta::Stop(stop(line["done_reason"].as_str().unwrap_or_default(), self.calls > 0)));
        }
    }

    fn begin(&mut self, line: &Value, out: &mut Vec<Delta>) {
        if !self.begun {
            self.begun = true;
            let model = line["model"].as_str().filter(|model| !model.is_empty()).map(str::to_owned);
            let created = line["created_at"].as_str().and_then(moment::seconds);
            out.push(Delta::Begin(Begun { id: None, model, created }));
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

    fn prose(&mut self, kind: Prose, text: &Value, out: &mut Vec<Delta>) {
        let Some(text) = text.as_str().filter(|text| !text.is_empty()) else { return };
        let part = match self.open {
            Some((open, part)) if open == kind => part,
            _ => {
                self.shut(out);
                let opening = match kind {
                    Prose::Text => Opening::Text,
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

    /// A call, which is always whole.
    fn call(&mut self, call: &Value, at: &str, out: &mut Vec<Delta>) {
        self.shut(out);
        let function = &call["function"];
        let id = call["id"].as_str().filter(|id| !id.is_empty());
        let id = id.map_or_else(|| made_id(at, self.calls), str::to_owned);
        let name = function["name"].as_str().unwrap_or_default().to_owned();
        self.calls += 1;
        let part = self.open(Opening::Call { id, name, custom: false }, out);
        let arguments = match &function["arguments"] {
            Value::Null => "{}".to_owned(),
            // Some servers that speak for it write the text itself.
            Value::String(text) if text.is_empty() => "{}".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        out.extend([Delta::Grow(part, arguments), Delta::Close(part)]);
    }
}

/// Whether there are words. Those of thoughts have probabilities as well, which nobody has a place for.
fn says(text: &Value) -> bool {
    text.as_str().is_some_and(|text| !text.is_empty())
}

/// An id for a call that came without one, as older servers send it. The moment is in it: a conversation has many answers, and
/// their calls must not share an id.
fn made_id(at: &str, nth: usize) -> String {
    let digits: String = at.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() { format!("call_{nth}") } else { format!("call_{digits}_{nth}") }
}

fn words(error: &Value) -> String {
    let told = error.as_str().or_else(|| error["message"].as_str());
    told.map_or_else(|| error.to_string(), str::to_owned)
}

/// What was counted. The prompt's count is left out by older servers where it was all in their cache.
fn counts(line: &Value) -> Option<Counts> {
    let number = |name: &str| line[name].as_u64();
    let (input, output) = (number("prompt_eval_count"), number("eval_count"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let cached = number("prompt_eval_cached_count").unwrap_or_default();
    let input = input.unwrap_or_default().max(cached);
    Some(Counts { input, output: output.unwrap_or_default(), cached, ..Counts::default() })
}
