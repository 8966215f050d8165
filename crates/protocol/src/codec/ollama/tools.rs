//! Tools, and which of them are offered.

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object};
use super::unsayable;
use crate::hub::{Choice, Losses, Request, Tool, Unreadable};

/// `tools`.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Tool>, Unreadable> {
    let tools = fields.list("tools")?.unwrap_or_default().into_iter().enumerate();
    tools.map(|(nth, tool)| tool_of(tool, &format!("tools[{nth}]"))).collect()
}

fn tool_of(tool: Value, at: &str) -> Result<Tool, Unreadable> {
    let mut fields = Fields::of(tool.clone(), at)?;
    if fields.peek("type").is_some_and(|kind| kind != "function") {
        return Ok(Tool::Served(Wire::OllamaChat, tool));
    }
    if !fields.has("function") {
        return Err(fields.missing("function"));
    }
    let mut function = fields.within("function")?;
    Ok(Tool::Function {
        name: function.need("name")?,
        description: function.text("description")?,
        schema: function.any("parameters"),
        strict: None,
        cache: None,
    })
}

/// The tools that may be called. There is no word for a choice among them, so those that may not be are not offered.
pub(super) fn write(request: &Request, losses: &mut Losses) -> Vec<Value> {
    let (offered, required): (Option<&[String]>, bool) = match &request.choice {
        None | Some(Choice::Auto) => (None, false),
        Some(Choice::None) => (Some(&[]), false),
        Some(Choice::Required) => (None, true),
        Some(Choice::Named(name)) => (Some(std::slice::from_ref(name)), true),
        Some(Choice::Allowed { names, required }) => (Some(names), *required),
    };
    losses.add_if(required, &unsayable::CHOICE);
    losses.add_if(request.parallel == Some(false), &unsayable::PARALLEL);
    let may = |tool: &&Tool| {
        offered.is_none_or(|names| tool.name().is_some_and(|name| names.iter().any(|known| known == name)))
    };
    request.tools.iter().filter(may).filter_map(|tool| written(tool, losses)).collect()
}

fn written(tool: &Tool, losses: &mut Losses) -> Option<Value> {
    let (name, description, schema) = match tool {
        Tool::Function { name, description, schema, strict, cache } => {
            losses.add_if(cache.is_some(), &unsayable::CACHE_POINT);
            losses.add_if(*strict == Some(true), &unsayable::STRICT);
            // The reference wants parameters, even where there are none.
            let none = || json!({"type": "object", "properties": {}});
            (name, description, schema.clone().unwrap_or_else(none))
        }
        Tool::Custom { name, description, .. } => {
            losses.add(&unsayable::CUSTOM_TOOL);
            let text =
                json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
            (name, description, text)
        }
        Tool::Served(Wire::OllamaChat, tool) => return Some(tool.clone()),
        Tool::Served(..) => {
            losses.add(&unsayable::SERVED_TOOL);
            return None;
        }
    };
    let mut function = Object::default();
    function.put("name", name.as_str()).maybe("description", description.clone()).put("parameters", schema);
    Some(json!({"type": "function", "function": function.done()}))
}
