//! Tools, whether one must be called, and the shape of the answer's text.

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object};
use super::unsayable;
use crate::hub::{Choice, Losses, Request, Shape, Tool, Unreadable};

/// `tools`, and `strict_tools`, which is said of all of them.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Tool>, Unreadable> {
    let list = fields.list("tools")?.unwrap_or_default();
    // Without tools it stays among the fields that nobody took.
    let strict = if list.is_empty() { None } else { fields.flag("strict_tools")? };
    let tool = |(nth, tool)| tool_of(tool, &format!("tools[{nth}]"), strict);
    list.into_iter().enumerate().map(tool).collect()
}

fn tool_of(tool: Value, at: &str, strict: Option<bool>) -> Result<Tool, Unreadable> {
    if tool.get("type").and_then(Value::as_str).is_some_and(|kind| kind != "function") {
        return Ok(Tool::Served(Wire::Cohere, tool));
    }
    let mut fields = Fields::of(tool, at)?;
    let mut function = fields.within("function")?;
    Ok(Tool::Function {
        name: function.need("name")?,
        description: function.text("description")?,
        schema: function.any("parameters"),
        strict,
        cache: None,
    })
}

/// `tool_choice`: without it the model does as it likes.
pub(super) fn read_choice(fields: &mut Fields) -> Result<Option<Choice>, Unreadable> {
    match fields.text("tool_choice")?.as_deref() {
        None => Ok(None),
        Some("REQUIRED") => Ok(Some(Choice::Required)),
        Some("NONE") => Ok(Some(Choice::None)),
        Some(_) => Err(Unreadable::at("tool_choice", "This must be `REQUIRED` or `NONE`.")),
    }
}

/// Tools, and the choice among them: where some are chosen, only those are offered.
pub(super) fn write(request: &Request, body: &mut Object, losses: &mut Losses) -> Result<(), Unreadable> {
    losses.add_if(request.parallel == Some(false) && !request.tools.is_empty(), &unsayable::PARALLEL);
    let chosen = match &request.choice {
        Some(Choice::Named(name)) => Some(std::slice::from_ref(name)),
        Some(Choice::Allowed { names, .. }) => Some(names.as_slice()),
        Some(Choice::Auto | Choice::None | Choice::Required) | None => None,
    };
    losses.add_if(chosen.is_some(), &unsayable::NAMED);
    let offered = |tool: &&Tool| {
        chosen.is_none_or(|names| tool.name().is_some_and(|name| names.iter().any(|one| one == name)))
    };
    let offered: Vec<&Tool> = request.tools.iter().filter(offered).collect();
    if offered.is_empty() && chosen.is_some() && !request.tools.is_empty() {
        return Err(Unreadable::at("tool_choice", "This names none of the tools."));
    }
    let tools: Vec<Value> = offered.iter().filter_map(|tool| written(tool, losses)).collect();
    if tools.is_empty() {
        return Ok(());
    }
    body.put("tools", tools).maybe("strict_tools", strict(&offered, losses));
    body.maybe("tool_choice", request.choice.as_ref().and_then(word));
    Ok(())
}

fn written(tool: &Tool, losses: &mut Losses) -> Option<Value> {
    let (name, description, parameters) = match tool {
        Tool::Function { name, description, schema, cache, .. } => {
            losses.add_if(cache.is_some(), &unsayable::CACHE_POINT);
            // They are required here, also of a tool that takes none.
            let none = || json!({"type": "object", "properties": {}});
            (name, description, schema.clone().unwrap_or_else(none))
        }
        Tool::Custom { name, description, .. } => {
            losses.add(&unsayable::CUSTOM_TOOL);
            let input =
                json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
            (name, description, input)
        }
        Tool::Served(Wire::Cohere, tool) => return Some(tool.clone()),
        Tool::Served(..) => {
            losses.add(&unsayable::SERVED_TOOL);
            return None;
        }
    };
    let mut function = Object::default();
    function.put("name", name.as_str()).maybe("description", description.clone());
    function.put("parameters", parameters);
    Some(json!({"type": "function", "function": function.done()}))
}

/// `strict_tools`: what all of them say, if they say the same.
fn strict(tools: &[&Tool], losses: &mut Losses) -> Option<bool> {
    let said = |tool: &&Tool| match tool {
        Tool::Function { strict, .. } => *strict,
        Tool::Custom { .. } | Tool::Served(..) => None,
    };
    let first = tools.first().and_then(said);
    if tools.iter().all(|tool| said(tool) == first) {
        return first;
    }
    losses.add_if(tools.iter().any(|tool| said(tool) == Some(true)), &unsayable::STRICT);
    None
}

fn word(choice: &Choice) -> Option<&'static str> {
    match choice {
        Choice::Auto | Choice::Allowed { required: false, .. } => None,
        Choice::None => Some("NONE"),
        Choice::Required | Choice::Named(_) | Choice::Allowed { required: true, .. } => Some("REQUIRED"),
    }
}

/// `response_format`. Its schema was called `schema` at first.
pub(super) fn read_shape(fields: &mut Fields) -> Result<Option<Shape>, Unreadable> {
    let mut format = fields.within("response_format")?;
    match format.text("type")?.as_deref() {
        None => Ok(None),
        Some("text") => Ok(Some(Shape::Text)),
        Some("json_object") => Ok(Some(match format.any("json_schema").or_else(|| format.any("schema")) {
            Some(schema) => Shape::Schema { name: None, description: None, schema, strict: None },
            None => Shape::Json,
        })),
        Some(_) => Err(Unreadable::at(format.path("type"), "This must be `text` or `json_object`.")),
    }
}

/// The same, written.
pub(super) fn shape_of(shape: &Shape, losses: &mut Losses) -> Value {
    match shape {
        Shape::Text => json!({"type": "text"}),
        Shape::Json => json!({"type": "json_object"}),
        Shape::Schema { name, description, schema, .. } => {
            losses.add_if(name.is_some() || description.is_some(), &unsayable::SCHEMA_NAME);
            json!({"type": "json_object", "json_schema": schema})
        }
    }
}
