//! What a message or an outcome is made of: read, and written for a request.

use serde_json::{Map, Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object, wrong};
use super::output::annotate;
use super::tools::keep;
use super::unsayable;
use crate::hub::{File, Losses, Media, Part, Source, Unreadable};

/// A text, or parts.
pub(super) fn read(
    fields: &mut Fields,
    name: &str,
    rest: &mut Map<String, Value>,
) -> Result<Vec<Part>, Unreadable> {
    let at = fields.path(name);
    match fields.any(name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text(text)]),
        Some(Value::Array(list)) => {
            let mut parts = Vec::with_capacity(list.len());
            for (nth, part) in list.into_iter().enumerate() {
                read_part(part, &format!("{at}[{nth}]"), &mut parts, rest)?;
            }
            Ok(parts)
        }
        Some(other) => Err(wrong(&at, "a string or an array of parts", &other)),
    }
}

fn read_part(
    part: Value,
    at: &str,
    parts: &mut Vec<Part>,
    rest: &mut Map<String, Value>,
) -> Result<(), Unreadable> {
    let mut fields = Fields::of(part.clone(), at)?;
    let kind = fields.need("type")?;
    match kind.as_str() {
        "input_text" | "output_text" | "text" => {
            parts.push(Part::Text(fields.need("text")?));
            let annotations = fields.list("annotations")?.unwrap_or_default();
            parts.extend(annotations.into_iter().map(|cited| Part::Cited(Wire::Responses, cited)));
            // What was said before is given back with all that the answer had.
            fields.any("logprobs");
        }
        "refusal" => parts.push(Part::Refusal(fields.need("refusal")?)),
        "input_image" => parts.push(Part::Image(image(&mut fields)?)),
        "input_file" => parts.push(Part::File(file(&mut fields)?)),
        "input_audio" => {
            let mut audio = fields.within("input_audio")?;
            let (base64, format) = (audio.need("data")?, audio.need("format")?);
            parts.push(Part::Audio(Media::new(Source::Data { kind: format!("audio/{format}"), base64 })));
        }
        _ => {
            parts.push(Part::Opaque(Wire::Responses, part));
            return Ok(());
        }
    }
    if fields.any("prompt_cache_breakpoint").is_some() {
        parts.push(Part::CachePoint(None));
    }
    keep("input.content", fields, rest);
    Ok(())
}

fn image(fields: &mut Fields) -> Result<Media, Unreadable> {
    let detail = fields.text("detail")?.filter(|detail| detail != UNWISHED);
    let source = match (fields.text("file_id")?, fields.text("image_url")?) {
        (Some(id), _) => Source::Stored(id),
        (None, Some(url)) => Source::of_url(&url),
        (None, None) => return Err(fields.missing("image_url")),
    };
    Ok(Media { source, detail })
}

fn file(fields: &mut Fields) -> Result<File, Unreadable> {
    let name = fields.text("filename")?;
    let (id, data, url) = (fields.text("file_id")?, fields.text("file_data")?, fields.text("file_url")?);
    let source = match (id, data, url) {
        (Some(id), ..) => Source::Stored(id),
        (None, Some(data), _) => match Source::of_url(&data) {
            Source::Url { .. } => Source::Data { kind: "application/pdf".to_owned(), base64: data },
            taken => taken,
        },
        (None, None, Some(url)) => Source::Url { url, kind: None },
        (None, None, None) => return Err(fields.missing("file_data")),
    };
    Ok(File { source, name })
}

/// Whether what only this language knows stands inside a message, and not beside messages.
pub(super) fn is_inside(opaque: &Value) -> bool {
    let kind = opaque["type"].as_str().unwrap_or_default();
    kind.starts_with("input_")
        || kind.starts_with("output_")
        || matches!(kind, "computer_screenshot" | "encrypted_content" | "reasoning_text" | "summary_text")
}

/// Parts as `content` of a request: a single plain text as itself. `spoken`: the model said it.
pub(super) fn shown(parts: &[Part], spoken: bool, losses: &mut Losses) -> Result<Value, Unreadable> {
    let mut written: Vec<Value> = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Cited(Wire::Responses, source) => {
                annotate(written.last_mut(), source);
            }
            other => written.extend(shown_part(other, spoken, losses)?),
        }
    }
    Ok(match written.as_slice() {
        [] => json!(""),
        [one] if is_plain(one) => one["text"].clone(),
        _ => Value::Array(written),
    })
}

/// A text without sources.
fn is_plain(part: &Value) -> bool {
    part["text"].is_string() && part["annotations"].as_array().is_none_or(Vec::is_empty)
}

fn shown_part(part: &Part, spoken: bool, losses: &mut Losses) -> Result<Option<Value>, Unreadable> {
    let lost = match part {
        Part::Text(text) if spoken => {
            return Ok(Some(json!({"type": "output_text", "text": text, "annotations": []})));
        }
        Part::Text(text) => return Ok(Some(json!({"type": "input_text", "text": text}))),
        Part::Refusal(text) => return Ok(Some(json!({"type": "refusal", "refusal": text}))),
        Part::Image(_) | Part::Audio(_) | Part::File(_) if spoken => &unsayable::ASSISTANT_MEDIA,
        Part::Image(media) => match image_of(media) {
            Some(image) => return Ok(Some(image)),
            None => &unsayable::OPAQUE,
        },
        Part::File(file) => return Ok(Some(file_of(file))),
        Part::Audio(_) => {
            return Err(Unreadable::at(
                "input",
                "OpenAI's Responses takes no sounds; Chat Completions does.",
            ));
        }
        Part::Opaque(Wire::Responses, part) => return Ok(Some(part.clone())),
        Part::CachePoint(_) => &unsayable::CACHE_POINT,
        Part::Thought(_) => &unsayable::THOUGHT,
        Part::Cited(..) => &unsayable::CITED,
        Part::Opaque(..) | Part::Call(_) | Part::Outcome(_) => &unsayable::OPAQUE,
    };
    losses.add(lost);
    Ok(None)
}

/// How closely a picture is looked at where nobody wishes anything.
const UNWISHED: &str = "auto";

fn image_of(media: &Media) -> Option<Value> {
    let mut image = Object::default();
    image.put("type", "input_image");
    match &media.source {
        Source::Stored(id) => image.put("file_id", id.as_str()),
        source => image.put("image_url", source.url()?),
    };
    // Required, and `auto` where nothing else is wished.
    image.put("detail", media.detail.as_deref().unwrap_or(UNWISHED));
    Some(image.done())
}

fn file_of(file: &File) -> Value {
    use base64::Engine;
    let mut object = Object::default();
    object.put("type", "input_file");
    match &file.source {
        Source::Stored(id) => object.put("file_id", id.as_str()).maybe("filename", file.name.clone()),
        Source::Url { url, .. } => object.put("file_url", url.as_str()).maybe("filename", file.name.clone()),
        Source::Data { .. } => {
            object.put("filename", file.name.as_deref().unwrap_or("document.pdf"));
            object.maybe("file_data", file.source.url())
        }
        Source::Text(text) => {
            let base64 = base64::engine::general_purpose::STANDARD.encode(text);
            object.put("filename", file.name.as_deref().unwrap_or("document.txt"));
            object.put("file_data", format!("data:text/plain;base64,{base64}"))
        }
    };
    object.done()
}
