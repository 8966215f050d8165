//! Tools, and whether one must be called.

use serde_json::{Value, json};

use super::super::Wire;
use super::super::json::{Fields, Json, Object, wrong};
use super::unsayable;
use crate::hub::{Choice, Losses, Request, Shape, Tool, Unreadable};

/// `tools`, and the older `functions`.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Tool>, Unreadable> {
    let mut tools = Vec::new();
    for (nth, tool) in fields.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        tools.push(tool_of(tool, &format!("tools[{nth}]"))?);
    }
    for (nth, function) in fields.list("functions")?.unwrap_or_default().into_iter().enumerate() {
        tools.push(function_of(Fields::of(function, format!("functions[{nth}]"))?, None)?);
    }
    Ok(tools)
}

fn tool_of(tool: Value, at: &str) -> Result<Tool, Unreadable> {
    let kind = match tool.get("type").and_then(Value::as_str) {
        None | Some("function") => "function",
        Some("custom") => "custom",
        Some(_) => return Ok(Tool::Served(Wire::Chat, tool)),
    };
    let mut fields = Fields::of(tool, at)?;
    match kind {
        "function" if fields.has("function") => {
            let cache = fields.within("cache_control")?;
            let cache = cache.peek("type").is_some().then(|| cache.peek("ttl").map(str::to_owned));
            function_of(fields.within("function")?, cache)
        }
        "custom" if fields.has("custom") => {
            let mut custom = fields.within("custom")?;
            Ok(Tool::Custom {
                name: custom.need("name")?,
                description: custom.text("description")?,
                format: custom.any("format"),
            })
        }
        _ => Err(fields.missing(kind)),
    }
}

fn function_of(mut fields: Fields, cache: Option<Option<String>>) -> Result<Tool, Unreadable> {
    Ok(Tool::Function {
        name: fields.need("name")?,
        description: fields.text("description")?,
        schema: fields.any("parameters"),
        strict: fields.flag("strict")?,
        cache,
    })
}

/// `tool_choice`, and the older `function_call`.
pub(super) fn read_choice(fields: &mut Fields) -> Result<Option<Choice>, Unreadable> {
    let (at, choice) = match (fields.any("tool_choice"), fields.any("function_call")) {
        (Some(choice), _) => ("tool_choice", choice),
        (None, Some(choice)) => ("function_call", choice),
        (None, None) => return Ok(None),
    };
    if let Some(word) = choice.as_str() {
        return match word {
            "auto" => Ok(Some(Choice::Auto)),
            "none" => Ok(Some(Choice::None)),
            "required" => Ok(Some(Choice::Required)),
            _ => Err(Unreadable::at(at, "This must be `auto`, `none`, `required` or an object.")),
        };
    }
    if let Some(allowed) = choice.get("allowed_tools") {
        let named = |tool: &Value| name_of(tool).map(str::to_owned);
        let names = allowed
            .get("tools")
            .and_then(Value::as_array)
            .map(|tools| tools.iter().filter_map(named).collect());
        let required = allowed.get("mode").and_then(Value::as_str) == Some("required");
        return Ok(Some(Choice::Allowed { names: names.unwrap_or_default(), required }));
    }
    match name_of(&choice) {
        Some(name) => Ok(Some(Choice::Named(name.to_owned()))),
        None => Err(wrong(at, "a choice that names a tool", &choice)),
    }
}

/// `{"function": {"name": ...}}`, `{"custom": {"name": ...}}` or, as the older field has it, `{"name": ...}`.
fn name_of(choice: &Value) -> Option<&str> {
    ["function", "custom"]
        .into_iter()
        .find_map(|kind| choice.get(kind))
        .unwrap_or(choice)
        .get("name")?
        .as_str()
}

/// Tools, the choice among them, and whether several may be called at once.
pub(super) fn write<'a>(request: &'a Request, body: &mut Object<'a>, losses: &mut Losses) {
    let tools: Vec<Json<'a>> = request.tools.iter().filter_map(|tool| written(tool, losses)).collect();
    let any = !tools.is_empty();
    body.list("tools", tools);
    if any {
        body.maybe("tool_choice", request.choice.as_ref().map(|choice| choice_of(choice, &request.tools)));
        body.maybe("parallel_tool_calls", request.parallel);
    }
}

fn written<'a>(tool: &'a Tool, losses: &mut Losses) -> Option<Json<'a>> {
    match tool {
        Tool::Function { name, description, schema, strict, cache } => {
            losses.add_if(cache.is_some(), &unsayable::CACHE_POINT);
            let mut function = Object::default();
            function
                .put("name", name)
                .maybe("description", description.as_ref())
                .maybe("parameters", schema.as_ref());
            function.maybe("strict", *strict);
            Some(of_kind("function", function))
        }
        Tool::Custom { name, description, format } => {
            let mut custom = Object::default();
            custom
                .put("name", name)
                .maybe("description", description.as_ref())
                .maybe("format", format.as_ref());
            Some(of_kind("custom", custom))
        }
        Tool::Served(Wire::Chat, tool) => Some(tool.into()),
        Tool::Served(..) => {
            losses.add(&unsayable::SERVED_TOOL);
            None
        }
    }
}

/// `{"type": kind, kind: ...}`
fn of_kind<'a>(kind: &'static str, what: Object<'a>) -> Json<'a> {
    let mut out = Object::default();
    out.put("type", kind).put(kind, what);
    out.into()
}

fn choice_of(choice: &Choice, tools: &[Tool]) -> Value {
    let one = |name: &str| {
        let custom =
            tools.iter().any(|tool| matches!(tool, Tool::Custom { name: known, .. } if known == name));
        let kind = if custom { "custom" } else { "function" };
        json!({"type": kind, kind: {"name": name}})
    };
    match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Required => json!("required"),
        Choice::Named(name) => one(name),
        Choice::Allowed { names, required } => {
            let mode = if *required { "required" } else { "auto" };
            let tools: Vec<Value> = names.iter().map(|name| one(name)).collect();
            json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}})
        }
    }
}

/// `response_format`.
pub(super) fn read_shape(fields: &mut Fields) -> Result<Option<Shape>, Unreadable> {
    let mut format = fields.within("response_format")?;
    match format.text("type")?.as_deref() {
        None => Ok(None),
        Some("text") => Ok(Some(Shape::Text)),
        Some("json_object") => Ok(Some(Shape::Json)),
        Some("json_schema") => {
            let mut schema = format.within("json_schema")?;
            Ok(Some(Shape::Schema {
                name: schema.text("name")?,
                description: schema.text("description")?,
                strict: schema.flag("strict")?,
                schema: schema.any("schema").unwrap_or_else(|| json!({})),
            }))
        }
        Some(other) => Err(Unreadable::at(
            "response_format.type",
            format!("`{other}` is no shape this gateway can translate."),
        )),
    }
}

/// The same, written.
pub(super) fn shape_of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": "text"}),
        Shape::Json => json!({"type": "json_object"}),
        Shape::Schema { name, description, schema, strict } => {
            let mut inner = Object::default();
            inner.put("name", name.as_deref().unwrap_or("answer")).maybe("description", description.clone());
            inner.put("schema", schema.clone()).maybe("strict", *strict);
            json!({"type": "json_schema", "json_schema": inner.done()})
        }
    }
}
