//! Messages: those of a request, and the one of an answer.

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object, wrong};
use super::{document, unsayable};
use crate::hub::{Call, Losses, Media, Outcome, Part, Request, Role, Source, Thought, Turn, Unreadable};

/// Reads `messages`: what stands before the first turn is the system's.
pub(super) fn read(messages: Vec<Value>, request: &mut Request) -> Result<(), Unreadable> {
    for (nth, message) in messages.into_iter().enumerate() {
        let mut fields = Fields::of(message, format!("messages[{nth}]"))?;
        let role = fields.need("role")?;
        match role.as_str() {
            "system" | "developer" if request.turns.is_empty() => {
                request.system.extend(content(&mut fields)?)
            }
            "system" | "developer" => request.turns.push(Turn::new(Role::System, content(&mut fields)?)),
            "user" => request.turns.push(Turn::new(Role::User, content(&mut fields)?)),
            "assistant" => request.turns.push(Turn::new(Role::Assistant, said(&mut fields)?)),
            "tool" => outcome(&mut fields, &mut request.turns)?,
            other => return Err(Unreadable::at(fields.path("role"), format!("`{other}` is no role."))),
        }
    }
    Ok(())
}

/// What came of one call. All of one turn are one turn of the user's.
fn outcome(fields: &mut Fields, turns: &mut Vec<Turn>) -> Result<(), Unreadable> {
    let call = fields.need("tool_call_id")?;
    let outcome = Part::Outcome(Outcome { call, parts: content(fields)?, ..Outcome::default() });
    let open = turns
        .last_mut()
        .filter(|turn| turn.role == Role::User && matches!(turn.parts.first(), Some(Part::Outcome(_))));
    match open {
        Some(turn) => turn.parts.push(outcome),
        None => turns.push(Turn::new(Role::User, vec![outcome])),
    }
    Ok(())
}

/// `content`: a text, or parts. A part alone is as good as a list of it.
fn content(fields: &mut Fields) -> Result<Vec<Part>, Unreadable> {
    let at = fields.path("content");
    let list = match fields.any("content") {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => return Ok(vec![Part::Text(text)]),
        Some(Value::Array(list)) => list,
        Some(part @ Value::Object(_)) => vec![part],
        Some(other) => return Err(wrong(&at, "a string or an array of parts", &other)),
    };
    let part = |(nth, part)| content_part(part, &format!("{at}[{nth}]"));
    list.into_iter().enumerate().map(part).collect()
}

fn content_part(part: Value, at: &str) -> Result<Part, Unreadable> {
    let mut fields = Fields::of(part.clone(), at)?;
    Ok(match fields.need("type")?.as_str() {
        "text" => Part::Text(fields.need("text")?),
        "thinking" => Part::Thought(Thought { text: fields.need("thinking")?, ..Thought::default() }),
        "image_url" => {
            let mut image = match fields.any("image_url") {
                // Some programs write the address itself.
                Some(Value::String(url)) => Fields::of(json!({"url": url}), fields.path("image_url"))?,
                Some(image) => Fields::of(image, fields.path("image_url"))?,
                None => return Err(fields.missing("image_url")),
            };
            Part::Image(Media { source: Source::of_url(&image.need("url")?), detail: image.text("detail")? })
        }
        "document" => {
            let at = fields.path("document");
            let found = fields.any("document").ok_or_else(|| fields.missing("document"))?;
            Part::File(document::read(found, &at)?)
        }
        _ => Part::Opaque(Wire::Cohere, part),
    })
}

/// What the model said: its thoughts, its text or its plan, what it cites, its calls.
pub(super) fn said(fields: &mut Fields) -> Result<Vec<Part>, Unreadable> {
    let mut parts = content(fields)?;
    parts.extend(fields.text("tool_plan")?.map(Part::Text));
    parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    let cited = fields.list("citations")?.unwrap_or_default();
    parts.extend(cited.into_iter().map(|cited| Part::Cited(Wire::Cohere, cited)));
    let at = fields.path("tool_calls");
    for (nth, call) in fields.list("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
        parts.push(Part::Call(call_of(Fields::of(call, format!("{at}[{nth}]"))?)?));
    }
    Ok(parts)
}

fn call_of(mut fields: Fields) -> Result<Call, Unreadable> {
    let id = fields.text("id")?.unwrap_or_default();
    let mut function = fields.within("function")?;
    let name = function.need("name")?;
    let at = function.path("arguments");
    let arguments = match function.any("arguments") {
        None => "{}".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(object @ Value::Object(_)) => object.to_string(),
        Some(other) => return Err(wrong(&at, "a string", &other)),
    };
    Ok(Call { id, name, arguments, ..Call::default() })
}

/// What stands in a request for its turns.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// `messages`.
    pub(super) messages: Vec<Value>,
    /// `documents`.
    pub(super) documents: Vec<Value>,
}

/// Writes the turns.
pub(super) fn write(request: &Request, losses: &mut Losses) -> Result<Written, Unreadable> {
    let mut out = Written::default();
    if !request.system.is_empty() {
        out.messages.push(json!({"role": "system", "content": told(&request.system, losses)}));
    }
    let last = document::asked_last(&request.turns);
    for (at, turn) in request.turns.iter().enumerate() {
        losses.add_if(turn.name.is_some(), &unsayable::NAME);
        match turn.role {
            Role::System => {
                out.messages.push(json!({"role": "system", "content": told(&turn.parts, losses)}))
            }
            Role::Assistant => out.messages.push(assistant(&turn.parts, losses)),
            Role::User => {
                let documents = out.documents.len();
                user(turn, &mut out, losses)?;
                losses
                    .add_if(out.documents.len() > documents && last != Some(at), &unsayable::DOCUMENT_PLACE);
            }
        }
    }
    Ok(out)
}

/// The system's words: text, and nothing of others.
fn told(parts: &[Part], losses: &mut Losses) -> Value {
    let text = |part: &Part| match part {
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Opaque(Wire::Cohere, part) => Some(part.clone()),
        Part::CachePoint(_) => {
            losses.add(&unsayable::CACHE_POINT);
            None
        }
        _ => {
            losses.add(&unsayable::OPAQUE);
            None
        }
    };
    content_of(parts.iter().filter_map(text).collect())
}

/// `content`: a single text as itself.
fn content_of(parts: Vec<Value>) -> Value {
    match parts.as_slice() {
        [] => json!(""),
        [one] if one["type"] == "text" => one["text"].clone(),
        _ => Value::Array(parts),
    }
}

/// What came of calls stands in messages of its own, before what the user says; the pictures among it follow as the user's.
fn user(turn: &Turn, out: &mut Written, losses: &mut Losses) -> Result<(), Unreadable> {
    let (mut content, mut shown) = (Vec::new(), Vec::new());
    for part in &turn.parts {
        if let Part::Outcome(outcome) = part {
            out.messages.push(came(outcome, &mut shown, losses)?);
        } else {
            content.extend(asked(part, &mut out.documents, losses)?);
        }
    }
    shown.append(&mut content);
    if !shown.is_empty() || turn.parts.is_empty() {
        out.messages.push(json!({"role": "user", "content": content_of(shown)}));
    }
    Ok(())
}

/// A part of what the user says. Without what cannot be shown there would be nothing to answer.
fn asked(part: &Part, documents: &mut Vec<Value>, losses: &mut Losses) -> Result<Option<Value>, Unreadable> {
    let refused = |say: &str| Err(Unreadable::at("messages", say));
    let lost = match part {
        Part::Text(text) | Part::Refusal(text) => return Ok(Some(json!({"type": "text", "text": text}))),
        Part::Image(media) => return picture(media).map(Some),
        Part::File(file) => match document::write(file) {
            Some(document) => {
                documents.push(document);
                return Ok(None);
            }
            None => {
                return refused("This model's API takes documents as text only, and one of these is not.");
            }
        },
        Part::Audio(_) => return refused("This model's API takes no sound."),
        Part::Opaque(Wire::Cohere, part) => return Ok(Some(part.clone())),
        Part::CachePoint(_) => &unsayable::CACHE_POINT,
        Part::Thought(_) | Part::Call(_) | Part::Outcome(_) | Part::Cited(..) | Part::Opaque(..) => {
            &unsayable::OPAQUE
        }
    };
    losses.add(lost);
    Ok(None)
}

fn picture(media: &Media) -> Result<Value, Unreadable> {
    let Some(url) = media.source.url() else {
        let say = "This model's API takes pictures in the request or at an address, not from another vendor's store.";
        return Err(Unreadable::at("messages", say));
    };
    let mut image = Object::default();
    image.put("url", url).maybe("detail", media.detail.clone());
    Ok(json!({"type": "image_url", "image_url": image.done()}))
}

/// What came of a call: texts and documents. Pictures go to `shown`.
fn came(outcome: &Outcome, shown: &mut Vec<Value>, losses: &mut Losses) -> Result<Value, Unreadable> {
    let mut content = Vec::new();
    for part in &outcome.parts {
        match part {
            Part::Image(media) => {
                losses.add(&unsayable::OUTCOME_PICTURES);
                shown.push(picture(media)?);
            }
            _ => {
                let mut documents = Vec::new();
                content.extend(asked(part, &mut documents, losses)?);
                content.extend(documents.into_iter().map(|one| json!({"type": "document", "document": one})));
            }
        }
    }
    if outcome.failed {
        losses.add(&unsayable::FAILED);
        fail(&mut content);
    }
    Ok(json!({"role": "tool", "tool_call_id": outcome.call, "content": content_of(content)}))
}

/// Says that a call failed, before what it gave.
fn fail(content: &mut Vec<Value>) {
    let said = content.first().and_then(|first| first["text"].as_str()).map(|text| format!("Error: {text}"));
    match (content.first_mut(), said) {
        (Some(first), Some(text)) => *first = json!({"type": "text", "text": text}),
        _ => content.insert(0, json!({"type": "text", "text": "Error: "})),
    }
}

fn assistant(parts: &[Part], losses: &mut Losses) -> Value {
    let mut spoken = Spoken::of(parts, losses);
    let content = std::mem::take(&mut spoken.content);
    let mut message = Object::default();
    message.put("role", "assistant");
    if !content.is_empty() || spoken.calls.is_empty() {
        message.put("content", content_of(content));
    }
    spoken.finish(message)
}

/// The message of an answer.
pub(super) fn answered(parts: &[Part]) -> Value {
    let mut spoken = Spoken::of(parts, &mut Losses::default());
    let mut message = Object::default();
    message.put("role", "assistant").list("content", std::mem::take(&mut spoken.content));
    spoken.finish(message)
}

/// What a message of the assistant's is made of.
#[derive(Default)]
struct Spoken {
    content: Vec<Value>,
    plan: String,
    cited: Vec<Value>,
    calls: Vec<Value>,
}

impl Spoken {
    fn of(parts: &[Part], losses: &mut Losses) -> Self {
        let mut spoken = Self::default();
        let calls = parts.iter().any(|part| matches!(part, Part::Call(_)));
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => {
                    losses.add_if(matches!(part, Part::Refusal(_)), &unsayable::REFUSAL);
                    if calls {
                        spoken.plan.push_str(text);
                    } else {
                        spoken.content.push(json!({"type": "text", "text": text}));
                    }
                }
                Part::Thought(thought) => {
                    losses.add_if(
                        thought.signature.is_some() || thought.sealed.is_some(),
                        &unsayable::SIGNATURE,
                    );
                    if !thought.text.is_empty() {
                        spoken.content.push(json!({"type": "thinking", "thinking": thought.text}));
                    }
                }
                Part::Call(call) => {
                    losses.add_if(call.signature.is_some(), &unsayable::SIGNATURE);
                    spoken.calls.push(called(call));
                }
                Part::Cited(Wire::Cohere, cited) => spoken.cited.push(cited.clone()),
                Part::Opaque(Wire::Cohere, part) => spoken.content.push(part.clone()),
                Part::CachePoint(_) => losses.add(&unsayable::CACHE_POINT),
                Part::Image(_) | Part::Audio(_) | Part::File(_) => losses.add(&unsayable::ASSISTANT_MEDIA),
                Part::Cited(..) | Part::Opaque(..) | Part::Outcome(_) => losses.add(&unsayable::OPAQUE),
            }
        }
        spoken
    }

    fn finish(self, mut message: Object) -> Value {
        message.maybe("tool_plan", (!self.plan.is_empty()).then_some(self.plan));
        message.list("tool_calls", self.calls).list("citations", self.cited);
        message.done()
    }
}

/// A call as an object of `tool_calls`. A tool of free text is a function with one text here.
pub(super) fn called(call: &Call) -> Value {
    let arguments = match call.custom {
        true => json!({"input": call.arguments}).to_string(),
        false => call.arguments.clone(),
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}
