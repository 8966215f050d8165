//! How much is thought and what shape the answer has: `thinking` and `output_config`.

use serde_json::{Value, json};

use super::super::claude::Claude;
use super::super::json::{Fields, Object};
use super::super::{Habits, closed};
use super::{block, content, unsayable};
use crate::hub::{Budget, Choice, Losses, Reasoning, Request, Shape, Unreadable};

/// The least that may be thought.
const LEAST_BUDGET: u64 = 1024;

/// Reads both, and `output_format`, which the format was before.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let mut thinking = fields.within("thinking")?;
    let budget = match thinking.text("type")?.as_deref() {
        None => None,
        Some("disabled" | "between_tools") => Some(Budget::Off),
        Some("adaptive") => Some(Budget::Adaptive),
        Some("enabled") => {
            let tokens = thinking.whole("budget_tokens")?;
            Some(Budget::Tokens(tokens.ok_or_else(|| thinking.missing("budget_tokens"))?))
        }
        Some(other) => {
            return Err(Unreadable::at("thinking.type", format!("`{other}` is no way to think.")));
        }
    };
    let shown = match thinking.peek("display") {
        Some("summarized") => Some(true),
        Some("omitted") => Some(false),
        _ => None,
    };
    if shown.is_some() {
        thinking.any("display");
    }
    content::leave(thinking, &mut request.rest);
    let mut config = fields.within("output_config")?;
    let effort = config.text("effort")?;
    if effort.is_some() || budget.is_some() || shown.is_some() {
        request.reasoning = Some(Reasoning { effort, budget, shown });
    }
    let older = fields.within("output_format")?;
    let format = if config.has("format") { config.within("format")? } else { older };
    request.shape = shape(format)?;
    content::leave(config, &mut request.rest);
    Ok(())
}

fn shape(mut format: Fields) -> Result<Option<Shape>, Unreadable> {
    match format.text("type")?.as_deref() {
        None => Ok(None),
        Some("json_schema") => {
            let schema = format.any("schema").ok_or_else(|| format.missing("schema"))?;
            Ok(Some(Shape::Schema { name: None, description: None, schema, strict: None }))
        }
        Some(other) => Err(Unreadable::at(
            format.path("type"),
            format!("`{other}` is no shape this gateway can translate."),
        )),
    }
}

/// Writes both.
pub(super) fn write(request: &Request, habits: Habits, body: &mut Object, losses: &mut Losses) {
    let mut config = Object::default();
    if let Some(reasoning) = &request.reasoning {
        body.maybe("thinking", thinking(request, reasoning, habits, losses));
        config.maybe("effort", effort(reasoning, losses));
    }
    config.maybe("format", request.shape.as_ref().and_then(|shape| format(shape, losses)));
    body.maybe("output_config", config.unless_empty());
}

/// `thinking`. Who names an effort wants thoughts, which no model has unless they are asked for.
fn thinking(request: &Request, reasoning: &Reasoning, habits: Habits, losses: &mut Losses) -> Option<Value> {
    // A tool that must be called and thinking exclude each other.
    let forced = request.choice.as_ref().is_some_and(Choice::is_forced);
    let mut out = Object::default();
    match reasoning.budget {
        _ if reasoning.is_off() => return Some(json!({"type": Claude::of(&request.model).off()})),
        // Who is told to think so is asked for the thoughts before the calls, and not every model knows `adaptive`, which does not ask.
        Some(Budget::Tokens(_)) if request.has_lost_thoughts(|it| block::is_known(it, habits)) => {
            losses.add(&unsayable::LOST_THOUGHTS);
            return None;
        }
        Some(Budget::Tokens(tokens)) => {
            losses.add_if(tokens < LEAST_BUDGET, &unsayable::BUDGET);
            out.put("type", "enabled").put("budget_tokens", tokens.max(LEAST_BUDGET))
        }
        None if forced => return None,
        None if reasoning.effort.is_none() && reasoning.shown != Some(true) => return None,
        _ => out.put("type", "adaptive"),
    };
    out.maybe("display", reasoning.shown.map(|shown| if shown { "summarized" } else { "omitted" }));
    Some(out.done())
}

fn effort(reasoning: &Reasoning, losses: &mut Losses) -> Option<String> {
    match reasoning.effort.as_deref()? {
        "none" => None,
        "minimal" => {
            losses.add(&unsayable::EFFORT);
            Some("low".to_owned())
        }
        word => Some(word.to_owned()),
    }
}

fn format(shape: &Shape, losses: &mut Losses) -> Option<Value> {
    match shape {
        Shape::Text => None,
        Shape::Json => {
            losses.add(&unsayable::JSON);
            None
        }
        Shape::Schema { name, description, schema, strict } => {
            losses.add_if(name.is_some() || description.is_some(), &unsayable::SHAPE_NAME);
            losses.add_if(*strict == Some(false), &unsayable::LOOSE_SHAPE);
            let mut schema = schema.clone();
            losses.add_if(closed::close(&mut schema), &unsayable::OPEN_SHAPE);
            Some(json!({"type": "json_schema", "schema": schema}))
        }
    }
}
