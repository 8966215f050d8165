//! The system prompt and the messages.

use std::mem::take;

use serde_json::{Value, json};

use super::super::json::{Fields, wrong};
use super::super::{Habits, Wire};
use super::block::{self, Place, shown};
use super::content::{self, Left};
use super::unsayable;
use crate::hub::{Losses, Part, Request, Role, Turn, Unreadable};

/// How the block begins in which Claude Code counts its own versions. It is another one in each request: any other vendor would
/// find no common beginning any more, so that it is kept as Anthropic's own.
const BILLING: &str = "x-anthropic-billing-header:";

/// Reads `system`: a text, or blocks.
pub(super) fn read_system(fields: &mut Fields, left: &mut Left) -> Result<Vec<Part>, Unreadable> {
    let blocks = match fields.any("system") {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
        Some(Value::Array(blocks)) => blocks,
        Some(other) => return Err(wrong("system", "a string or an array of blocks", &other)),
    };
    let mut parts = content::parts_of(blocks, "system", left)?;
    for part in &mut parts {
        if let Part::Text(text) = part
            && text.starts_with(BILLING)
            && !text.trim().contains('\n')
        {
            *part = Part::Opaque(Wire::Messages, json!({"type": "text", "text": take(text)}));
        }
    }
    Ok(parts)
}

/// Reads `messages`.
pub(super) fn read(messages: Vec<Value>, left: &mut Left) -> Result<Vec<Turn>, Unreadable> {
    let mut turns = Vec::with_capacity(messages.len());
    for (nth, message) in messages.into_iter().enumerate() {
        let mut fields = Fields::of(message, format!("messages[{nth}]"))?;
        let role = match fields.need("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            other => return Err(Unreadable::at(fields.path("role"), format!("`{other}` is no role."))),
        };
        turns.push(Turn::new(role, content::read(&mut fields, left)?));
        content::leave(fields, left);
    }
    Ok(turns)
}

/// Writes `system`.
pub(super) fn write_system(request: &Request, losses: &mut Losses) -> Result<Option<Value>, Unreadable> {
    let blocks = block::of(&request.system, Place::System, Habits::default(), losses)?;
    Ok((!blocks.is_empty()).then(|| shown(blocks)))
}

/// Writes `messages`: the roles take turns, and what came of calls stands before all else the user says.
pub(super) fn write(
    request: &Request,
    habits: Habits,
    losses: &mut Losses,
) -> Result<Vec<Value>, Unreadable> {
    let mut messages: Vec<(&str, Vec<Value>)> = Vec::with_capacity(request.turns.len());
    for (nth, turn) in request.turns.iter().enumerate() {
        losses.add_if(turn.name.is_some(), &unsayable::NAME);
        let before = messages.last().map(|(role, _)| *role);
        let (role, place) = match turn.role {
            Role::User => ("user", Place::User),
            Role::Assistant => ("assistant", Place::Assistant),
            // Only between what the user said and the model's answer to it.
            Role::System
                if habits.instructed_later
                    && before == Some("user")
                    && request.turns.get(nth + 1).is_none_or(|next| next.role == Role::Assistant) =>
            {
                ("system", Place::System)
            }
            Role::System => {
                losses.add(&unsayable::MIDDLE_SYSTEM);
                ("user", Place::Instruction)
            }
        };
        let blocks = block::of(&turn.parts, place, habits, losses)?;
        match messages.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, all)) if *last == role => all.extend(blocks),
            _ => messages.push((role, blocks)),
        }
    }
    let written = |(role, mut blocks): (&str, Vec<Value>)| {
        // In order otherwise: the sort is a stable one.
        blocks.sort_by_key(|block| role == "user" && block["type"] != "tool_result");
        json!({"role": role, "content": shown(blocks)})
    };
    Ok(messages.into_iter().map(written).collect())
}
