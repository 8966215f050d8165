//! Parts: what contents and answers are made of.

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object};
use super::{mark, spelling, unsayable};
use crate::hub::part::text_of;
use crate::hub::{Call, File, Media, Outcome, Part, Source, Thought, Unreadable, Unsayable};

/// What stands for the mark of a call that another model made, so that Gemini 3 takes it: `skip_thought_signature_validator` in base64
/// ("Thought signatures"). It marks nothing.
pub(super) const NO_MARK: [&str; 2] =
    ["c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", "skip_thought_signature_validator"];

/// Reads one part. Usually it is one of the hub's, too. Ids of calls are empty where there are none; what nobody took goes into `rest`.
pub(super) fn read(part: Value, at: String, rest: &mut Map<String, Value>) -> Result<Vec<Part>, Unreadable> {
    let mut fields = spelling::fields(part.clone(), at)?;
    let mark = fields.text("thoughtSignature")?.filter(|mark| !NO_MARK.contains(&mark.as_str()));
    let mark = mark.map(mark::read);
    let thought = fields.flag("thought")?.unwrap_or_default();
    let found = if fields.has("functionCall") {
        let mut call = spelling::within(&mut fields, "functionCall")?;
        let arguments =
            call.object("args")?.map_or_else(|| "{}".to_owned(), |args| Value::Object(args).to_string());
        let read = Call {
            id: call.text("id")?.unwrap_or_default(),
            name: call.need("name")?,
            arguments,
            custom: false,
            signature: mark,
        };
        spelling::keep(call, rest);
        spelling::keep(fields, rest);
        return Ok(vec![Part::Call(read)]);
    } else if fields.has("functionResponse") {
        Some(Part::Outcome(outcome(spelling::within(&mut fields, "functionResponse")?, rest)?))
    } else if fields.has("inlineData") || fields.has("fileData") {
        Some(media(&mut fields, rest)?)
    } else if let Some(text) = fields.text("text")? {
        if thought {
            let thought = Thought { text, signature: mark, ..Thought::default() };
            spelling::keep(fields, rest);
            let any = !thought.text.is_empty() || thought.signature.is_some();
            return Ok(any.then_some(Part::Thought(thought)).into_iter().collect());
        }
        (mark.is_none() || !text.is_empty()).then_some(Part::Text(text))
    } else if !fields.is_empty() {
        return Ok(vec![Part::Opaque(Wire::Gemini, part)]);
    } else {
        None
    };
    spelling::keep(fields, rest);
    let mark = mark.map(|mark| Part::Thought(Thought { signature: Some(mark), ..Thought::default() }));
    Ok(mark.into_iter().chain(found).collect())
}

/// `inlineData` or `fileData`: a picture, a sound, or any other document.
fn media(fields: &mut Fields, rest: &mut Map<String, Value>) -> Result<Part, Unreadable> {
    let (source, guessed, name) = if fields.has("inlineData") {
        let mut blob = spelling::within(fields, "inlineData")?;
        let kind = blob.text("mimeType")?.unwrap_or_default();
        let base64 = mark::usual(blob.text("data")?.unwrap_or_default());
        let name = blob.text("displayName")?;
        spelling::keep(blob, rest);
        (Source::Data { kind: kind.clone(), base64 }, kind, name)
    } else {
        let mut file = spelling::within(fields, "fileData")?;
        let (url, kind, name) = (file.need("fileUri")?, file.text("mimeType")?, file.text("displayName")?);
        spelling::keep(file, rest);
        let guessed = kind.clone().or_else(|| kind_of(&url).map(str::to_owned)).unwrap_or_default();
        (Source::Url { url, kind }, guessed, name)
    };
    match guessed.split('/').next() {
        Some("image") => Ok(Part::Image(Media { source, detail: detail(fields, rest)? })),
        Some("audio") => Ok(Part::Audio(Media::new(source))),
        _ => Ok(Part::File(File { source, name })),
    }
}

/// `mediaResolution` in OpenAI's words, where they have one for it.
fn detail(fields: &mut Fields, rest: &mut Map<String, Value>) -> Result<Option<String>, Unreadable> {
    let path = fields.path("mediaResolution");
    let resolution = spelling::within(fields, "mediaResolution")?;
    let word = resolution.peek("level").and_then(|level| level.strip_prefix("MEDIA_RESOLUTION_"));
    match word {
        Some("LOW" | "MEDIUM" | "HIGH") => Ok(word.map(str::to_ascii_lowercase)),
        Some("UNSPECIFIED") | None => Ok(None),
        Some(_) => {
            rest.insert(path, Value::Object(resolution.rest()));
            Ok(None)
        }
    }
}

/// `functionResponse`. Its text is the value of `result`, `output` or `error` where there is nothing beside it, otherwise all of the object.
fn outcome(mut fields: Fields, rest: &mut Map<String, Value>) -> Result<Outcome, Unreadable> {
    let mut outcome = Outcome {
        call: fields.text("id")?.unwrap_or_default(),
        name: Some(fields.need("name")?),
        ..Outcome::default()
    };
    let response = fields.object("response")?.unwrap_or_default();
    let mut each = response.iter();
    let text = match (each.next(), each.next()) {
        (None, _) => None,
        (Some((name, value)), None) if matches!(name.as_str(), "result" | "output" | "error") => {
            outcome.failed = name == "error";
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
        _ => Some(Value::Object(response.clone()).to_string()),
    };
    outcome.parts.extend(text.map(Part::Text));
    let at = fields.path("parts");
    for (nth, part) in spelling::several(&mut fields, "parts")?.into_iter().enumerate() {
        outcome.parts.extend(read(part, format!("{at}[{nth}]"), rest)?);
    }
    spelling::keep(fields, rest);
    Ok(outcome)
}

/// `response`: an object as it is, anything else as `result`; of what failed, as `error`.
pub(super) fn response_of(outcome: &Outcome) -> Value {
    if !outcome.failed && !outcome.parts.iter().any(|part| matches!(part, Part::Text(_))) {
        return json!({});
    }
    let text = text_of(&outcome.parts);
    let parsed: Option<Value> =
        serde_json::from_str(&text).ok().filter(|it: &Value| it.is_object() || it.is_array());
    match parsed {
        Some(object @ Value::Object(_)) if !outcome.failed => object,
        value => {
            let name = if outcome.failed { "error" } else { "result" };
            json!({name: value.unwrap_or(Value::String(text))})
        }
    }
}

/// Writes parts by `each`, and puts marks that stand alone onto the part behind them.
pub(super) fn write<E>(
    parts: &[Part],
    mut each: impl FnMut(&Part) -> Result<Option<Value>, E>,
) -> Result<Vec<Value>, E> {
    let mut out = Vec::with_capacity(parts.len());
    let mut waiting: Option<&str> = None;
    for part in parts {
        if let Some(mark) = lone_mark(part) {
            out.extend(waiting.replace(mark).map(alone));
            continue;
        }
        let Some(mut value) = each(part)? else { continue };
        if let Some(mark) = waiting.take() {
            let free = value.get("thoughtSignature").is_none()
                && matches!(
                    part,
                    Part::Text(_) | Part::Image(_) | Part::Audio(_) | Part::File(_) | Part::Call(_)
                );
            if free {
                value["thoughtSignature"] = mark.into();
            } else {
                out.push(alone(mark));
            }
        }
        out.push(value);
    }
    out.extend(waiting.map(alone));
    Ok(out)
}

/// The same for an answer, of which nothing can be refused.
pub(super) fn answered(parts: &[Part]) -> Vec<Value> {
    let Ok(mut parts) = write(parts, |part| Ok::<_, Infallible>(said(part)));
    parts.iter_mut().for_each(show_mark);
    parts
}

/// A part of an answer; what cannot be said has nobody to be told to.
fn said(part: &Part) -> Option<Value> {
    match part {
        Part::Call(call) => Some(call_of(call, call.object().unwrap_or_else(|| input(&call.arguments)))),
        other => simple(other).ok(),
    }
}

/// The mark on a part of an answer is one that its caller can give back.
fn show_mark(part: &mut Value) {
    if let Some(Value::String(mark)) = part.get_mut("thoughtSignature") {
        *mark = mark::shown(mark);
    }
}

/// The mark of a thought that has nothing else.
pub(super) fn lone_mark(part: &Part) -> Option<&str> {
    match part {
        Part::Thought(thought) if thought.text.is_empty() && thought.sealed.is_none() => {
            thought.signature.as_deref()
        }
        _ => None,
    }
}

/// A mark alone, as a stream ends with it.
pub(super) fn alone(mark: &str) -> Value {
    json!({"text": "", "thoughtSignature": mark})
}

/// A call.
pub(super) fn call_of(call: &Call, args: Value) -> Value {
    let mut function = Object::default();
    function.maybe("id", Some(call.id.as_str()).filter(|id| !id.is_empty())).put("name", call.name.as_str());
    function.put("args", args);
    let mut part = Object::default();
    part.put("functionCall", function.done()).maybe("thoughtSignature", call.signature.clone());
    part.done()
}

/// Arguments that are no object: the free text of a custom tool, or what broke off in the middle.
pub(super) fn input(text: &str) -> Value {
    json!({"input": text})
}

/// A part that can be said as it is, without its `mediaResolution`, or what it is that cannot.
pub(super) fn simple(part: &Part) -> Result<Value, &'static Unsayable> {
    match part {
        Part::Text(text) | Part::Refusal(text) => Ok(json!({"text": text})),
        Part::Image(media) | Part::Audio(media) => source_of(&media.source),
        Part::File(file) => source_of(&file.source),
        Part::Thought(thought) if thought.text.is_empty() && thought.signature.is_none() => {
            Err(&unsayable::SEALED)
        }
        Part::Thought(thought) => {
            let mut part = Object::default();
            part.put("text", thought.text.as_str()).put("thought", true);
            part.maybe("thoughtSignature", thought.signature.clone());
            Ok(part.done())
        }
        Part::Opaque(Wire::Gemini, part) => Ok(part.clone()),
        Part::CachePoint(_) => Err(&unsayable::CACHE_POINT),
        Part::Opaque(..) | Part::Cited(..) | Part::Call(_) | Part::Outcome(_) => Err(&unsayable::OPAQUE),
    }
}

fn source_of(source: &Source) -> Result<Value, &'static Unsayable> {
    match source {
        Source::Data { kind, base64 } => Ok(json!({"inlineData": {"mimeType": kind, "data": base64}})),
        Source::Text(text) => {
            Ok(json!({"inlineData": {"mimeType": "text/plain", "data": STANDARD.encode(text)}}))
        }
        Source::Url { url, kind } => {
            let mut file = Object::default();
            file.maybe("mimeType", kind.as_deref().or_else(|| kind_of(url))).put("fileUri", url.as_str());
            Ok(json!({"fileData": file.done()}))
        }
        Source::Stored(_) => Err(&unsayable::STORED),
    }
}

/// The media type by the ending of an address: Vertex AI wants one, and others do not say it.
fn kind_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "aac" => "audio/aac",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        _ => return None,
    })
}
