//! The blocks messages are made of, which requests, answers and tools' results share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::json::{Fields, Object};
use super::super::{Habits, Wire};
use super::point::{cache_point, call_id};
use super::{Pen, media, outcome, unsayable};
use crate::hub::{Call, Part, Role, Thought, Unreadable};

/// Reads `content`; without it there is none.
pub(super) fn read_all(list: Option<Vec<Value>>, at: &str, role: Role) -> Result<Vec<Part>, Unreadable> {
    let mut parts = Vec::new();
    for (nth, block) in list.unwrap_or_default().into_iter().enumerate() {
        read(block, &format!("{at}[{nth}]"), role, &mut parts)?;
    }
    Ok(parts)
}

fn read(block: Value, at: &str, role: Role, parts: &mut Vec<Part>) -> Result<(), Unreadable> {
    let block = guarded(block);
    let mut fields = Fields::of(block.clone(), at)?;
    let opaque = |block| Part::Opaque(Wire::Converse, block);
    let part = if fields.has("text") {
        Part::Text(fields.need("text")?)
    } else if fields.has("toolUse") {
        call(fields.within("toolUse")?)?.unwrap_or_else(|| opaque(block))
    } else if fields.has("toolResult") && role != Role::Assistant {
        outcome::read(fields.within("toolResult")?)?.unwrap_or_else(|| opaque(block))
    } else if fields.has("reasoningContent") {
        thought(&block["reasoningContent"]).unwrap_or_else(|| opaque(block))
    } else if fields.has("cachePoint") {
        Part::CachePoint(fields.within("cachePoint")?.text("ttl")?)
    } else if fields.has("citationsContent") {
        cited(&block["citationsContent"], parts);
        return Ok(());
    } else {
        media::read(&block).unwrap_or_else(|| opaque(block))
    };
    parts.push(part);
    Ok(())
}

/// What a guardrail is to look at is said as well as all else; the marks mean nothing without the guardrail, whose own field tells
/// that it is left out.
fn guarded(block: Value) -> Value {
    let inner = &block["guardContent"];
    let plain = match (inner["text"]["text"].as_str(), &inner["image"]) {
        (Some(text), _) => Some(json!({"text": text})),
        (None, image @ Value::Object(_)) => Some(json!({"image": image})),
        _ => None,
    };
    plain.unwrap_or(block)
}

/// A call of a tool the caller runs. What the vendor ran itself has a `type`; some models write one (`tool_use`) beside every call.
fn call(mut tool: Fields) -> Result<Option<Part>, Unreadable> {
    if tool.text("type")?.is_some_and(|kind| kind != "tool_use") {
        return Ok(None);
    }
    let arguments = match tool.any("input") {
        None => "{}".to_owned(),
        // A call whose arguments are no whole JSON is written so.
        Some(Value::String(text)) => text,
        Some(input) => input.to_string(),
    };
    Ok(Some(Part::Call(Call {
        id: tool.need("toolUseId")?,
        name: tool.need("name")?,
        arguments,
        ..Call::default()
    })))
}

fn thought(block: &Value) -> Option<Part> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let thought = if block["reasoningText"].is_object() {
        Thought {
            text: text(&block["reasoningText"]["text"]).unwrap_or_default(),
            signature: text(&block["reasoningText"]["signature"]),
            ..Thought::default()
        }
    } else {
        Thought { sealed: Some(text(&block["redactedContent"])?), ..Thought::default() }
    };
    Some(Part::Thought(thought))
}

/// Text with its sources: the text, then each of them.
fn cited(block: &Value, parts: &mut Vec<Part>) {
    let list = |name: &str| block[name].as_array().cloned().unwrap_or_default();
    let text: String =
        list("content").iter().filter_map(|content| content["text"].as_str().map(str::to_owned)).collect();
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts.extend(list("citations").into_iter().map(|source| Part::Cited(Wire::Converse, source)));
}

/// Writes parts as blocks.
pub(super) fn write(parts: &[Part], role: Role, pen: &mut Pen<'_>) -> Result<Vec<Value>, Unreadable> {
    let mut blocks = Vec::with_capacity(parts.len());
    for part in parts {
        write_part(part, role, pen, &mut blocks)?;
    }
    Ok(blocks)
}

fn write_part(part: &Part, role: Role, pen: &mut Pen<'_>, blocks: &mut Vec<Value>) -> Result<(), Unreadable> {
    match part {
        Part::Text(text) => write_text(text, pen, blocks),
        Part::Refusal(text) => {
            pen.losses.add(&unsayable::REFUSAL);
            write_text(text, pen, blocks);
        }
        Part::Image(_) | Part::File(_) | Part::Audio(_) if pen.asks && role == Role::Assistant => {
            pen.losses.add(&unsayable::ASSISTANT_MEDIA);
        }
        Part::Image(image) => blocks.extend(media::image(image, pen)),
        Part::File(file) => blocks.extend(media::document(file, pen)),
        Part::Audio(sound) => blocks.extend(media::sound(sound, pen)?),
        Part::Thought(thought) => blocks.extend(thought_of(thought, pen)),
        Part::Call(call) => blocks.push(call_of(call, pen)?),
        Part::Outcome(outcome) => outcome::write(outcome, pen, blocks),
        Part::CachePoint(ttl) => blocks.push(cache_point(ttl.as_deref())),
        Part::Cited(Wire::Converse, source) => cite(source, blocks),
        Part::Cited(..) => pen.losses.add(&unsayable::CITED),
        Part::Opaque(Wire::Converse, block) => {
            pen.names.extend(block["document"]["name"].as_str().map(str::to_owned));
            blocks.push(block.clone());
        }
        Part::Opaque(..) => pen.losses.add(&unsayable::OPAQUE),
    }
    Ok(())
}

/// A block of nothing is refused, and says nothing.
fn write_text(text: &str, pen: &mut Pen<'_>, blocks: &mut Vec<Value>) {
    if pen.asks && text.trim().is_empty() {
        pen.losses.add_if(!text.is_empty(), &unsayable::BLANK);
    } else if !text.is_empty() {
        blocks.push(json!({"text": text}));
    }
}

/// `text` must be there, even where it is empty.
fn thought_of(thought: &Thought, pen: &mut Pen<'_>) -> Option<Value> {
    if pen.asks && !is_known(thought, pen.habits) {
        pen.losses.add(&unsayable::THOUGHT);
        return None;
    }
    Some(match &thought.sealed {
        Some(sealed) => json!({"reasoningContent": {"redactedContent": sealed}}),
        None => {
            let mut text = Object::default();
            text.put("text", thought.text.as_str()).maybe("signature", thought.signature.clone());
            json!({"reasoningContent": {"reasoningText": text.done()}})
        }
    })
}

/// Thoughts are taken back by the model that signed or sealed them.
pub(super) fn is_known(thought: &Thought, habits: Habits) -> bool {
    match &thought.sealed {
        // Anything but base64 is no blob, and so is not Bedrock's.
        Some(sealed) => STANDARD.decode(sealed).is_ok(),
        None => thought.signature.is_some() || habits.thoughts_back,
    }
}

fn call_of(call: &Call, pen: &mut Pen<'_>) -> Result<Value, Unreadable> {
    pen.losses.add_if(call.signature.is_some(), &unsayable::SIGNED_CALL);
    let input = match call.object() {
        _ if call.custom => {
            pen.losses.add(&unsayable::CUSTOM_TOOL);
            json!({"input": call.arguments})
        }
        Some(object) => object,
        None if pen.asks => {
            return Err(Unreadable::at(
                "messages",
                format!("The arguments of the call `{}` of `{}` are no JSON object.", call.id, call.name),
            ));
        }
        // An answer that was cut: its caller is to see how far it came.
        None => Value::String(call.arguments.clone()),
    };
    Ok(json!({"toolUse": {"toolUseId": call_id(&call.id, pen), "name": call.name, "input": input}}))
}

/// A source belongs to the text before it.
fn cite(source: &Value, blocks: &mut Vec<Value>) {
    let last = blocks.last_mut();
    if let Some(last) = last {
        if let Some(sources) = last.pointer_mut("/citationsContent/citations").and_then(Value::as_array_mut) {
            sources.push(source.clone());
            return;
        }
        if let Some(text) = last.get("text").cloned() {
            *last = json!({"citationsContent": {"content": [{"text": text}], "citations": [source]}});
            return;
        }
    }
    blocks.push(json!({"citationsContent": {"content": [], "citations": [source]}}));
}
