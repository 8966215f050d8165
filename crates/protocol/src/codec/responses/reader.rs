//! A streamed answer, read.
//!
//! Read with what others do differently: events without a name (OpenRouter), thoughts as `reasoning_text` (DeepSeek), `[DONE]` behind the
//! end, and items that come whole in `output_item.done` or only in the last event.

use serde_json::Value;

use super::super::StreamReader;
use super::super::Wire;
use super::super::events::{self, Events};
use super::super::logprobs;
use super::object;
use super::response::part_of;
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
    /// The number of the next part.
    next: usize,
    parts: Vec<Known>,
    /// The places of items that are complete.
    items: Vec<u64>,
    /// The stream said its last word, good or bad.
    over: bool,
    complete: bool,
}

/// A part that was begun.
#[derive(Debug)]
struct Known {
    /// Where its item stands in the output, and where it stands in the item.
    place: (u64, u64),
    kind: Kind,
    number: usize,
    grown: bool,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Refusal,
    /// A call.
    Call,
    /// The summary of thoughts, and the place of the last piece in it.
    Summary(u64),
    /// The thoughts themselves.
    Thought(u64),
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
        state.complete
    }
}

impl State {
    fn event(&mut self, name: &str, data: &str, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        if self.over || data.trim_start().starts_with("[DONE]") {
            return Ok(());
        }
        let event = events::json(data)?;
        let kind = event["type"].as_str().unwrap_or(name);
        let place = |name: &str| event[name].as_u64().unwrap_or_default();
        let item = place("output_index");
        let delta = event["delta"].as_str().unwrap_or_default();
        match kind {
            "response.created" | "response.queued" | "response.in_progress" => {
                self.begin(&event["response"], out);
            }
            "response.output_item.added" => self.added(item, &event["item"], out)?,
            "response.output_text.delta" => {
                let words = logprobs::read(&event["logprobs"]);
                self.prose((item, place("content_index")), Kind::Text, (delta, words), out);
            }
            "response.refusal.delta" => {
                self.prose((item, place("content_index")), Kind::Refusal, (delta, Vec::new()), out);
            }
            "response.reasoning_summary_text.delta" => {
                self.think(item, Kind::Summary(place("summary_index")), (&event["item_id"], delta), out);
            }
            "response.reasoning_text.delta" => {
                self.think(item, Kind::Thought(place("content_index")), (&event["item_id"], delta), out);
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                if let Some(at) = self.find((item, 0), |kind| kind == Kind::Call) {
                    self.grow(at, delta, out);
                }
            }
            "response.content_part.done" => {
                self.content((item, place("content_index")), &event["part"], out);
            }
            "response.output_item.done" => self.done(item, &event["item"], out)?,
            "response.completed" | "response.incomplete" => self.end(kind, &event["response"], out)?,
            "response.failed" | "response.cancelled" => {
                out.extend(object::counts(&event["response"]["usage"]).map(Delta::Counts));
                self.fault(&event["response"]["error"], kind, out);
            }
            "error" => {
                let error = if event["error"].is_object() { &event["error"] } else { &event };
                self.fault(error, kind, out);
            }
            _ if event["error"].is_object() => self.fault(&event["error"], kind, out),
            _ => {}
        }
        Ok(())
    }

    fn fault(&mut self, error: &Value, kind: &str, out: &mut Vec<Delta>) {
        self.over = true;
        let code = error["code"].as_str().unwrap_or(kind);
        out.push(Delta::Fault(error["message"].as_str().unwrap_or(code).to_owned()));
    }

    fn begin(&mut self, response: &Value, out: &mut Vec<Delta>) {
        if !std::mem::replace(&mut self.begun, true) {
            let word = |name: &str| response[name].as_str().map(str::to_owned);
            let created = response["created_at"].as_u64().filter(|at| *at > 0);
            out.push(Delta::Begin(Begun { id: word("id"), model: word("model"), created }));
        }
    }

    /// Only a call says all that is to be known of it when it begins.
    fn added(&mut self, at: u64, item: &Value, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        let calls = matches!(item["type"].as_str(), Some("function_call" | "custom_tool_call"));
        let part = if calls { part_of(item.clone(), "item")? } else { None };
        if let Some(Part::Call(call)) = part {
            let opening = Opening::Call { id: call.id, name: call.name, custom: call.custom };
            self.open((at, 0), Kind::Call, opening, out);
        }
        Ok(())
    }

    fn open(&mut self, place: (u64, u64), kind: Kind, opening: Opening, out: &mut Vec<Delta>) -> usize {
        let number = self.number();
        out.push(Delta::Open(number, opening));
        self.parts.push(Known { place, kind, number, grown: false, closed: false });
        self.parts.len() - 1
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn find(&self, place: (u64, u64), is: impl Fn(Kind) -> bool) -> Option<usize> {
        self.parts.iter().position(|part| part.place == place && is(part.kind) && !part.closed)
    }

    fn grow(&mut self, at: usize, text: &str, out: &mut Vec<Delta>) {
        if let Some(part) = self.parts.get_mut(at).filter(|_| !text.is_empty()) {
            part.grown = true;
            out.push(Delta::Grow(part.number, text.to_owned()));
        }
    }

    fn close(&mut self, at: usize, out: &mut Vec<Delta>) {
        if let Some(part) = self.parts.get_mut(at).filter(|part| !part.closed) {
            part.closed = true;
            out.push(Delta::Close(part.number));
        }
    }

    /// Text, and how likely its words were.
    fn prose(
        &mut self,
        place: (u64, u64),
        kind: Kind,
        (text, words): (&str, Vec<Value>),
        out: &mut Vec<Delta>,
    ) {
        // What is said of a part that is closed already is said again.
        let again = self.parts.iter().any(|part| part.place == place && part.kind == kind && part.closed);
        if (text.is_empty() && words.is_empty()) || again {
            return;
        }
        let opening = if kind == Kind::Text { Opening::Text } else { Opening::Refusal };
        let known = self.find(place, |open| open == kind);
        let at = known.unwrap_or_else(|| self.open(place, kind, opening, out));
        if let Some(part) = self.parts.get(at).filter(|_| !words.is_empty()) {
            out.push(Delta::Logprobs(part.number, words));
        }
        self.grow(at, text, out);
    }

    /// Thoughts of one item are one part, with an empty line between their pieces. Where both a summary and the thoughts themselves are
    /// shown, the one that came first stands.
    fn think(&mut self, item: u64, kind: Kind, (id, text): (&Value, &str), out: &mut Vec<Delta>) {
        let thinks = |kind| matches!(kind, Kind::Summary(_) | Kind::Thought(_));
        if text.is_empty() {
            return;
        }
        let Some(at) = self.find((item, 0), thinks) else {
            let id = id.as_str().map(str::to_owned);
            let at = self.open((item, 0), kind, Opening::Thought { id }, out);
            return self.grow(at, text, out);
        };
        let Some(part) = self.parts.get_mut(at) else { return };
        let further = match (part.kind, kind) {
            (Kind::Summary(earlier), Kind::Summary(now)) | (Kind::Thought(earlier), Kind::Thought(now)) => {
                now != earlier
            }
            _ => return,
        };
        part.kind = kind;
        self.grow(at, if further { "\n\n" } else { "" }, out);
        self.grow(at, text, out);
    }

    /// A part of a message is complete: what of it never came in pieces comes now, then the sources of it.
    fn content(&mut self, place: (u64, u64), part: &Value, out: &mut Vec<Delta>) {
        let (kind, text) = match part["type"].as_str() {
            Some("output_text") => (Kind::Text, &part["text"]),
            Some("refusal") => (Kind::Refusal, &part["refusal"]),
            _ => return,
        };
        if self.parts.iter().any(|part| part.place == place && part.closed) {
            return;
        }
        if self.find(place, |open| open == kind).is_none() {
            let words = logprobs::read(&part["logprobs"]);
            self.prose(place, kind, (text.as_str().unwrap_or_default(), words), out);
        }
        if let Some(at) = self.find(place, |open| open == kind) {
            self.close(at, out);
        }
        for source in part["annotations"].as_array().into_iter().flatten() {
            self.whole(Part::Cited(Wire::Responses, source.clone()), out);
        }
    }

    fn whole(&mut self, part: Part, out: &mut Vec<Delta>) {
        let number = self.number();
        out.extend([Delta::Open(number, Opening::Whole(part)), Delta::Close(number)]);
    }

    /// An item is complete.
    fn done(&mut self, at: u64, item: &Value, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        if self.items.contains(&at) {
            return Ok(());
        }
        self.items.push(at);
        if item["type"] == "message" {
            for (nth, part) in item["content"].as_array().into_iter().flatten().enumerate() {
                self.content((at, nth as u64), part, out);
            }
        } else {
            match part_of(item.clone(), "item")? {
                Some(Part::Call(call)) => {
                    if self.find((at, 0), |kind| kind == Kind::Call).is_none() {
                        self.added(at, item, out)?;
                    }
                    if let Some(open) = self.find((at, 0), |kind| kind == Kind::Call) {
                        let grown = self.parts.get(open).is_some_and(|part| part.grown);
                        self.grow(open, if grown { "" } else { &call.arguments }, out);
                        let number = self.parts.get(open).map(|part| part.number);
                        out.extend(
                            number.zip(call.signature).map(|(number, mark)| Delta::Sign(number, mark)),
                        );
                    }
                }
                Some(Part::Thought(thought)) => self.thought(at, thought, out),
                Some(part) => self.whole(part, out),
                None => {}
            }
        }
        self.shut(|part| part.place.0 == at, out);
        Ok(())
    }

    fn thought(&mut self, at: u64, thought: Thought, out: &mut Vec<Delta>) {
        let thinks = |kind| matches!(kind, Kind::Summary(_) | Kind::Thought(_));
        if self.find((at, 0), thinks).is_none() {
            let id = thought.id.clone().map_or(Value::Null, Value::String);
            self.think(at, Kind::Summary(0), (&id, &thought.text), out);
        }
        self.shut(|part| part.place.0 == at, out);
        if thought.sealed.is_some() {
            // A part that grows has no place for it, so it stands behind the words.
            self.whole(Part::Thought(Thought { text: String::new(), ..thought }), out);
        }
    }

    fn shut(&mut self, of: impl Fn(&Known) -> bool, out: &mut Vec<Delta>) {
        for part in self.parts.iter_mut().filter(|part| !part.closed && of(part)) {
            part.closed = true;
            out.push(Delta::Close(part.number));
        }
    }

    /// The last word: what came in no event of its own, the counts, and the reason.
    fn end(&mut self, kind: &str, response: &Value, out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        self.begin(response, out);
        if self.parts.is_empty() && self.items.is_empty() {
            for (nth, item) in response["output"].as_array().into_iter().flatten().enumerate() {
                self.done(nth as u64, item, out)?;
            }
        }
        self.shut(|_| true, out);
        out.extend(object::counts(&response["usage"]).map(Delta::Counts));
        let mut said = response.clone();
        if !said["status"].is_string() && said.is_object() {
            said["status"] = kind.trim_start_matches("response.").into();
        }
        let calls = self.parts.iter().any(|part| part.kind == Kind::Call);
        self.over = true;
        match object::stop(&said, calls) {
            Ok(Some(stop)) => {
                out.push(Delta::Stop(stop));
                self.complete = true;
            }
            Ok(None) => {}
            Err(words) => out.push(Delta::Fault(words)),
        }
        Ok(())
    }
}
