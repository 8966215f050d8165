//! A streamed answer, read.
//!
//! Contents and calls are counted apart. Citations come while the text they belong to is still being written; they are held back
//! until it is complete, as a part that begins ends a text.

use serde_json::Value;

use super::super::events::{self, Events};
use super::super::logprobs::Ahead;
use super::super::{StreamReader, Wire};
use super::{response, stop};
use crate::hub::{Begun, Delta, Opening, Part, Unreadable};

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
    /// The prose that is being written, and its part.
    open: Option<(Prose, usize)>,
    /// The calls: their index on the wire, their part, whether they are still being written.
    calls: Vec<(u64, usize, bool)>,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    /// Citations of the text that is being written.
    cited: Vec<Value>,
    /// The vendor said why it ends.
    stopped: bool,
    /// The vendor broke off.
    broken: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Prose {
    Text(u64),
    Thought(u64),
    /// What is said beside calls.
    Plan,
}

impl StreamReader for Reader {
    fn read(&mut self, piece: &[u8], out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        let Self { events, state } = self;
        events.push(piece, |name, data| state.event(name, data, out))
    }

    fn end(&mut self, out: &mut Vec<Delta>) -> bool {
        let Self { events, state } = self;
        // What is not whole is as good as not there.
        let _cut = events.end(|name, data| state.event(name, data, out));
        // `[DONE]` says nothing that `message-end` did not; alone it would leave out why.
        state.stopped
    }
}

impl State {
    fn event(&mut self, name: &str, data: &str, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        if self.stopped || self.broken || data.trim_start().starts_with("[DONE]") {
            return Ok(());
        }
        let event = events::json(data)?;
        let kind = event["type"].as_str().unwrap_or(name);
        let (index, message) = (event["index"].as_u64(), &event["delta"]["message"]);
        match kind {
            "message-start" => self.begin(event["id"].as_str(), out),
            "content-start" => {
                self.shut(out);
                self.content(index.unwrap_or_default(), &message["content"], out);
            }
            "content-delta" => {
                self.ahead.add(response::entries(&event["logprobs"]));
                self.content(index.unwrap_or_default(), &message["content"], out);
            }
            "content-end" => self.shut(out),
            "tool-plan-delta" => self.prose(Prose::Plan, message["tool_plan"].as_str(), out),
            "tool-call-start" => self.call(index, one(&message["tool_calls"]), out),
            "tool-call-delta" => self.arguments(index, one(&message["tool_calls"]), out)?,
            "tool-call-end" => self.called(index, out),
            "citation-start" => self.cite(&message["citations"], out),
            "message-end" => self.stop(&event["delta"], out),
            "error" => self.fault(&event, out),
            // An error has no kind: it is the body of an error answer.
            "" if event["message"].is_string() || !event["error"].is_null() => self.fault(&event, out),
            // `citation-end` and `debug` say nothing, and what is new is not for us.
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, id: Option<&str>, out: &mut Vec<Delta>) {
        if !self.begun {
            self.begun = true;
            out.push(Delta::Begin(Begun { id: id.map(str::to_owned), ..Begun::default() }));
        }
    }

    fn open(&mut self, opening: Opening, out: &mut Vec<Delta>) -> usize {
        self.begin(None, out);
        let part = self.parts;
        self.parts += 1;
        out.push(Delta::Open(part, opening));
        part
    }

    /// The prose is complete; what it cites comes behind it.
    fn shut(&mut self, out: &mut Vec<Delta>) {
        if let Some((kind, part)) = self.open.take() {
            self.tell(kind, part, out);
            out.push(Delta::Close(part));
        }
        for cited in std::mem::take(&mut self.cited) {
            let part = self.open(Opening::Whole(Part::Cited(Wire::Cohere, cited)), out);
            out.push(Delta::Close(part));
        }
    }

    fn content(&mut self, index: u64, content: &Value, out: &mut Vec<Delta>) {
        self.prose(Prose::Thought(index), content["thinking"].as_str(), out);
        self.prose(Prose::Text(index), content["text"].as_str(), out);
    }

    fn prose(&mut self, kind: Prose, text: Option<&str>, out: &mut Vec<Delta>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let part = match self.open {
            Some((open, part)) if open == kind => part,
            _ => {
                self.shut(out);
                let opening = match kind {
                    Prose::Text(_) | Prose::Plan => Opening::Text,
                    Prose::Thought(_) => Opening::Thought { id: None },
                };
                let part = self.open(opening, out);
                self.open = Some((kind, part));
                part
            }
        };
        self.tell(kind, part, out);
        out.push(Delta::Grow(part, text.to_owned()));
    }

    /// Probabilities are those of the text.
    fn tell(&mut self, kind: Prose, part: usize, out: &mut Vec<Delta>) {
        if matches!(kind, Prose::Text(_)) {
            out.extend(self.ahead.take().map(|words| Delta::Logprobs(part, words)));
        }
    }

    fn call(&mut self, index: Option<u64>, call: &Value, out: &mut Vec<Delta>) {
        self.shut(out);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let opening =
            Opening::Call { id: word(&call["id"]), name: word(&call["function"]["name"]), custom: false };
        let part = self.open(opening, out);
        self.calls.push((index.unwrap_or(self.calls.len() as u64), part, true));
        self.grow(part, call, out);
    }

    fn arguments(
        &mut self,
        index: Option<u64>,
        call: &Value,
        out: &mut Vec<Delta>,
    ) -> Result<(), Unreadable> {
        let Some((_, part, _)) = self.known(index) else {
            return Err(Unreadable::new("Arguments of a call came before the call."));
        };
        let part = *part;
        self.grow(part, call, out);
        Ok(())
    }

    fn grow(&self, part: usize, call: &Value, out: &mut Vec<Delta>) {
        let piece = match &call["function"]["arguments"] {
            Value::String(piece) => piece.clone(),
            object @ Value::Object(_) => object.to_string(),
            _ => return,
        };
        if !piece.is_empty() {
            out.push(Delta::Grow(part, piece));
        }
    }

    fn called(&mut self, index: Option<u64>, out: &mut Vec<Delta>) {
        if let Some((_, part, open @ true)) = self.known(index) {
            *open = false;
            out.push(Delta::Close(*part));
        }
    }

    /// The latest call of its index.
    fn known(&mut self, index: Option<u64>) -> Option<&mut (u64, usize, bool)> {
        self.calls.iter_mut().rev().find(|(known, ..)| index.is_none_or(|index| index == *known))
    }

    fn cite(&mut self, citations: &Value, out: &mut Vec<Delta>) {
        match citations {
            Value::Array(list) => self.cited.extend(list.iter().cloned()),
            one @ Value::Object(_) => self.cited.push(one.clone()),
            _ => {}
        }
        if self.open.is_none() {
            self.shut(out);
        }
    }

    /// An error that is told in words is one; the reason without any stands as the reason.
    fn stop(&mut self, delta: &Value, out: &mut Vec<Delta>) {
        if delta["error"].as_str().is_some_and(|words| !words.is_empty()) {
            return self.fault(delta, out);
        }
        self.begin(None, out);
        self.shut(out);
        let open = self.calls.iter().filter(|(.., open)| *open);
        out.extend(open.map(|(_, part, _)| Delta::Close(*part)));
        out.extend(response::counts(&delta["usage"]).map(Delta::Counts));
        let word = delta["finish_reason"].as_str().unwrap_or("COMPLETE");
        out.push(Delta::Stop(stop(word, !self.calls.is_empty())));
        self.stopped = true;
    }

    fn fault(&mut self, event: &Value, out: &mut Vec<Delta>) {
        let told = [&event["message"], &event["error"]["message"], &event["error"]];
        let words = told.into_iter().find_map(Value::as_str);
        out.push(Delta::Fault(words.map_or_else(|| event.to_string(), str::to_owned)));
        self.broken = true;
    }
}

/// A call is an object by the reference, and was a list of one.
fn one(calls: &Value) -> &Value {
    calls.as_array().and_then(|list| list.first()).unwrap_or(calls)
}
