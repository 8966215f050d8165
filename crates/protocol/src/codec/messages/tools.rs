//! Tools, and whether one must be called.

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::{Fields, Json, Object};
use super::block::cache_control;
use super::content::{self, Left};
use super::unsayable;
use crate::hub::{Choice, Losses, Request, Tool, Unreadable};

/// Reads `tools`.
pub(super) fn read(fields: &mut Fields, left: &mut Left) -> Result<Vec<Tool>, Unreadable> {
    let tools = fields.list("tools")?.unwrap_or_default().into_iter().enumerate();
    tools.map(|(nth, tool)| tool_of(tool, format!("tools[{nth}]"), left)).collect()
}

fn tool_of(mut tool: Value, at: String, left: &mut Left) -> Result<Tool, Unreadable> {
    // Tools that Anthropic runs, or has taught the model, have a type with a date.
    if tool["type"].as_str().is_some_and(|kind| kind != "custom") {
        return Ok(Tool::Served(Wire::Messages, tool));
    }
    let cache = content::cache_point(&mut tool);
    let mut fields = Fields::of(tool, at)?;
    fields.any("type");
    let tool = Tool::Function {
        name: fields.need("name")?,
        description: fields.text("description")?,
        schema: fields.any("input_schema"),
        strict: fields.flag("strict")?,
        cache,
    };
    content::leave(fields, left);
    Ok(tool)
}

/// Reads `tool_choice`: whether one must be called, and whether several may be.
pub(super) fn read_choice(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let mut choice = fields.within("tool_choice")?;
    request.choice = match choice.text("type")?.as_deref() {
        None => None,
        Some("auto") => Some(Choice::Auto),
        Some("none") => Some(Choice::None),
        Some("any") => Some(Choice::Required),
        Some("tool") => Some(Choice::Named(choice.need("name")?)),
        Some(other) => {
            return Err(Unreadable::at("tool_choice.type", format!("`{other}` is no choice of a tool.")));
        }
    };
    request.parallel = choice.flag("disable_parallel_tool_use")?.map(|one| !one);
    content::leave(choice, &mut request.rest);
    Ok(())
}

/// Tools, and the choice among them.
pub(super) fn write<'a>(request: &'a Request, body: &mut Object<'a>, losses: &mut Losses) {
    let allowed = match &request.choice {
        Some(Choice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    losses.add_if(allowed.is_some(), &unsayable::ALLOWED);
    let may = |tool: &&Tool| {
        allowed.is_none_or(|names| tool.name().is_some_and(|name| names.iter().any(|known| known == name)))
    };
    let tools: Vec<Json<'a>> =
        request.tools.iter().filter(may).filter_map(|tool| written(tool, losses)).collect();
    // A choice among none is refused.
    if !tools.is_empty() {
        body.list("tools", tools).maybe("tool_choice", choice_of(request));
    }
}

fn written<'a>(tool: &'a Tool, losses: &mut Losses) -> Option<Json<'a>> {
    let mut out = Object::default();
    match tool {
        Tool::Function { name, description, schema, strict, cache } => {
            out.put("name", name).maybe("description", description.as_ref());
            out.put("input_schema", object_schema(schema.as_ref())).maybe("strict", *strict);
            out.maybe("cache_control", cache.as_ref().map(|ttl| cache_control(ttl.as_deref())));
        }
        Tool::Custom { name, description, .. } => {
            losses.add(&unsayable::CUSTOM_TOOL);
            let input =
                json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
            out.put("name", name).maybe("description", description.as_ref());
            out.put("input_schema", input);
        }
        Tool::Served(Wire::Messages, tool) => return Some(tool.into()),
        Tool::Served(..) => {
            losses.add(&unsayable::SERVED_TOOL);
            return None;
        }
    }
    Some(out.into())
}

/// A schema that says that it is an object's, which arguments always are.
fn object_schema(schema: Option<&Value>) -> Json<'_> {
    match schema {
        Some(Value::Object(schema)) if !schema.contains_key("type") => {
            let mut typed = Object::default();
            typed.put("type", "object").all(schema);
            typed.into()
        }
        Some(schema) => schema.into(),
        None => json!({"type": "object", "properties": {}}).into(),
    }
}

/// `tool_choice`, which is also where it is said that one call at a time is wanted.
fn choice_of(request: &Request) -> Option<Value> {
    let mut choice = Object::default();
    match &request.choice {
        None if request.parallel == Some(false) => choice.put("type", "auto"),
        None => return None,
        Some(Choice::Auto | Choice::Allowed { required: false, .. }) => choice.put("type", "auto"),
        Some(Choice::Required | Choice::Allowed { required: true, .. }) => choice.put("type", "any"),
        Some(Choice::Named(name)) => choice.put("type", "tool").put("name", name.as_str()),
        Some(Choice::None) => return Some(json!({"type": "none"})),
    };
    choice.maybe("disable_parallel_tool_use", request.parallel.map(|several| !several));
    Some(choice.done())
}
