//! The messages of a conversation.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::json::{Fields, Object, wrong};
use super::content::{self, Content, MESSAGES};
use super::unsayable;
use crate::hub::{Call, Losses, Outcome, Part, Request, Role, Thought, Turn, Unreadable};

/// Reads `messages`: what stands before the first turn is the system's.
pub(super) fn read(messages: Vec<Value>, request: &mut Request) -> Result<(), Unreadable> {
    let mut ids = Ids::of(&messages);
    for (nth, message) in messages.into_iter().enumerate() {
        let mut fields = Fields::of(message, format!("messages[{nth}]"))?;
        let role = fields.need("role")?.to_ascii_lowercase();
        match role.as_str() {
            "system" if request.turns.is_empty() => request.system.extend(content(&mut fields)?),
            "system" => request.turns.push(Turn::new(Role::System, content(&mut fields)?)),
            "user" => request.turns.push(Turn::new(Role::User, content(&mut fields)?)),
            "assistant" => {
                request.turns.push(Turn::new(Role::Assistant, said(&mut fields, &mut ids)?));
            }
            "tool" => outcome(&mut fields, &mut request.turns)?,
            other => return Err(Unreadable::at(fields.path("role"), format!("`{other}` is no role."))),
        }
    }
    Ok(())
}

fn content(fields: &mut Fields) -> Result<Vec<Part>, Unreadable> {
    let text = fields.text("content")?.filter(|text| !text.is_empty());
    let mut parts: Vec<Part> = text.into_iter().map(Part::Text).collect();
    parts.extend(content::pictures(fields)?);
    Ok(parts)
}

/// What the model said: its thoughts, its text, its calls.
fn said(fields: &mut Fields, ids: &mut Ids) -> Result<Vec<Part>, Unreadable> {
    let mut parts = Vec::new();
    if let Some(text) = fields.text("thinking")?.filter(|text| !text.is_empty()) {
        parts.push(Part::Thought(Thought { text, ..Thought::default() }));
    }
    parts.extend(content(fields)?);
    let at = fields.path("tool_calls");
    for (nth, call) in fields.list("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
        let mut call = Fields::of(call, format!("{at}[{nth}]"))?;
        let id = call.text("id")?.filter(|id| !id.is_empty());
        let mut function = call.within("function")?;
        let name = function.need("name")?;
        let arguments = match function.any("arguments") {
            None => "{}".to_owned(),
            Some(object @ Value::Object(_)) => object.to_string(),
            Some(other) => return Err(wrong(&function.path("arguments"), "an object", &other)),
        };
        // Older programs give none: it is what the outcome will be known by.
        let id = id.unwrap_or_else(|| ids.another());
        parts.push(Part::Call(Call { id, name, arguments, ..Call::default() }));
    }
    Ok(parts)
}

fn calls(turns: &[Turn]) -> impl Iterator<Item = &Call> {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    parts.filter_map(|part| if let Part::Call(call) = part { Some(call) } else { None })
}

/// Ids for calls that came without one.
struct Ids {
    /// Those of the others.
    given: HashSet<String>,
    made: usize,
}

impl Ids {
    fn of(messages: &[Value]) -> Self {
        let calls = messages.iter().filter_map(|message| message["tool_calls"].as_array()).flatten();
        let given = calls.filter_map(|call| call["id"].as_str()).map(str::to_owned).collect();
        Self { given, made: 0 }
    }

    /// One that no call has.
    fn another(&mut self) -> String {
        loop {
            let id = format!("call_{}", self.made);
            self.made += 1;
            if !self.given.contains(&id) {
                return id;
            }
        }
    }
}

/// What came of one call. All of one turn are one turn of the user's.
fn outcome(fields: &mut Fields, turns: &mut Vec<Turn>) -> Result<(), Unreadable> {
    let id = fields.text("tool_call_id")?.filter(|id| !id.is_empty());
    let name = fields.text("tool_name")?.or(fields.text("name")?).filter(|name| !name.is_empty());
    // Without an id it belongs to the first call that nothing came of yet.
    let made = match &id {
        Some(id) => calls(turns).find(|call| call.id == *id),
        None => waiting(turns, name.as_deref()),
    };
    let call = id.or(made.map(|call| call.id.clone())).or(name.clone());
    let call = call.ok_or_else(|| fields.missing("tool_call_id"))?;
    let name = name.or(made.map(|call| call.name.clone()));
    let parts = content(fields)?;
    let outcome = Part::Outcome(Outcome { call, name, parts, ..Outcome::default() });
    let open = turns
        .last_mut()
        .filter(|turn| turn.role == Role::User && matches!(turn.parts.first(), Some(Part::Outcome(_))));
    match open {
        Some(turn) => turn.parts.push(outcome),
        None => turns.push(Turn::new(Role::User, vec![outcome])),
    }
    Ok(())
}

/// The first call nothing came of, of this tool if one is named.
fn waiting<'t>(turns: &'t [Turn], name: Option<&str>) -> Option<&'t Call> {
    let answered = |call: &Call| {
        let mut parts = turns.iter().flat_map(|turn| &turn.parts);
        parts.any(|part| matches!(part, Part::Outcome(outcome) if outcome.call == call.id))
    };
    calls(turns).find(|call| name.is_none_or(|name| name == call.name) && !answered(call))
}

/// Writes `messages`.
pub(super) fn write(request: &Request, losses: &mut Losses) -> Result<Vec<Value>, Unreadable> {
    let mut messages = Vec::with_capacity(request.turns.len() + 1);
    if !request.system.is_empty() {
        messages.push(spoken("system", &request.system, losses)?);
    }
    for turn in &request.turns {
        losses.add_if(turn.name.is_some(), &unsayable::NAME);
        match turn.role {
            Role::System => messages.push(spoken("system", &turn.parts, losses)?),
            Role::Assistant => messages.push(assistant(&turn.parts, losses)?),
            Role::User => user(request, turn, &mut messages, losses)?,
        }
    }
    Ok(messages)
}

fn spoken(role: &str, parts: &[Part], losses: &mut Losses) -> Result<Value, Unreadable> {
    let content = Content::of(parts, losses)?;
    let mut message = Object::default();
    message.put("role", role).put("content", content.paragraphs()).list("images", content.pictures);
    Ok(message.done())
}

/// What came of calls stands in messages of its own, before what the user says.
fn user(
    request: &Request,
    turn: &Turn,
    messages: &mut Vec<Value>,
    losses: &mut Losses,
) -> Result<(), Unreadable> {
    let mut rest = Vec::new();
    let called = request.called();
    for part in &turn.parts {
        let Part::Outcome(outcome) = part else {
            rest.push(part.clone());
            continue;
        };
        losses.add_if(outcome.failed, &unsayable::FAILED);
        let content = Content::of(&outcome.parts, losses)?;
        let text = content.paragraphs();
        let text = if outcome.failed { format!("Error: {text}") } else { text };
        let name = outcome.name.as_deref().or_else(|| called.get(outcome.call.as_str()).copied());
        let mut message = Object::default();
        message.put("role", "tool").put("content", text).list("images", content.pictures);
        message.maybe("tool_name", name).put("tool_call_id", outcome.call.as_str());
        messages.push(message.done());
    }
    if rest.iter().all(|part| matches!(part, Part::CachePoint(_))) && !turn.parts.is_empty() {
        losses.add_if(!rest.is_empty(), &unsayable::CACHE_POINT);
        return Ok(());
    }
    messages.push(spoken("user", &rest, losses)?);
    Ok(())
}

fn assistant(parts: &[Part], losses: &mut Losses) -> Result<Value, Unreadable> {
    let (mut thinking, mut calls, mut rest) = (String::new(), Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Thought(thought) => {
                losses.add_if(thought.signature.is_some() || thought.sealed.is_some(), &unsayable::SEALED);
                thinking.push_str(&thought.text);
            }
            Part::Call(call) => {
                losses.add_if(call.signature.is_some(), &unsayable::SEALED);
                losses.add_if(call.custom, &unsayable::CUSTOM_TOOL);
                let arguments = arguments(call).ok_or_else(|| {
                    let say = format!("The arguments of the call `{}` are no JSON object.", call.id);
                    Unreadable::at(MESSAGES, say)
                })?;
                calls.push(called(&call.id, &call.name, arguments, calls.len()));
            }
            other => rest.push(other.clone()),
        }
    }
    let content = Content::of(&rest, losses)?;
    let mut message = Object::default();
    message.put("role", "assistant").put("content", content.whole());
    message.maybe("thinking", Some(thinking).filter(|text| !text.is_empty()));
    message.list("images", content.pictures).list("tool_calls", calls);
    Ok(message.done())
}

/// The arguments as an object; a tool of free text has one, `input`.
pub(super) fn arguments(call: &Call) -> Option<Value> {
    if call.custom { Some(json!({"input": call.arguments})) } else { call.object() }
}

/// A call as an object of `tool_calls`.
pub(super) fn called(id: &str, name: &str, arguments: Value, index: usize) -> Value {
    let mut call = Object::default();
    call.maybe("id", Some(id).filter(|id| !id.is_empty()));
    call.put("function", json!({"index": index, "name": name, "arguments": arguments}));
    call.done()
}
