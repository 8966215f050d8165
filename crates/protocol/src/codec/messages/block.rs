//! Blocks, written.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::super::json::Object;
use super::super::{Habits, Wire};
use super::unsayable;
use crate::hub::{Call, File, Losses, Media, Outcome, Part, Source, Thought, Unreadable};

/// Where a block is to stand: not every one may stand everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Instructions that are said as such.
    System,
    /// Instructions that the user has to say.
    Instruction,
    /// What the user says.
    User,
    /// What the model said.
    Assistant,
    /// What came of a call.
    Outcome,
}

/// The blocks that parts of a request are.
pub(super) fn of(
    parts: &[Part],
    place: Place,
    habits: Habits,
    losses: &mut Losses,
) -> Result<Vec<Value>, Unreadable> {
    let mut blocks: Vec<Value> = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::CachePoint(ttl) => mark(blocks.last_mut(), ttl.as_deref(), losses),
            Part::Cited(Wire::Messages, citation) => cite(blocks.last_mut(), citation),
            Part::Text(text) | Part::Refusal(text) if text.is_empty() => {}
            Part::Text(text) | Part::Refusal(text) if text.trim().is_empty() => losses.add(&unsayable::BLANK),
            Part::Text(text) => blocks.push(text_block(text)),
            Part::Refusal(text) => {
                losses.add(&unsayable::REFUSAL);
                blocks.push(text_block(text));
            }
            Part::Image(_) | Part::Audio(_) | Part::File(_) => blocks.extend(media(part, place, losses)?),
            Part::Thought(thought) if place == Place::Assistant && is_known(thought, habits) => {
                blocks.push(thought_block(thought));
            }
            Part::Thought(_) => losses.add(&unsayable::THOUGHT),
            Part::Call(call) if place == Place::Assistant => blocks.push(earlier_call(call, losses)?),
            Part::Outcome(outcome) if place == Place::User => {
                blocks.push(outcome_block(outcome, habits, losses)?)
            }
            Part::Opaque(Wire::Messages, block) if place != Place::Instruction => blocks.push(block.clone()),
            Part::Opaque(..) | Part::Cited(..) | Part::Call(_) | Part::Outcome(_) => {
                losses.add(&unsayable::OPAQUE)
            }
        }
    }
    Ok(blocks)
}

/// A block of text.
pub(super) fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// A block of thoughts: sealed ones, or what was thought and the mark on it.
pub(super) fn thought_block(thought: &Thought) -> Value {
    match &thought.sealed {
        Some(data) => json!({"type": "redacted_thinking", "data": data}),
        None => {
            let mark = thought.signature.as_deref().unwrap_or_default();
            json!({"type": "thinking", "thinking": thought.text, "signature": mark})
        }
    }
}

/// A call, with what its arguments are as an object.
pub(super) fn call_block(id: &str, name: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

/// Free text as the arguments of a function.
pub(super) fn free_text(text: &str) -> Value {
    json!({"input": text})
}

/// Puts a cache point on the block before it.
fn mark(block: Option<&mut Value>, ttl: Option<&str>, losses: &mut Losses) {
    let thought = |block: &Value| block["type"] == "thinking" || block["type"] == "redacted_thinking";
    match block.filter(|block| !thought(block)).and_then(Value::as_object_mut) {
        Some(block) => {
            block.insert("cache_control".to_owned(), cache_control(ttl));
        }
        None => losses.add(&unsayable::CACHE_POINT),
    }
}

/// A cache point.
pub(super) fn cache_control(ttl: Option<&str>) -> Value {
    let mut mark = Object::default();
    mark.put("type", "ephemeral").maybe("ttl", ttl);
    mark.done()
}

/// Puts a citation to the text it belongs to.
pub(super) fn cite(block: Option<&mut Value>, citation: &Value) {
    let text = block.filter(|block| block["type"] == "text").and_then(Value::as_object_mut);
    let list = text.map(|text| text.entry("citations").or_insert_with(|| json!([])));
    if let Some(Value::Array(list)) = list {
        list.push(citation.clone());
    }
}

/// Pictures, sounds and documents, which only users and tools show.
fn media(part: &Part, place: Place, losses: &mut Losses) -> Result<Option<Value>, Unreadable> {
    if !matches!(place, Place::User | Place::Outcome) {
        losses.add(&unsayable::PLACE);
        return Ok(None);
    }
    let block = match part {
        Part::Image(media) => image(media, losses),
        Part::File(file) => Some(document(file)),
        _ => return Err(Unreadable::at("messages", "Anthropic Messages takes no sound.")),
    };
    losses.add_if(block.is_none(), &unsayable::OPAQUE);
    Ok(block)
}

fn image(media: &Media, losses: &mut Losses) -> Option<Value> {
    let known = |kind: &str| matches!(kind, "image/jpeg" | "image/png" | "image/gif" | "image/webp");
    match &media.source {
        Source::Text(_) => return None,
        Source::Data { kind, .. } if !known(kind) => {
            losses.add(&unsayable::IMAGE_KIND);
            return None;
        }
        Source::Data { .. } | Source::Url { .. } | Source::Stored(_) => {}
    }
    losses.add_if(media.detail.as_deref().is_some_and(|detail| detail != "auto"), &unsayable::DETAIL);
    Some(json!({"type": "image", "source": source(&media.source)}))
}

fn document(file: &File) -> Value {
    let mut document = Object::default();
    document.put("type", "document").put("source", source(&file.source)).maybe("title", file.name.clone());
    document.done()
}

fn source(source: &Source) -> Value {
    let text = |text: &str| json!({"type": "text", "media_type": "text/plain", "data": text});
    match source {
        // The only document in base64 is a PDF: what is text is said as such.
        Source::Data { kind, base64 } => match decoded(kind, base64) {
            Some(plain) => text(&plain),
            None => json!({"type": "base64", "media_type": kind, "data": base64}),
        },
        Source::Url { url, .. } => json!({"type": "url", "url": url}),
        Source::Stored(id) => json!({"type": "file", "file_id": id}),
        Source::Text(plain) => text(plain),
    }
}

/// The text in base64, if it is text.
fn decoded(kind: &str, base64: &str) -> Option<String> {
    use base64::Engine;
    let text = kind.starts_with("text/").then_some(base64)?;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).ok()?).ok()
}

/// Whether Anthropic knows earlier thoughts again. Those with an id are OpenAI's, and a signature is asked for unless the vendor only copies
/// the language.
pub(super) fn is_known(thought: &Thought, habits: Habits) -> bool {
    match (&thought.sealed, &thought.signature) {
        (Some(_), _) => thought.id.is_none(),
        (None, Some(_)) => true,
        (None, None) => habits.thoughts_back && !thought.text.is_empty(),
    }
}

fn earlier_call(call: &Call, losses: &mut Losses) -> Result<Value, Unreadable> {
    losses.add_if(call.signature.is_some(), &unsayable::CALL_SIGNATURE);
    losses.add_if(call.custom, &unsayable::CUSTOM_TOOL);
    let input = if call.custom { Some(free_text(&call.arguments)) } else { call.object() };
    let input = input.ok_or_else(|| {
        let say = format!(
            "The arguments of the call `{}` are no JSON object, and Anthropic Messages takes nothing else.",
            call.id
        );
        Unreadable::at("messages", say)
    })?;
    Ok(call_block(&known_id(&call.id, losses), &call.name, input))
}

fn outcome_block(outcome: &Outcome, habits: Habits, losses: &mut Losses) -> Result<Value, Unreadable> {
    let mut block = Object::default();
    block.put("type", "tool_result").put("tool_use_id", known_id(&outcome.call, losses));
    let content = of(&outcome.parts, Place::Outcome, habits, losses)?;
    block.maybe("content", (!content.is_empty()).then(|| shown(content)));
    block.maybe("is_error", outcome.failed.then_some(true));
    Ok(block.done())
}

/// The id of a call. Only letters, digits, `_` and `-` may stand in it, and others write more (`functions.get_time:0`).
fn known_id<'a>(id: &'a str, losses: &mut Losses) -> Cow<'a, str> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if id.chars().all(fits) {
        return Cow::Borrowed(id);
    }
    losses.add(&unsayable::CALL_ID);
    Cow::Owned(id.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect())
}

/// Blocks as content: a single text as itself.
pub(super) fn shown(mut blocks: Vec<Value>) -> Value {
    match blocks.as_mut_slice() {
        [Value::Object(one)] if one.len() == 2 && one.get("type").is_some_and(|kind| kind == "text") => {
            one.get_mut("text").map(Value::take).unwrap_or_default()
        }
        _ => Value::Array(blocks),
    }
}
