//! `toolConfig`: tools, and whether one must be called.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object};
use super::{message, point, unsayable};
use crate::hub::{Choice, Losses, Part, Request, Tool, Unreadable};

/// Reads the tools.
pub(super) fn read(config: &mut Fields) -> Result<Vec<Tool>, Unreadable> {
    let mut tools: Vec<Tool> = Vec::new();
    let at = config.path("tools");
    for (nth, tool) in config.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        let mut fields = Fields::of(tool.clone(), format!("{at}[{nth}]"))?;
        if fields.has("toolSpec") {
            tools.push(function(fields.within("toolSpec")?)?);
            continue;
        }
        if let (true, Some(Tool::Function { cache: cache @ None, .. })) =
            (fields.has("cachePoint"), tools.last_mut())
        {
            *cache = Some(fields.within("cachePoint")?.text("ttl")?);
            continue;
        }
        tools.push(Tool::Served(Wire::Converse, tool));
    }
    Ok(tools)
}

fn function(mut spec: Fields) -> Result<Tool, Unreadable> {
    Ok(Tool::Function {
        name: spec.need("name")?,
        description: spec.text("description")?,
        schema: spec.within("inputSchema")?.any("json"),
        strict: spec.flag("strict")?,
        cache: None,
    })
}

/// Reads the choice: a union of which one is there.
pub(super) fn read_choice(config: &mut Fields) -> Result<Option<Choice>, Unreadable> {
    let mut choice = config.within("toolChoice")?;
    Ok(if choice.has("auto") {
        Some(Choice::Auto)
    } else if choice.has("any") {
        Some(Choice::Required)
    } else if choice.has("tool") {
        Some(Choice::Named(choice.within("tool")?.need("name")?))
    } else {
        None
    })
}

/// Writes it. It must be there where the conversation has calls, even if the caller offers no tools any more; and there is no
/// word for calling none.
pub(super) fn write(request: &Request, losses: &mut Losses) -> Option<Value> {
    let called = request.turns.iter().flat_map(|turn| &turn.parts).any(message::is_of_call);
    let none = request.choice == Some(Choice::None);
    if none && !called {
        return None;
    }
    let allowed = match &request.choice {
        Some(Choice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    let may = |tool: &&Tool| {
        allowed.is_none_or(|names| tool.name().is_none_or(|name| names.iter().any(|known| known == name)))
    };
    let mut tools = Vec::new();
    request.tools.iter().filter(may).for_each(|tool| written(tool, &mut tools, losses));
    losses.add_if(none && !tools.is_empty(), &unsayable::CHOICE_NONE);
    let mut config = Object::default();
    if tools.is_empty() {
        let named = if called { named_before(request) } else { Vec::new() };
        if named.is_empty() {
            return None;
        }
        losses.add(&unsayable::SYNTHESISED);
        return Some(json!({"tools": named}));
    }
    losses.add_if(request.parallel == Some(false), &unsayable::PARALLEL);
    config.put("tools", tools).maybe("toolChoice", request.choice.as_ref().and_then(choice_of));
    Some(config.done())
}

fn choice_of(choice: &Choice) -> Option<Value> {
    match choice {
        Choice::Auto | Choice::Allowed { required: false, .. } => Some(json!({"auto": {}})),
        Choice::Required | Choice::Allowed { required: true, .. } => Some(json!({"any": {}})),
        Choice::Named(name) => Some(json!({"tool": {"name": name}})),
        Choice::None => None,
    }
}

fn written(tool: &Tool, tools: &mut Vec<Value>, losses: &mut Losses) {
    match tool {
        Tool::Function { name, description, schema, strict, cache } => {
            let mut spec = Object::default();
            spec.put("name", name.as_str()).maybe("description", told(description.as_deref()));
            spec.put("inputSchema", json!({"json": schema_of(schema.as_ref())})).maybe("strict", *strict);
            tools.push(json!({"toolSpec": spec.done()}));
            tools.extend(cache.as_ref().map(|ttl| point::cache_point(ttl.as_deref())));
        }
        Tool::Custom { name, description, format: _ } => {
            losses.add(&unsayable::CUSTOM_TOOL);
            let mut spec = Object::default();
            spec.put("name", name.as_str()).maybe("description", told(description.as_deref()));
            let input =
                json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
            spec.put("inputSchema", json!({ "json": input }));
            tools.push(json!({"toolSpec": spec.done()}));
        }
        Tool::Served(Wire::Converse, tool) => tools.push(tool.clone()),
        Tool::Served(..) => losses.add(&unsayable::SERVED_TOOL),
    }
}

/// An empty description is refused, and says nothing.
fn told(description: Option<&str>) -> Option<&str> {
    description.filter(|text| !text.is_empty())
}

/// The schema of an object, which is said: arguments are nothing else.
fn schema_of(schema: Option<&Value>) -> Value {
    match schema {
        None => json!({"type": "object", "properties": {}}),
        Some(Value::Object(schema)) if !schema.contains_key("type") => {
            let mut typed = serde_json::Map::from_iter([("type".to_owned(), json!("object"))]);
            typed.extend(schema.clone());
            Value::Object(typed)
        }
        Some(schema) => schema.clone(),
    }
}

/// The tools that were called, each once, by their names alone.
fn named_before(request: &Request) -> Vec<Value> {
    let called: HashMap<&str, &str> = request.called();
    let mut tools: Vec<Value> = Vec::new();
    let mut named: HashSet<(&str, &str)> = HashSet::new();
    for part in request.turns.iter().flat_map(|turn| &turn.parts) {
        let (kind, name) = match part {
            Part::Call(call) => ("toolSpec", Some(call.name.as_str())),
            Part::Outcome(outcome) => {
                ("toolSpec", outcome.name.as_deref().or_else(|| called.get(outcome.call.as_str()).copied()))
            }
            Part::Opaque(Wire::Converse, block) => ("systemTool", block["toolUse"]["name"].as_str()),
            _ => continue,
        };
        let Some(name) = name else { continue };
        if !named.insert((kind, name)) {
            continue;
        }
        let mut tool = Object::default();
        tool.put("name", name);
        if kind == "toolSpec" {
            tool.put("inputSchema", json!({"json": schema_of(None)}));
        }
        tools.push(json!({ kind: tool.done() }));
    }
    tools
}
