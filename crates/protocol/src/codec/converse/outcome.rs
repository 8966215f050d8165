//! What came of a call: `toolResult`.

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object};
use super::{Pen, media, point, unsayable};
use crate::hub::{Outcome, Part, Unreadable};

/// Reads one; `None`: the vendor ran the tool itself, which its `type` says.
pub(super) fn read(mut result: Fields) -> Result<Option<Part>, Unreadable> {
    if result.has("type") {
        return Ok(None);
    }
    let call = result.need("toolUseId")?;
    let failed = result.text("status")?.as_deref() == Some("error");
    let parts = result.list("content")?.unwrap_or_default().into_iter().map(part).collect();
    Ok(Some(Part::Outcome(Outcome { call, parts, failed, ..Outcome::default() })))
}

fn part(block: Value) -> Part {
    if let Some(text) = block["text"].as_str() {
        return Part::Text(text.to_owned());
    }
    match block.get("json") {
        // Others have text for it.
        Some(json) => Part::Text(json.to_string()),
        None => media::read(&block).unwrap_or(Part::Opaque(Wire::Converse, block)),
    }
}

/// Writes one. A cache point among what it gave follows behind it.
pub(super) fn write(outcome: &Outcome, pen: &mut Pen<'_>, blocks: &mut Vec<Value>) {
    let (mut content, mut behind) = (Vec::new(), Vec::new());
    for part in &outcome.parts {
        match part {
            // Blank text is taken here, and that a tool gave nothing is worth knowing.
            Part::Text(text) | Part::Refusal(text) => content.push(json!({"text": text})),
            Part::Image(image) => content.extend(media::image(image, pen)),
            Part::File(file) => content.extend(media::document(file, pen)),
            Part::CachePoint(ttl) => behind.push(point::cache_point(ttl.as_deref())),
            Part::Opaque(Wire::Converse, block) => content.push(block.clone()),
            Part::Audio(_) => pen.losses.add(&unsayable::OUTCOME_AUDIO),
            Part::Cited(..) => pen.losses.add(&unsayable::CITED),
            Part::Opaque(..) | Part::Thought(_) | Part::Call(_) | Part::Outcome(_) => {
                pen.losses.add(&unsayable::OPAQUE);
            }
        }
    }
    if content.is_empty() {
        // Some models refuse an empty list, and all take an empty text.
        content.push(json!({"text": ""}));
    }
    let mut result = Object::default();
    result.put("toolUseId", point::call_id(&outcome.call, pen)).put("content", content);
    // Said only where it says something: not every model knows the word.
    result.maybe("status", outcome.failed.then_some("error"));
    blocks.push(json!({"toolResult": result.done()}));
    blocks.extend(behind);
}
