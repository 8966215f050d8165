//! Messages: who says what.

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::Fields;
use super::{Pen, block, unsayable};
use crate::hub::{Part, Request, Role, Turn, Unreadable};

/// What stands before an assistant that speaks first.
const ASSISTANT_BEGINS: &str = "(The assistant begins.)";

/// Reads `system`.
pub(super) fn read_system(list: Option<Vec<Value>>) -> Result<Vec<Part>, Unreadable> {
    block::read_all(list, "system", Role::System)
}

/// Reads `messages`.
pub(super) fn read(list: Vec<Value>) -> Result<Vec<Turn>, Unreadable> {
    let turn = |(nth, message): (usize, Value)| {
        let mut fields = Fields::of(message, format!("messages[{nth}]"))?;
        let role = match fields.need("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            other => return Err(Unreadable::at(fields.path("role"), format!("`{other}` is no role."))),
        };
        let at = fields.path("content");
        Ok(Turn::new(role, block::read_all(fields.list("content")?, &at, role)?))
    };
    list.into_iter().enumerate().map(turn).collect()
}

/// Writes `system`: text and cache points.
pub(super) fn write_system(parts: &[Part], pen: &mut Pen<'_>) -> Result<Vec<Value>, Unreadable> {
    let text = |part: &&Part| {
        matches!(
            part,
            Part::Text(_) | Part::Refusal(_) | Part::CachePoint(_) | Part::Opaque(..) | Part::Cited(..)
        )
    };
    let said: Vec<Part> = parts.iter().filter(text).cloned().collect();
    pen.losses.add_if(said.len() < parts.len(), &unsayable::SYSTEM_MEDIA);
    block::write(&said, Role::System, pen)
}

/// Writes `messages`: roles take turns, and the user begins.
pub(super) fn write(request: &Request, pen: &mut Pen<'_>) -> Result<Vec<Value>, Unreadable> {
    let mut said: Vec<(&str, Vec<Value>)> = Vec::with_capacity(request.turns.len() + 1);
    for turn in &request.turns {
        pen.losses.add_if(turn.name.is_some(), &unsayable::NAME);
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            // The newest models know it.
            Role::System if pen.habits.own => "system",
            Role::System => {
                pen.losses.add(&unsayable::SYSTEM_TURN);
                "user"
            }
        };
        let blocks = block::write(&turn.parts, turn.role, pen)?;
        match said.last_mut() {
            Some((last, all)) if *last == role => all.extend(blocks),
            // Nobody who says nothing.
            _ if blocks.is_empty() => {}
            _ => said.push((role, blocks)),
        }
    }
    if said.first().is_some_and(|(role, _)| *role == "assistant") {
        pen.losses.add(&unsayable::ASSISTANT_FIRST);
        said.insert(0, ("user", vec![json!({"text": ASSISTANT_BEGINS})]));
    }
    let message = |(role, mut content): (&str, Vec<Value>)| {
        if role == "user" {
            outcomes_first(&mut content);
        }
        json!({"role": role, "content": content})
    };
    Ok(said.into_iter().map(message).collect())
}

/// What came of the calls before it stands before all else the user says, where turns were joined.
fn outcomes_first(content: &mut [Value]) {
    let is_outcome = |block: &Value| block.get("toolResult").is_some();
    let asked = content.iter().position(|block| block.get("text").is_some());
    if asked.is_some_and(|asked| content.iter().skip(asked).any(is_outcome)) {
        content.sort_by_key(|block| !is_outcome(block));
    }
}

/// Whether a part belongs to a call, so that the tools must be named.
pub(super) fn is_of_call(part: &Part) -> bool {
    match part {
        Part::Call(_) | Part::Outcome(_) => true,
        Part::Opaque(Wire::Converse, block) => {
            block.get("toolUse").is_some() || block.get("toolResult").is_some()
        }
        _ => false,
    }
}
