//! Content, read: a text, or blocks.

use serde_json::{Map, Value};

use super::super::Wire;
use super::super::json::{Fields, wrong};
use crate::hub::{Call, File, Media, Outcome, Part, Source, Thought, Unreadable};

/// Fields inside of others that the hub has no word for, by their path without numbers (`tools.defer_loading`).
pub(super) type Left = Map<String, Value>;

/// `content`.
pub(super) fn read(fields: &mut Fields, left: &mut Left) -> Result<Vec<Part>, Unreadable> {
    let at = fields.path("content");
    match fields.any("content") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text(text)]),
        Some(Value::Array(blocks)) => parts_of(blocks, &at, left),
        Some(other) => Err(wrong(&at, "a string or an array of blocks", &other)),
    }
}

/// The parts that blocks are.
pub(super) fn parts_of(blocks: Vec<Value>, at: &str, left: &mut Left) -> Result<Vec<Part>, Unreadable> {
    let mut parts = Vec::with_capacity(blocks.len());
    for (nth, block) in blocks.into_iter().enumerate() {
        read_block(block, format!("{at}[{nth}]"), &mut parts, left)?;
    }
    Ok(parts)
}

/// One block: what it says, its citations behind it, and the cache point behind those.
fn read_block(
    mut block: Value,
    at: String,
    parts: &mut Vec<Part>,
    left: &mut Left,
) -> Result<(), Unreadable> {
    let cache = cache_point(&mut block);
    if is_known(&block) {
        let mut fields = Fields::of(block, at)?;
        read_known(&mut fields, parts, left)?;
        leave(fields, left);
    } else if block["type"].is_string() {
        parts.push(Part::Opaque(Wire::Messages, block));
    } else {
        return Err(Fields::of(block, at)?.missing("type"));
    }
    parts.extend(cache.map(Part::CachePoint));
    Ok(())
}

/// Whether the hub has words for a block. Server tools and what came of them, search results and documents made of blocks are
/// kept whole.
fn is_known(block: &Value) -> bool {
    let source = block["source"]["type"].as_str();
    match block["type"].as_str() {
        Some("text" | "thinking" | "redacted_thinking" | "tool_use" | "tool_result") => true,
        Some("image") => matches!(source, Some("base64" | "url" | "file")),
        Some("document") => matches!(source, Some("base64" | "url" | "file" | "text")),
        _ => false,
    }
}

fn read_known(fields: &mut Fields, parts: &mut Vec<Part>, left: &mut Left) -> Result<(), Unreadable> {
    parts.push(match fields.need("type")?.as_str() {
        "text" => {
            parts.push(Part::Text(fields.need("text")?));
            if let Some(Value::Array(citations)) = fields.any("citations") {
                parts.extend(citations.into_iter().map(|citation| Part::Cited(Wire::Messages, citation)));
            }
            return Ok(());
        }
        "image" => Part::Image(Media::new(source(fields)?)),
        "document" => Part::File(document(fields, left)?),
        "thinking" => Part::Thought(Thought {
            text: fields.text("thinking")?.unwrap_or_default(),
            // The gateway itself writes an empty one where the vendor signs nothing.
            signature: fields.text("signature")?.filter(|mark| !mark.is_empty()),
            ..Thought::default()
        }),
        "redacted_thinking" => {
            Part::Thought(Thought { sealed: Some(fields.need("data")?), ..Thought::default() })
        }
        "tool_use" => Part::Call(call(fields, left)?),
        _ => Part::Outcome(Outcome {
            call: fields.need("tool_use_id")?,
            failed: fields.flag("is_error")?.unwrap_or_default(),
            parts: read(fields, left)?,
            ..Outcome::default()
        }),
    });
    Ok(())
}

fn source(fields: &mut Fields) -> Result<Source, Unreadable> {
    let mut source = fields.within("source")?;
    Ok(match source.need("type")?.as_str() {
        "base64" => Source::Data { kind: source.need("media_type")?, base64: source.need("data")? },
        "url" => Source::of_url(&source.need("url")?),
        "file" => Source::Stored(source.need("file_id")?),
        _ => Source::Text(source.need("data")?),
    })
}

fn document(fields: &mut Fields, left: &mut Left) -> Result<File, Unreadable> {
    // Citations that are not wanted are as good as none.
    if let Some(citations) = fields.any("citations").filter(|citations| citations["enabled"] == true) {
        keep(&fields.path("citations"), citations, left);
    }
    Ok(File { source: source(fields)?, name: fields.text("title")? })
}

fn call(fields: &mut Fields, left: &mut Left) -> Result<Call, Unreadable> {
    // The model itself is who makes calls; code it runs may do so too, and waits for the outcome.
    if let Some(caller) = fields.any("caller").filter(|caller| caller["type"] != "direct") {
        keep(&fields.path("caller"), caller, left);
    }
    let arguments = match fields.any("input") {
        None => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(input) => input.to_string(),
    };
    Ok(Call { id: fields.need("id")?, name: fields.need("name")?, arguments, ..Call::default() })
}

/// Takes the cache point off a block or a tool.
pub(super) fn cache_point(marked: &mut Value) -> Option<Option<String>> {
    let mark = marked.as_object_mut()?.shift_remove("cache_control")?;
    mark.is_object().then(|| mark["ttl"].as_str().map(str::to_owned))
}

/// Keeps what nobody took.
pub(super) fn leave(fields: Fields, left: &mut Left) {
    let at = fields.path("");
    for (name, value) in fields.rest() {
        keep(&format!("{at}{name}"), value, left);
    }
}

/// Keeps a field by its path without numbers: `messages[3].content[0].caller` as `messages.content.caller`.
fn keep(path: &str, value: Value, left: &mut Left) {
    let name: String =
        path.split('[').map(|piece| piece.split_once(']').map_or(piece, |(_, behind)| behind)).collect();
    left.entry(name).or_insert(value);
}
