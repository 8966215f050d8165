//! Messages: those of a request, and the one of an answer.

use std::collections::HashSet;
use std::mem::take;

use serde_json::{Value, json};

use super::super::json::{Fields, Object, wrong};
use super::super::{Habits, Wire};
use super::unsayable;
use crate::hub::part::text_of;
use crate::hub::{
    Call, File, Losses, Media, Outcome, Part, Request, Role, Source, Thought, Turn, Unreadable,
};

/// Reads `messages`: what stands before the first turn is the system's.
pub(super) fn read(messages: Vec<Value>, request: &mut Request) -> Result<(), Unreadable> {
    // Looked for in all that was said before, they would cost a long conversation its square.
    let mut customs = HashSet::new();
    for (nth, message) in messages.into_iter().enumerate() {
        let mut fields = Fields::of(message, format!("messages[{nth}]"))?;
        let role = fields.need("role")?;
        let name = fields.text("name")?;
        match role.as_str() {
            "system" | "developer" if request.turns.is_empty() => {
                request.system.extend(content(&mut fields)?)
            }
            "system" | "developer" => {
                request.turns.push(Turn { role: Role::System, parts: content(&mut fields)?, name })
            }
            "user" => request.turns.push(Turn { role: Role::User, parts: content(&mut fields)?, name }),
            "assistant" => {
                let mut parts = said(&mut fields)?;
                parts.extend(older_call(&mut fields)?);
                customs.extend(parts.iter().filter_map(custom_id));
                request.turns.push(Turn { role: Role::Assistant, parts, name });
            }
            "tool" | "function" => outcome(&mut fields, name, &customs, &mut request.turns)?,
            other => return Err(Unreadable::at(fields.path("role"), format!("`{other}` is no role."))),
        }
    }
    Ok(())
}

/// The id of a call of a tool that takes a text.
fn custom_id(part: &Part) -> Option<String> {
    match part {
        Part::Call(call) if call.custom => Some(call.id.clone()),
        _ => None,
    }
}

/// What came of one call, which was one of `customs` or of a function. All of one turn are one turn of the user's.
fn outcome(
    fields: &mut Fields,
    name: Option<String>,
    customs: &HashSet<String>,
    turns: &mut Vec<Turn>,
) -> Result<(), Unreadable> {
    let call = match (fields.text("tool_call_id")?, &name) {
        (Some(id), _) => id,
        // The older form names the function, which is then all there is to know the call by.
        (None, Some(name)) => name.clone(),
        (None, None) => return Err(fields.missing("tool_call_id")),
    };
    let custom = customs.contains(&call);
    let mut parts = content(fields)?;
    let cache = matches!(parts.last(), Some(Part::CachePoint(_))).then(|| parts.pop()).flatten();
    let outcome = Part::Outcome(Outcome { call, name, parts, failed: false, custom });
    let open = turns
        .last_mut()
        .filter(|turn| turn.role == Role::User && matches!(turn.parts.first(), Some(Part::Outcome(_))));
    match open {
        Some(turn) => turn.parts.extend([Some(outcome), cache].into_iter().flatten()),
        None => turns.push(Turn::new(Role::User, [Some(outcome), cache].into_iter().flatten().collect())),
    }
    Ok(())
}

/// `content`: a text, or parts.
fn content(fields: &mut Fields) -> Result<Vec<Part>, Unreadable> {
    let at = fields.path("content");
    match fields.any("content") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text(text)]),
        Some(Value::Array(list)) => {
            let mut parts = Vec::with_capacity(list.len());
            for (nth, part) in list.into_iter().enumerate() {
                content_part(part, &format!("{at}[{nth}]"), &mut parts)?;
            }
            Ok(parts)
        }
        Some(other) => Err(wrong(&at, "a string or an array of parts", &other)),
    }
}

/// The parts of a message that the hub has a word for.
const KNOWN: &[&str] = &["text", "refusal", "image_url", "input_audio", "file"];

fn content_part(part: Value, at: &str, parts: &mut Vec<Part>) -> Result<(), Unreadable> {
    // What nobody here reads is kept as it came.
    let kept = part["type"].as_str().is_some_and(|kind| !KNOWN.contains(&kind)).then(|| part.clone());
    let mut fields = Fields::of(part, at)?;
    let kind = fields.need("type")?;
    parts.push(match kind.as_str() {
        "text" => Part::Text(fields.need("text")?),
        "refusal" => Part::Refusal(fields.need("refusal")?),
        "image_url" => {
            let mut image = match fields.any("image_url") {
                // Some programs write the address itself.
                Some(Value::String(url)) => Fields::of(json!({"url": url}), fields.path("image_url"))?,
                Some(image) => Fields::of(image, fields.path("image_url"))?,
                None => return Err(fields.missing("image_url")),
            };
            Part::Image(Media { source: Source::of_url(&image.need("url")?), detail: image.text("detail")? })
        }
        "input_audio" => {
            let mut audio = fields.within("input_audio")?;
            let (base64, format) = (audio.need("data")?, audio.need("format")?);
            Part::Audio(Media::new(Source::Data { kind: format!("audio/{format}"), base64 }))
        }
        "file" => Part::File(file(fields.within("file")?)?),
        _ => Part::Opaque(Wire::Chat, kept.unwrap_or_default()),
    });
    let mark = fields.within("cache_control")?;
    if mark.peek("type").is_some() {
        parts.push(Part::CachePoint(mark.peek("ttl").map(str::to_owned)));
    }
    Ok(())
}

fn file(mut fields: Fields) -> Result<File, Unreadable> {
    let name = fields.text("filename")?;
    let source = match (fields.text("file_id")?, fields.text("file_data")?) {
        (Some(id), _) => Source::Stored(id),
        (None, Some(data)) => match Source::of_url(&data) {
            Source::Url { .. } => Source::Data { kind: "application/pdf".to_owned(), base64: data },
            taken => taken,
        },
        (None, None) => return Err(fields.missing("file_data")),
    };
    Ok(File { source, name })
}

/// What the model said: its thoughts, its text, its calls.
pub(super) fn said(fields: &mut Fields) -> Result<Vec<Part>, Unreadable> {
    let mut parts = thoughts(fields)?;
    parts.extend(
        content(fields)?.into_iter().filter(|part| !matches!(part, Part::Text(text) if text.is_empty())),
    );
    if let Some(refusal) = fields.text("refusal")? {
        parts.push(Part::Refusal(refusal));
    }
    for cited in fields.list("annotations")?.unwrap_or_default() {
        parts.push(Part::Cited(Wire::Chat, cited));
    }
    let at = fields.path("tool_calls");
    for (nth, call) in fields.list("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
        parts.push(Part::Call(call_of(Fields::of(call, format!("{at}[{nth}]"))?)?));
    }
    Ok(parts)
}

/// Signed thoughts if there are any, otherwise their text.
fn thoughts(fields: &mut Fields) -> Result<Vec<Part>, Unreadable> {
    let text = fields.text("reasoning_content")?;
    let text = text.or(fields.text("reasoning")?).filter(|text| !text.is_empty());
    let blocks = fields.list("thinking_blocks")?.unwrap_or_default();
    let at = fields.path("thinking_blocks");
    let of = |(nth, block): (usize, Value)| {
        let mut block = Fields::of(block, format!("{at}[{nth}]"))?;
        let (text, signature, sealed) =
            (block.text("thinking")?, block.text("signature")?, block.text("data")?);
        Ok(Part::Thought(Thought { text: text.unwrap_or_default(), signature, sealed, id: None }))
    };
    if blocks.is_empty() {
        let thought = |text| Part::Thought(Thought { text, ..Thought::default() });
        return Ok(text.into_iter().map(thought).collect());
    }
    blocks.into_iter().enumerate().map(of).collect()
}

fn call_of(mut fields: Fields) -> Result<Call, Unreadable> {
    let mut call = Call { id: fields.text("id")?.unwrap_or_default(), ..Call::default() };
    let google = fields.within("extra_content")?.within("google")?.text("thought_signature")?;
    call.signature = google;
    if fields.has("custom") {
        let mut custom = fields.within("custom")?;
        call.custom = true;
        call.name = custom.need("name")?;
        call.arguments = custom.text("input")?.unwrap_or_default();
    } else {
        let mut function = fields.within("function")?;
        call.name = function.need("name")?;
        call.arguments = arguments(&mut function)?;
    }
    Ok(call)
}

/// A text by the reference; some servers write the object itself. None at all are an empty object.
fn arguments(function: &mut Fields) -> Result<String, Unreadable> {
    let at = function.path("arguments");
    match function.any("arguments") {
        None => Ok("{}".to_owned()),
        Some(Value::String(text)) => Ok(if text.is_empty() { "{}".to_owned() } else { text }),
        Some(object @ Value::Object(_)) => Ok(object.to_string()),
        Some(other) => Err(wrong(&at, "a string", &other)),
    }
}

/// `function_call`, which an answer had before there were `tool_calls`: known by its name.
fn older_call(fields: &mut Fields) -> Result<Option<Part>, Unreadable> {
    if !fields.has("function_call") {
        return Ok(None);
    }
    let mut function = fields.within("function_call")?;
    let name = function.need("name")?;
    Ok(Some(Part::Call(Call {
        id: name.clone(),
        name,
        arguments: arguments(&mut function)?,
        ..Call::default()
    })))
}

/// Writes `messages`.
pub(super) fn write(
    request: &Request,
    habits: Habits,
    losses: &mut Losses,
) -> Result<Vec<Value>, Unreadable> {
    let mut messages = Vec::with_capacity(request.turns.len() + 1);
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": shown(&request.system, losses)}));
    }
    for turn in &request.turns {
        match turn.role {
            Role::System => messages.push(json!({"role": "system", "content": shown(&turn.parts, losses)})),
            Role::Assistant => messages.extend(assistant(turn, habits, losses)),
            Role::User => user(turn, &mut messages, losses),
        }
    }
    Ok(messages)
}

/// What came of calls stands in messages of its own, before what the user says; the pictures among it follow as the user's.
fn user(turn: &Turn, messages: &mut Vec<Value>, losses: &mut Losses) {
    let mut rest = Vec::new();
    for part in &turn.parts {
        match part {
            Part::Outcome(outcome) => {
                let (texts, media): (Vec<Part>, Vec<Part>) = outcome
                    .parts
                    .iter()
                    .cloned()
                    // A document of plain text is as good as text.
                    .partition(|part| {
                        part.text().is_some() || !matches!(part, Part::Image(_) | Part::File(_))
                    });
                let named = |part: &Part| matches!(part, Part::File(file) if file.name.is_some());
                losses.add_if(texts.iter().any(named), &unsayable::OUTCOME_DOCUMENT);
                losses.add_if(!media.is_empty(), &unsayable::OUTCOME_MEDIA);
                losses.add_if(outcome.failed, &unsayable::FAILED);
                let text = text_of(&texts);
                let text = if outcome.failed { format!("Error: {text}") } else { text };
                messages.push(json!({"role": "tool", "tool_call_id": outcome.call, "content": text}));
                rest.extend(media);
            }
            other => rest.push(other.clone()),
        }
    }
    if rest.iter().any(|part| !matches!(part, Part::CachePoint(_))) || turn.parts.is_empty() {
        let mut message = Object::default();
        message.put("role", "user").maybe("name", turn.name.clone()).put("content", shown(&rest, losses));
        messages.push(message.done());
    }
}

/// `None`: nothing is left of the turn that could be said here, and a message without anything is refused.
fn assistant(turn: &Turn, habits: Habits, losses: &mut Losses) -> Option<Value> {
    let mut message = spoken(&turn.parts, losses);
    message.maybe("name", turn.name.clone());
    let thoughts: String = turn.parts.iter().filter_map(thought).collect();
    let any = turn.parts.iter().any(|part| matches!(part, Part::Thought(_)));
    if habits.thoughts_back && any {
        message.put("reasoning_content", thoughts);
    } else {
        losses.add_if(any, &unsayable::THOUGHT);
    }
    let message = message.done();
    let said = ["refusal", "tool_calls", "reasoning_content"].iter().any(|name| message.get(name).is_some());
    (said || !message["content"].is_null()).then_some(message)
}

fn thought(part: &Part) -> Option<&str> {
    if let Part::Thought(thought) = part { Some(&thought.text) } else { None }
}

/// Role, content, refusal and calls of an assistant's message.
fn spoken(parts: &[Part], losses: &mut Losses) -> Object<'static> {
    let mut message = Object::default();
    let mut content: Vec<Part> = Vec::new();
    let (mut calls, mut refusal) = (Vec::new(), None::<String>);
    for part in parts {
        match part {
            Part::Call(call) => calls.push(called(call)),
            Part::Refusal(text) => refusal.get_or_insert_default().push_str(text),
            Part::Image(_) | Part::Audio(_) | Part::File(_) => losses.add(&unsayable::ASSISTANT_MEDIA),
            Part::Cited(of, _) => losses.add_if(*of != Wire::Chat, &unsayable::OPAQUE),
            Part::Thought(_) | Part::Outcome(_) => {}
            Part::Text(_) | Part::CachePoint(_) | Part::Opaque(..) => content.push(part.clone()),
        }
    }
    let content = if content.iter().any(|part| matches!(part, Part::Text(_) | Part::Opaque(Wire::Chat, _))) {
        shown(&content, losses)
    } else {
        Value::Null
    };
    message
        .put("role", "assistant")
        .put("content", content)
        .maybe("refusal", refusal)
        .list("tool_calls", calls);
    message
}

/// A call as an object of `tool_calls`.
pub(super) fn called(call: &Call) -> Value {
    let mut object = Object::default();
    object.put("id", call.id.as_str());
    if call.custom {
        object.put("type", "custom").put("custom", json!({"name": call.name, "input": call.arguments}));
    } else {
        object
            .put("type", "function")
            .put("function", json!({"name": call.name, "arguments": call.arguments}));
    }
    object.maybe(
        "extra_content",
        call.signature.as_ref().map(|mark| json!({"google": {"thought_signature": mark}})),
    );
    object.done()
}

/// Parts as `content`: a single text as itself.
fn shown(parts: &[Part], losses: &mut Losses) -> Value {
    let parts: Vec<Value> = parts.iter().filter_map(|part| shown_part(part, losses)).collect();
    match parts.as_slice() {
        [] => json!(""),
        [one] if one["type"] == "text" => one["text"].clone(),
        _ => Value::Array(parts),
    }
}

fn shown_part(part: &Part, losses: &mut Losses) -> Option<Value> {
    let lost = match part {
        Part::Text(text) => return Some(json!({"type": "text", "text": text})),
        Part::Refusal(text) => return Some(json!({"type": "refusal", "refusal": text})),
        Part::Image(media) => match media.source.url() {
            Some(url) => {
                let mut image = Object::default();
                image.put("url", url).maybe("detail", media.detail.clone());
                return Some(json!({"type": "image_url", "image_url": image.done()}));
            }
            None => &unsayable::OPAQUE,
        },
        Part::Audio(media) => match &media.source {
            Source::Data { kind, base64 } => {
                let format = kind.rsplit('/').next().unwrap_or_default();
                let format = format.strip_prefix("x-").unwrap_or(format);
                let format = if format == "mpeg" { "mp3" } else { format };
                return Some(
                    json!({"type": "input_audio", "input_audio": {"data": base64, "format": format}}),
                );
            }
            _ => &unsayable::OPAQUE,
        },
        Part::File(file) => match file_of(file) {
            Some(file) => return Some(json!({"type": "file", "file": file})),
            None => &unsayable::URL_FILE,
        },
        Part::Opaque(Wire::Chat, part) => return Some(part.clone()),
        Part::CachePoint(_) => &unsayable::CACHE_POINT,
        Part::Thought(_) => &unsayable::THOUGHT,
        Part::Opaque(..) | Part::Cited(..) | Part::Call(_) | Part::Outcome(_) => &unsayable::OPAQUE,
    };
    losses.add(lost);
    None
}

fn file_of(file: &File) -> Option<Value> {
    let mut object = Object::default();
    match &file.source {
        Source::Stored(id) => object.put("file_id", id.as_str()),
        Source::Data { .. } => {
            object.put("filename", file.name.as_deref().unwrap_or("document.pdf"));
            object.maybe("file_data", file.source.url())
        }
        Source::Text(text) => {
            return Some(
                json!({"filename": file.name.as_deref().unwrap_or("document.txt"), "file_data": plain_url(text)}),
            );
        }
        Source::Url { .. } => return None,
    };
    Some(object.done())
}

/// Plain text as a `data:` URL.
fn plain_url(text: &str) -> String {
    use base64::Engine;
    format!("data:text/plain;base64,{}", base64::engine::general_purpose::STANDARD.encode(text))
}

/// The message of an answer.
pub(super) fn answered(parts: &[Part]) -> Value {
    let mut parts = parts.to_vec();
    let mut thinking: Vec<Thought> = Vec::new();
    let mut cited = Vec::new();
    for part in &mut parts {
        match part {
            Part::Thought(thought) => thinking.push(take(thought)),
            Part::Cited(Wire::Chat, source) => cited.push(take(source)),
            _ => {}
        }
    }
    // An answer has one text, and nothing else besides its calls.
    let text: Vec<Part> = match text_of(&parts) {
        text if text.is_empty() => Vec::new(),
        text => vec![Part::Text(text)],
    };
    let spoken_parts = text
        .into_iter()
        .chain(parts.into_iter().filter(|part| matches!(part, Part::Call(_) | Part::Refusal(_))));
    let mut message = spoken(&spoken_parts.collect::<Vec<_>>(), &mut Losses::default());
    // Always there in an answer.
    if !message.has("refusal") {
        message.put("refusal", Value::Null);
    }
    let text: String = thinking.iter().map(|thought| thought.text.as_str()).collect();
    if !text.is_empty() {
        message.put("reasoning_content", text);
    }
    let signed: Vec<Value> = thinking.iter().filter_map(block).collect();
    message.list("thinking_blocks", signed).list("annotations", cited);
    message.done()
}

/// A thought that its vendor will want back.
pub(super) fn block(thought: &Thought) -> Option<Value> {
    match (&thought.sealed, &thought.signature) {
        (Some(data), _) => Some(json!({"type": "redacted_thinking", "data": data})),
        (None, Some(signature)) => {
            Some(json!({"type": "thinking", "thinking": thought.text, "signature": signature}))
        }
        (None, None) => None,
    }
}
