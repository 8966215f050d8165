//! One event of a stream, taken apart: where its JSON stands, where a value in it stands, and what it adds to an answer.
//!
//! Sources: OpenAI API reference, "Streaming events" of chat, completions and Responses; Anthropic API reference, "Streaming
//! messages"; the recorded streams.

use std::ops::Range;

use serde_json::Value;

use crate::dialect::Dialect;
use crate::envelope;
use crate::envelope::scan::Scan;
use crate::operation::Operation;

/// Where the JSON of an event with one data line begins; `None` for anything else. A byte order mark, other fields and
/// comments may stand around it.
pub(super) fn data(event: &[u8]) -> Option<usize> {
    let mut found = None;
    let mut from = 0;
    for line in event.split_inclusive(|&b| b == b'\n' || b == b'\r') {
        let mark = if from == 0 && line.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        if let Some(rest) = line[mark..].strip_prefix(b"data:") {
            let blank = rest.iter().take_while(|&&b| b == b' ').count();
            if found.is_some() || rest.get(blank) != Some(&b'{') {
                return None;
            }
            found = Some(from + mark + 5 + blank);
        }
        from += line.len();
    }
    found
}

/// Whether an event has any data at all; comments and heartbeats have none.
pub(super) fn has_data(event: &[u8]) -> bool {
    event.split(|&b| b == b'\n' || b == b'\r').any(|line| line.starts_with(b"data:"))
}

/// Whether an event is `data: [DONE]`.
pub fn is_done(event: &[u8]) -> bool {
    let mut lines = event.split(|&b| b == b'\n' || b == b'\r');
    lines.any(|line| line.strip_prefix(b"data:").is_some_and(|data| data.trim_ascii_start() == b"[DONE]"))
}

/// A step into a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The member of that name.
    Member(&'static str),
    /// The first element.
    First,
}

/// Where the value at the end of a path stands in the value `json` begins with.
pub(super) fn place(json: &[u8], path: &[Step]) -> Option<Range<usize>> {
    let mut place = 0..json.len();
    for step in path {
        let here = json.get(place.clone())?;
        let inside = match (step, here.first()?) {
            (Step::Member(name), b'{') => envelope::member(here, name)?.value,
            (Step::First, b'[') => first(here)?,
            _ => return None,
        };
        place = place.start + inside.start..place.start + inside.end;
    }
    Some(place)
}

/// Where the first element of an array stands.
fn first(array: &[u8]) -> Option<Range<usize>> {
    let (mut scan, mut found) = (Scan::new(array), None);
    let walked = scan.elements(|scan| {
        let from = scan.at();
        scan.value(2)?;
        found.get_or_insert(from..scan.at());
        Ok(())
    });
    walked.ok().and(found)
}

/// The languages of streams whose text is understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tongue {
    /// Chat completions.
    Chat,
    /// Completions of a text.
    Text,
    /// Responses.
    Responses,
    /// Messages.
    Messages,
}

impl Tongue {
    pub(super) fn of(operation: Operation, dialect: Dialect) -> Option<Self> {
        match (operation, dialect) {
            (Operation::Chat, Dialect::OpenAi) => Some(Self::Chat),
            (Operation::Completions, Dialect::OpenAi) => Some(Self::Text),
            (Operation::Responses, Dialect::OpenAi) => Some(Self::Responses),
            (Operation::Messages, Dialect::Anthropic) => Some(Self::Messages),
            _ => None,
        }
    }

    /// The way to the text an event adds.
    pub(super) fn way(self) -> &'static [Step] {
        match self {
            Self::Chat => {
                &[Step::Member("choices"), Step::First, Step::Member("delta"), Step::Member("content")]
            }
            Self::Text => &[Step::Member("choices"), Step::First, Step::Member("text")],
            Self::Responses => &[Step::Member("delta")],
            Self::Messages => &[Step::Member("delta"), Step::Member("text")],
        }
    }
}

/// What one event adds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// The text it adds; empty where it has an empty one.
    pub(super) text: Option<String>,
    /// It begins the answer.
    pub(super) opens: bool,
    /// It begins the message which the parts belong to (Responses).
    pub(super) opens_item: bool,
    /// It begins a part of the answer that is text.
    pub(super) opens_text: bool,
    /// It ends such a part.
    pub(super) closes_text: bool,
    /// It ends the answer, with the reason.
    pub(super) finishes: bool,
    /// It counts tokens.
    pub(super) counts: bool,
    /// It adds something that is no text of the first choice.
    pub(super) more: bool,
    /// The answer's name for itself.
    pub(super) id: Option<String>,
    /// When the answer was begun, in seconds since 1970.
    pub(super) created: Option<u64>,
    /// Who answers.
    pub(super) model: Option<String>,
    /// The message's name for itself (Responses).
    pub(super) item: Option<String>,
    /// The event's number (Responses).
    pub(super) number: Option<u64>,
}

impl Piece {
    /// Reads the JSON of an event; `None` if it is none.
    pub(super) fn read(tongue: Tongue, json: &[u8]) -> Option<Self> {
        let mut values = serde_json::Deserializer::from_slice(json).into_iter::<Value>();
        let event = values.next()?.ok()?;
        let mut piece = Self::default();
        match tongue {
            Tongue::Chat | Tongue::Text => piece.take_chunk(&event, tongue),
            Tongue::Responses => piece.take_response(&event),
            Tongue::Messages => piece.take_message(&event),
        }
        Some(piece)
    }

    /// Whether it adds nothing at all, to text or anything else.
    pub(super) fn is_empty(&self) -> bool {
        let text = self.text.as_deref().unwrap_or_default();
        text.is_empty() && !self.finishes && !self.counts && !self.more && !self.closes_text
    }

    fn take_chunk(&mut self, chunk: &Value, tongue: Tongue) {
        self.names(chunk, "created");
        self.counts = chunk["usage"].is_object();
        let choices = chunk["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.more = choices.len() > 1 || !chunk["error"].is_null();
        let Some(choice) = choices.first() else { return };
        self.more |= choice["index"].as_u64().is_some_and(|index| index > 0) || says(&choice["logprobs"]);
        self.finishes = choice["finish_reason"].as_str().is_some_and(|reason| !reason.is_empty());
        let said = match tongue {
            Tongue::Chat => &choice["delta"]["content"],
            _ => &choice["text"],
        };
        self.text = said.as_str().map(str::to_owned);
        self.more |= says(said) && self.text.is_none();
        self.opens = choice["delta"]["role"].is_string();
        let delta = choice["delta"].as_object().into_iter().flatten();
        self.more |=
            delta.into_iter().any(|(name, value)| !matches!(&**name, "role" | "content") && says(value));
    }

    fn take_message(&mut self, event: &Value) {
        let first = event["index"].as_u64() == Some(0);
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                self.opens = true;
                self.names(&event["message"], "");
                self.more = says(&event["message"]["content"]);
            }
            "content_block_start" => {
                let block = &event["content_block"];
                self.opens_text = first && block["type"] == "text";
                self.more = !self.opens_text || says(&block["text"]) || says(&block["citations"]);
            }
            "content_block_delta" => {
                let right = first && event["delta"]["type"] == "text_delta";
                self.text = event["delta"]["text"].as_str().filter(|_| right).map(str::to_owned);
                self.more = self.text.is_none();
            }
            "content_block_stop" => self.closes_text = true,
            "message_delta" => {
                self.finishes = event["delta"]["stop_reason"].is_string();
                self.counts = event["usage"].is_object();
            }
            "message_stop" => self.finishes = true,
            "ping" => {}
            _ => self.more = true,
        }
    }

    fn take_response(&mut self, event: &Value) {
        let first = |name: &str| event[name].as_u64().is_none_or(|index| index == 0);
        self.number = event["sequence_number"].as_u64();
        match event["type"].as_str().unwrap_or_default() {
            "response.created" | "response.queued" | "response.in_progress" => {
                self.opens = true;
                self.names(&event["response"], "created_at");
            }
            "response.output_item.added" => {
                self.opens_item = first("output_index") && event["item"]["type"] == "message";
                self.item = event["item"]["id"].as_str().map(str::to_owned);
                self.more = !self.opens_item || says(&event["item"]["content"]);
            }
            "response.content_part.added" => {
                self.opens_text = first("content_index") && event["part"]["type"] == "output_text";
                self.more = !self.opens_text || says(&event["part"]["text"]);
            }
            "response.output_text.delta" => {
                self.text = event["delta"].as_str().map(str::to_owned);
                self.more = self.text.is_none() || says(&event["logprobs"]);
            }
            "response.output_text.done" | "response.content_part.done" | "response.output_item.done" => {
                self.closes_text = true;
            }
            "response.completed" | "response.incomplete" => (self.finishes, self.counts) = (true, true),
            _ => self.more = true,
        }
    }

    fn names(&mut self, answer: &Value, created: &str) {
        let text = |name: &str| answer[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        (self.id, self.model) = (text("id"), text("model"));
        self.created = answer[created].as_u64().filter(|&seconds| seconds > 0);
    }
}

/// Whether a value says anything: what is missing, null or empty does not.
fn says(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
