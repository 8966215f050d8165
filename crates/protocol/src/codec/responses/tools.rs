//! Tools, and whether one must be called.
//!
//! Tools here are flat, where Chat's are nested, and some stand together under a namespace. The hub knows each of those by both names.

use serde_json::{Map, Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object, wrong};
use super::unsayable;
use crate::hub::{Choice, Losses, Namespace, Request, Tool, Unreadable};

/// Where the description of a namespace is kept for other languages to tell that they left it out.
pub(super) const NAMESPACE_DESCRIPTION: &str = "tools.namespace.description";

/// `tools`.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    for (nth, tool) in fields.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        read_tool(tool, &format!("tools[{nth}]"), None, request)?;
    }
    Ok(())
}

/// Tools that stand in the conversation, at the fields' own place. One that is known by its name already is another from here on.
pub(super) fn read_more(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let (at, known) = (fields.path("tools"), request.tools.len());
    for (nth, tool) in fields.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        read_tool(tool, &format!("{at}[{nth}]"), None, request)?;
    }
    for tool in request.tools.split_off(known) {
        let same = |known: &&mut Tool| known.name().is_some() && known.name() == tool.name();
        match request.tools.iter_mut().find(same) {
            Some(earlier) => *earlier = tool,
            None => request.tools.push(tool),
        }
    }
    Ok(())
}

fn read_tool(
    tool: Value,
    at: &str,
    namespace: Option<&str>,
    request: &mut Request,
) -> Result<(), Unreadable> {
    let mut fields = Fields::of(tool.clone(), at)?;
    let kind = fields.text("type")?.unwrap_or_else(|| "function".to_owned());
    match kind.as_str() {
        "function" => {
            let function = Tool::Function {
                name: placed(&mut fields, namespace, request)?,
                description: fields.text("description")?,
                schema: fields.any("parameters"),
                strict: fields.flag("strict")?,
                cache: None,
            };
            request.tools.push(function);
        }
        "custom" => {
            let custom = Tool::Custom {
                name: placed(&mut fields, namespace, request)?,
                description: fields.text("description")?,
                format: fields.any("format").map(nested),
            };
            request.tools.push(custom);
        }
        "namespace" => {
            let name = fields.need("name")?;
            let description = fields.text("description")?;
            if let Some(description) = description.as_ref().filter(|words| !words.is_empty()) {
                request.rest.insert(NAMESPACE_DESCRIPTION.to_owned(), json!(description));
            }
            // One that is told of again has more tools.
            if !request.namespaces.iter().any(|known| known.name == name) {
                request.namespaces.push(Namespace { name: name.clone(), description, tools: Vec::new() });
            }
            for (nth, inner) in fields.list("tools")?.unwrap_or_default().into_iter().enumerate() {
                read_tool(inner, &format!("{at}.tools[{nth}]"), Some(&name), request)?;
            }
        }
        _ => {
            request.tools.push(Tool::Served(Wire::Responses, tool));
            return Ok(());
        }
    }
    keep("tools", fields, &mut request.rest);
    Ok(())
}

/// The name of a tool, or of a call of one: in a namespace both names.
pub(super) fn placed(
    fields: &mut Fields,
    namespace: Option<&str>,
    request: &mut Request,
) -> Result<String, Unreadable> {
    let name = fields.need("name")?;
    // A tool that was searched for and found stands under its own name.
    let Some(namespace) = namespace.filter(|namespace| *namespace != name) else { return Ok(name) };
    let at = match request.namespaces.iter().position(|known| known.name == namespace) {
        Some(at) => at,
        None => {
            request.namespaces.push(Namespace { name: namespace.to_owned(), ..Namespace::default() });
            request.namespaces.len() - 1
        }
    };
    let known = &mut request.namespaces[at];
    let full = known.full(&name);
    if !known.tools.contains(&name) {
        known.tools.push(name);
    }
    Ok(full)
}

/// Fields that nobody took stay by their path, so that what leaves them out can tell.
pub(super) fn keep(path: &str, fields: Fields, rest: &mut Map<String, Value>) {
    rest.extend(fields.rest().into_iter().map(|(name, value)| (format!("{path}.{name}"), value)));
}

/// The grammar of a text as Chat has it, which is the hub's form: an object of its own.
fn nested(mut format: Value) -> Value {
    match format.as_object_mut() {
        Some(flat)
            if flat.get("type").is_some_and(|kind| kind == "grammar") && !flat.contains_key("grammar") =>
        {
            flat.shift_remove("type");
            json!({"type": "grammar", "grammar": flat})
        }
        _ => format,
    }
}

/// The same as Responses has it.
fn flat(format: &Value) -> Value {
    match format.get("grammar").and_then(Value::as_object) {
        Some(grammar) => {
            let mut flat = Object::default();
            flat.put("type", "grammar").all(grammar);
            flat.done()
        }
        None => format.clone(),
    }
}

/// `tool_choice`. One that names a vendor's own tool stays as it is.
pub(super) fn read_choice(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let Some(choice) = fields.any("tool_choice") else { return Ok(()) };
    if let Some(word) = choice.as_str() {
        request.choice = Some(match word {
            "auto" => Choice::Auto,
            "none" => Choice::None,
            "required" => Choice::Required,
            _ => {
                let say = "This must be `auto`, `none`, `required` or an object.";
                return Err(Unreadable::at("tool_choice", say));
            }
        });
        return Ok(());
    }
    if !choice.is_object() {
        return Err(wrong("tool_choice", "a string or an object", &choice));
    }
    if choice["type"] == "allowed_tools" {
        let tools = choice["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        let names: Vec<String> = tools.iter().filter_map(|tool| chosen(tool, request)).collect();
        if names.len() < tools.len() {
            request.rest.insert("tool_choice".to_owned(), choice.clone());
        }
        request.choice = Some(Choice::Allowed { names, required: choice["mode"] == "required" });
        return Ok(());
    }
    request.choice = chosen(&choice, request).map(Choice::Named);
    if request.choice.is_none() {
        request.rest.insert("tool_choice".to_owned(), choice);
    }
    Ok(())
}

/// The tool that is named: one of the caller's own, in a namespace or not.
fn chosen(choice: &Value, request: &Request) -> Option<String> {
    if !matches!(choice["type"].as_str(), None | Some("function" | "custom")) {
        return None;
    }
    let name = choice["name"].as_str()?;
    let tools = request.tools.iter().filter_map(Tool::name);
    let inner = |full: &&str| request.namespace_of(full).is_some_and(|(_, own)| own == name);
    let full = tools.clone().find(|full| *full == name).or_else(|| tools.clone().find(inner));
    Some(full.unwrap_or(name).to_owned())
}

/// `tools` written; those of a namespace stand where its first one does.
pub(super) fn write(request: &Request, losses: &mut Losses) -> Vec<Value> {
    let mut written = Vec::with_capacity(request.tools.len());
    let mut grouped: Vec<&str> = Vec::new();
    for tool in &request.tools {
        match tool.name().and_then(|name| request.namespace_of(name)) {
            Some((namespace, _)) if grouped.contains(&namespace.name.as_str()) => {}
            Some((namespace, _)) => {
                grouped.push(&namespace.name);
                written.push(group(namespace, request, losses));
            }
            None => written.extend(one(tool, tool.name().unwrap_or_default(), losses)),
        }
    }
    written
}

fn group(namespace: &Namespace, request: &Request, losses: &mut Losses) -> Value {
    let mut inner = Vec::new();
    for tool in &request.tools {
        let placed = tool.name().and_then(|name| request.namespace_of(name));
        if let Some((_, own)) = placed.filter(|(of, _)| of.name == namespace.name) {
            inner.extend(one(tool, own, losses));
        }
    }
    let mut group = Object::default();
    group.put("type", "namespace").put("name", namespace.name.as_str());
    group.maybe("description", namespace.description.clone()).put("tools", inner);
    group.done()
}

fn one(tool: &Tool, name: &str, losses: &mut Losses) -> Option<Value> {
    let mut flat_tool = Object::default();
    match tool {
        Tool::Function { description, schema, strict, cache, .. } => {
            losses.add_if(cache.is_some(), &unsayable::CACHE_POINT);
            flat_tool.put("type", "function").put("name", name).maybe("description", description.clone());
            flat_tool.put("parameters", schema.clone().unwrap_or_default());
            // Functions are strict here unless it is said, and everywhere else they are not.
            flat_tool.put("strict", strict.unwrap_or_default());
        }
        Tool::Custom { description, format, .. } => {
            flat_tool.put("type", "custom").put("name", name).maybe("description", description.clone());
            flat_tool.maybe("format", format.as_ref().map(flat));
        }
        Tool::Served(Wire::Responses, tool) => return Some(tool.clone()),
        Tool::Served(..) => {
            losses.add(&unsayable::SERVED_TOOL);
            return None;
        }
    }
    Some(flat_tool.done())
}

/// `tool_choice` written.
pub(super) fn choice_of(choice: &Choice, request: &Request) -> Value {
    let one = |name: &str| {
        let custom = is_custom(name, request);
        let own = request.namespace_of(name).map_or(name, |(_, own)| own);
        json!({"type": if custom { "custom" } else { "function" }, "name": own})
    };
    match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Required => json!("required"),
        Choice::Named(name) => one(name),
        Choice::Allowed { names, required } => {
            let tools: Vec<Value> = names.iter().map(|name| one(name)).collect();
            let mode = if *required { "required" } else { "auto" };
            json!({"type": "allowed_tools", "mode": mode, "tools": tools})
        }
    }
}

/// Whether the caller has a tool of free text by this name.
pub(super) fn is_custom(name: &str, request: &Request) -> bool {
    request.tools.iter().any(|tool| matches!(tool, Tool::Custom { name: known, .. } if known == name))
}
