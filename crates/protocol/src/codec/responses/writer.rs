//! A streamed answer, written.
//!
//! Items come one after the other, so the parts are put in turn first. An item ends when the next one begins or the answer stops: only
//! then is it known whether a source of its text still comes, and whether it was cut.

use serde_json::{Map, Value, json};

use super::super::events;
use super::super::logprobs::{Ahead, without_bytes};
use super::super::{StreamWriter, To, Wire};
use super::object::{self, Whole};
use super::output::{self, Ids, Named};
use crate::fault::Kind;
use crate::hub::in_turn::InTurn;
use crate::hub::{Counts, Delta, Opening, Part, Request, Stop, Thought};

/// Writes events.
#[derive(Debug)]
pub(super) struct Writer {
    turn: InTurn,
    /// The tools that were asked with, and the names they stand under.
    asked: Request,
    now: u64,
    ids: Ids,
    whole: Whole,
    /// The number of the next event.
    sequence: u64,
    begun: bool,
    output: Vec<Value>,
    open: Option<Item>,
    stop: Option<Stop>,
    counts: Option<Counts>,
    /// Probabilities of words that have not come.
    ahead: Ahead,
}

/// The item that is being written.
#[derive(Debug)]
enum Item {
    Message { id: String, content: Vec<Value>, open: bool },
    Thought { id: String, thought: Thought },
    Call { id: String, call: String, named: Named, said: String, mark: Option<String> },
}

impl Writer {
    pub(super) fn new(to: &To<'_>) -> Self {
        Self {
            turn: InTurn::default(),
            asked: Request {
                tools: to.request.tools.clone(),
                namespaces: to.request.namespaces.clone(),
                ..Request::default()
            },
            now: to.mint.now,
            ids: Ids::new(to.mint),
            whole: object::begun(to),
            sequence: 0,
            begun: false,
            output: Vec::new(),
            open: None,
            stop: None,
            counts: None,
            ahead: Ahead::default(),
        }
    }

    fn event(&mut self, kind: &str, rest: Value, out: &mut Vec<u8>) {
        let mut event = Map::new();
        event.insert("type".to_owned(), kind.into());
        event.insert("sequence_number".to_owned(), self.sequence.into());
        if let Value::Object(rest) = rest {
            event.extend(rest);
        }
        self.sequence += 1;
        events::write_named(out, kind, &Value::Object(event));
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            let response = Value::Object(self.whole.clone());
            self.event("response.created", json!({"response": response}), out);
            self.event("response.in_progress", json!({"response": response}), out);
        }
    }

    /// An event about the item that is open, or about a part of it.
    fn about(&mut self, kind: &str, id: &str, part: Value, out: &mut Vec<u8>) {
        let mut rest = json!({"item_id": id, "output_index": self.output.len()});
        if let (Value::Object(rest), Value::Object(part)) = (&mut rest, part) {
            rest.extend(part);
        }
        self.event(kind, rest, out);
    }

    fn added(&mut self, item: &Value, out: &mut Vec<u8>) {
        self.event(
            "response.output_item.added",
            json!({"output_index": self.output.len(), "item": item}),
            out,
        );
    }

    fn finished(&mut self, item: Value, out: &mut Vec<u8>) {
        self.event(
            "response.output_item.done",
            json!({"output_index": self.output.len(), "item": item}),
            out,
        );
        self.output.push(item);
    }

    fn step(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Begin(begun) => {
                object::named(&mut self.whole, begun.id.as_deref(), begun.model.as_deref(), begun.created);
                self.begin(out);
            }
            Delta::Open(_, opening) => {
                self.begin(out);
                self.opening(opening, out);
            }
            Delta::Grow(_, text) => self.grow(&text, out),
            Delta::Logprobs(_, words) => {
                if matches!(self.open, Some(Item::Message { open: true, .. })) {
                    self.ahead.add(words);
                }
            }
            Delta::Sign(_, piece) => self.sign(&piece),
            Delta::Stop(stop) => {
                self.begin(out);
                self.finish(object::item_status(Some(&stop)), out);
                self.stop = Some(stop);
            }
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
            Delta::Close(_) if !self.ahead.is_empty() => self.grow("", out),
            Delta::Close(_) | Delta::Fault(_) => {}
        }
    }

    fn opening(&mut self, opening: Opening, out: &mut Vec<u8>) {
        match opening {
            Opening::Text => self.content(output::text("", Vec::new()), out),
            Opening::Refusal => self.content(output::refusal(""), out),
            Opening::Thought { id } => self.think(Thought { id, ..Thought::default() }, out),
            Opening::Call { id, name, custom } => {
                self.finish("completed", out);
                let named = Named::of(&name, custom, &self.asked);
                let (item, call) = (self.ids.next(named.prefix(), None), self.ids.call(&id));
                self.added(&named.item((&item, &call), "", "in_progress"), out);
                self.open = Some(Item::Call { id: item, call, named, said: String::new(), mark: None });
            }
            Opening::Whole(part) => self.whole_part(part, out),
        }
    }

    fn whole_part(&mut self, part: Part, out: &mut Vec<u8>) {
        let item = match part {
            Part::Text(_) | Part::Refusal(_) | Part::Call(_) | Part::Outcome(_) | Part::CachePoint(_) => None,
            Part::Cited(Wire::Responses, source) => {
                self.cite(&source, out);
                None
            }
            Part::Thought(thought) => {
                self.think(Thought { text: String::new(), ..thought.clone() }, out);
                if !thought.text.is_empty() {
                    self.grow(&thought.text, out);
                }
                None
            }
            Part::Image(media) => output::image(&media, &mut self.ids),
            Part::Opaque(Wire::Responses, item) => Some(item),
            Part::Audio(_) | Part::File(_) | Part::Cited(..) | Part::Opaque(..) => None,
        };
        if let Some(item) = item {
            self.finish("completed", out);
            self.added(&item, out);
            self.finished(item, out);
        }
    }

    /// A new part of a message, which begins one unless it is open.
    fn content(&mut self, part: Value, out: &mut Vec<u8>) {
        if matches!(self.open, Some(Item::Message { .. })) {
            self.close_content(out);
        } else {
            self.finish("completed", out);
            let id = self.ids.next("msg_", None);
            self.added(&output::message(&id, Vec::new(), "in_progress"), out);
            self.open = Some(Item::Message { id, content: Vec::new(), open: false });
        }
        let Some(Item::Message { id, content, open }) = &mut self.open else { return };
        let (id, index) = (id.clone(), content.len());
        content.push(part.clone());
        *open = true;
        self.about("response.content_part.added", &id, json!({"content_index": index, "part": part}), out);
    }

    fn close_content(&mut self, out: &mut Vec<u8>) {
        let Some(Item::Message { id, content, open: open @ true }) = &mut self.open else { return };
        *open = false;
        let (Some(part), index) = (content.last().cloned(), content.len() - 1) else { return };
        let id = id.clone();
        if part["type"] == "refusal" {
            let rest = json!({"content_index": index, "refusal": part["refusal"]});
            self.about("response.refusal.done", &id, rest, out);
        } else {
            let words = part["logprobs"].as_array().map(|words| without_bytes(words));
            let words = words.unwrap_or_default();
            let rest = json!({"content_index": index, "text": part["text"], "logprobs": words});
            self.about("response.output_text.done", &id, rest, out);
        }
        self.about("response.content_part.done", &id, json!({"content_index": index, "part": part}), out);
    }

    fn cite(&mut self, source: &Value, out: &mut Vec<u8>) {
        let Some(Item::Message { id, content, open: true }) = &mut self.open else { return };
        let Some(index) = output::annotate(content.last_mut(), source) else { return };
        let (id, at) = (id.clone(), content.len() - 1);
        let rest = json!({"content_index": at, "annotation_index": index, "annotation": source});
        self.about("response.output_text.annotation.added", &id, rest, out);
    }

    fn think(&mut self, thought: Thought, out: &mut Vec<u8>) {
        self.finish("completed", out);
        let id = self.ids.next("rs_", thought.id.as_deref());
        self.added(&output::reasoning(&id, &Thought::default()), out);
        self.open = Some(Item::Thought { id, thought });
    }

    fn grow(&mut self, text: &str, out: &mut Vec<u8>) {
        let (kind, id, rest) = match &mut self.open {
            Some(Item::Message { id, content, open: true }) => {
                let index = content.len() - 1;
                let Some(part) = content.last_mut() else { return };
                let refusal = part["type"] == "refusal";
                let field = if refusal { "refusal" } else { "text" };
                let words = self.ahead.take().unwrap_or_default();
                if let Some(all) = part.get_mut("logprobs").and_then(Value::as_array_mut) {
                    all.extend(words.iter().cloned());
                }
                if let Some(Value::String(said)) = part.get_mut(field) {
                    said.push_str(text);
                }
                let mut rest = json!({"content_index": index, "delta": text});
                if refusal {
                    ("response.refusal.delta", id.clone(), rest)
                } else {
                    rest["logprobs"] = without_bytes(&words).into();
                    ("response.output_text.delta", id.clone(), rest)
                }
            }
            Some(Item::Thought { id, thought }) => {
                let (id, first) = (id.clone(), thought.text.is_empty());
                thought.text.push_str(text);
                if first {
                    let rest = json!({"summary_index": 0, "part": output::summary("")});
                    self.about("response.reasoning_summary_part.added", &id, rest, out);
                }
                let rest = json!({"summary_index": 0, "delta": text});
                ("response.reasoning_summary_text.delta", id, rest)
            }
            Some(Item::Call { id, named, said, .. }) => {
                said.push_str(text);
                if named.wrapped {
                    // The text is inside of arguments that must be whole first.
                    return;
                }
                (delta_of(named), id.clone(), json!({"delta": text}))
            }
            _ => return,
        };
        self.about(kind, &id, rest, out);
    }

    fn sign(&mut self, piece: &str) {
        match &mut self.open {
            Some(Item::Thought { thought, .. }) => {
                thought.signature.get_or_insert_default().push_str(piece);
            }
            Some(Item::Call { mark, .. }) => mark.get_or_insert_default().push_str(piece),
            _ => {}
        }
    }

    /// Ends the item that is open.
    fn finish(&mut self, status: &str, out: &mut Vec<u8>) {
        self.close_content(out);
        match self.open.take() {
            None => {}
            Some(Item::Message { id, content, .. }) => {
                self.finished(output::message(&id, content, status), out);
            }
            Some(Item::Thought { id, thought }) => {
                if !thought.text.is_empty() {
                    let rest = json!({"summary_index": 0, "text": thought.text});
                    self.about("response.reasoning_summary_text.done", &id, rest, out);
                    let rest = json!({"summary_index": 0, "part": output::summary(&thought.text)});
                    self.about("response.reasoning_summary_part.done", &id, rest, out);
                }
                self.finished(output::reasoning(&id, &thought), out);
            }
            Some(Item::Call { id, call, named, said, mark }) => {
                // Arguments are JSON, and those of a call without any are an empty object.
                let bare = said.is_empty() && !named.custom;
                let all = if bare { "{}".to_owned() } else { named.said(&said) };
                if bare || named.wrapped {
                    self.about(delta_of(&named), &id, json!({"delta": all}), out);
                }
                if named.custom {
                    self.about("response.custom_tool_call_input.done", &id, json!({"input": all}), out);
                } else {
                    let rest = json!({"name": named.name(), "arguments": all});
                    self.about("response.function_call_arguments.done", &id, rest, out);
                }
                let mut item = named.item((&id, &call), &all, status);
                output::mark(&mut item, mark.as_ref());
                self.finished(item, out);
            }
        }
    }
}

/// The event with a piece of what is said to a tool.
fn delta_of(named: &Named) -> &'static str {
    if named.custom {
        "response.custom_tool_call_input.delta"
    } else {
        "response.function_call_arguments.delta"
    }
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
        self.begin(out);
        let stop = self.stop.take();
        self.finish(object::item_status(stop.as_ref()), out);
        let output = std::mem::take(&mut self.output);
        object::end(&mut self.whole, stop.as_ref(), output, self.counts, self.now);
        let kind = format!("response.{}", object::ending(stop.as_ref()).0);
        let response = Value::Object(std::mem::take(&mut self.whole));
        self.event(&kind, json!({"response": response}), out);
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        self.event("error", json!({"code": kind.label(), "message": say, "param": null}), out);
    }
}
