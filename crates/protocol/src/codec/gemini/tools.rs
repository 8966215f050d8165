//! Tools, and whether one must be called.

use serde_json::{Map, Value, json};

use super::super::Wire;
use super::super::json::{Fields, Object};
use super::{schema, spelling, unsayable};
use crate::hub::{Choice, Losses, Request, Tool, Unreadable};

/// Reads `tools`: functions of the caller's, and what Google runs, each under its own name.
pub(super) fn read(fields: &mut Fields, rest: &mut Map<String, Value>) -> Result<Vec<Tool>, Unreadable> {
    let mut tools = Vec::new();
    for (nth, tool) in spelling::several(fields, "tools")?.into_iter().enumerate() {
        let mut tool = spelling::fields(tool, format!("tools[{nth}]"))?;
        let at = tool.path("functionDeclarations");
        for (mth, function) in spelling::several(&mut tool, "functionDeclarations")?.into_iter().enumerate() {
            let mut function = spelling::fields(function, format!("{at}[{mth}]"))?;
            let older = function.any("parameters").map(schema::json_schema);
            tools.push(Tool::Function {
                name: function.need("name")?,
                description: function.text("description")?,
                schema: function.any("parametersJsonSchema").or(older),
                strict: None,
                cache: None,
            });
            spelling::keep(function, rest);
        }
        tools.extend(tool.rest().into_iter().map(|(name, it)| Tool::Served(Wire::Gemini, json!({name: it}))));
    }
    Ok(tools)
}

/// Reads `toolConfig`.
pub(super) fn read_choice(
    fields: &mut Fields,
    rest: &mut Map<String, Value>,
) -> Result<Option<Choice>, Unreadable> {
    let mut config = spelling::within(fields, "toolConfig")?;
    let mut calling = spelling::within(&mut config, "functionCallingConfig")?;
    let mode = calling.text("mode")?.unwrap_or_default();
    let names = calling.list("allowedFunctionNames")?.unwrap_or_default();
    let mut names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let choice = match (mode.as_str(), names.len()) {
        ("NONE", _) => Some(Choice::None),
        ("ANY", 0) => Some(Choice::Required),
        ("ANY", 1) => names.pop().map(Choice::Named),
        ("" | "MODE_UNSPECIFIED", 0) => None,
        ("AUTO", 0) => Some(Choice::Auto),
        ("VALIDATED", 0) => {
            // That calls keep to their schemas is a wish the hub has a word for by the tool only.
            rest.insert(calling.path("mode"), mode.into());
            Some(Choice::Auto)
        }
        ("" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED", _) => {
            Some(Choice::Allowed { names, required: false })
        }
        ("ANY", _) => Some(Choice::Allowed { names, required: true }),
        (other, _) => {
            return Err(Unreadable::at(calling.path("mode"), format!("`{other}` is no mode.")));
        }
    };
    spelling::keep(calling, rest);
    spelling::keep(config, rest);
    Ok(choice)
}

/// Writes both.
pub(super) fn write(request: &Request, body: &mut Object, losses: &mut Losses) {
    let (mut tools, mut functions, mut place) = (Vec::new(), Vec::new(), 0);
    for tool in &request.tools {
        match tool {
            Tool::Served(Wire::Gemini, tool) => tools.push(tool.clone()),
            Tool::Served(..) => losses.add(&unsayable::SERVED_TOOL),
            Tool::Function { .. } | Tool::Custom { .. } => {
                if functions.is_empty() {
                    place = tools.len();
                }
                functions.push(declared(tool, losses));
            }
        }
    }
    let any = !functions.is_empty();
    if any {
        tools.insert(place, json!({"functionDeclarations": functions}));
    }
    body.list("tools", tools);
    if any {
        losses.add_if(request.parallel == Some(false), &unsayable::PARALLEL);
        body.maybe("toolConfig", request.choice.as_ref().map(calling));
    }
}

fn declared(tool: &Tool, losses: &mut Losses) -> Value {
    let mut function = Object::default();
    match tool {
        Tool::Function { name, description, schema, strict, cache } => {
            losses.add_if(*strict == Some(true), &unsayable::STRICT);
            losses.add_if(cache.is_some(), &unsayable::CACHE_POINT);
            function.put("name", name.as_str()).maybe("description", description.clone());
            function.maybe("parametersJsonSchema", schema.clone());
        }
        Tool::Custom { name, description, .. } => {
            losses.add(&unsayable::CUSTOM);
            function.put("name", name.as_str()).maybe("description", description.clone());
            function.put(
                "parametersJsonSchema",
                json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}),
            );
        }
        Tool::Served(..) => {}
    }
    function.done()
}

fn calling(choice: &Choice) -> Value {
    let config = match choice {
        Choice::Auto => json!({"mode": "AUTO"}),
        Choice::None => json!({"mode": "NONE"}),
        Choice::Required => json!({"mode": "ANY"}),
        Choice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        // Names may stand beside these two modes only.
        Choice::Allowed { names, required } => {
            let mode = if *required { "ANY" } else { "VALIDATED" };
            json!({"mode": mode, "allowedFunctionNames": names})
        }
    };
    json!({"functionCallingConfig": config})
}
