//! Fields that one model knows and another does not: `additionalModelRequestFields`, and the effort beside them.

use serde_json::{Map, Value, json};

use super::super::Habits;
use super::super::claude::Claude;
use super::super::json::Object;
use super::{block, unsayable};
use crate::hub::{Budget, Choice, Losses, Reasoning, Request};

/// What the models call the setting of their thoughts: Anthropic's, and what AWS' documents and other models call it.
const THINKING: [&str; 2] = ["thinking", "reasoning_config"];

/// Takes what the hub has words for out of the fields.
pub(super) fn read(model: &mut Map<String, Value>, effort: Option<String>, request: &mut Request) {
    if let Some(Value::Number(top_k)) = model.get("top_k").cloned() {
        model.shift_remove("top_k");
        request.sampling.top_k = Some(top_k);
    }
    let mut reasoning = Reasoning { effort, ..Reasoning::default() };
    for name in THINKING {
        if model.get(name).is_some_and(|thinking| thinks(thinking, &mut reasoning)) {
            model.shift_remove(name);
        }
    }
    if let Some(word) = model.get("reasoning_effort").and_then(Value::as_str).map(str::to_owned) {
        model.shift_remove("reasoning_effort");
        reasoning.effort.get_or_insert(word);
    }
    let output = model.get("output_config").and_then(Value::as_object).filter(|output| output.len() == 1);
    if let Some(word) = output.and_then(|output| output.get("effort")?.as_str()).map(str::to_owned) {
        model.shift_remove("output_config");
        reasoning.effort.get_or_insert(word);
    }
    if reasoning != Reasoning::default() {
        request.reasoning = Some(reasoning);
    }
}

/// Whether it is understood.
fn thinks(thinking: &Value, reasoning: &mut Reasoning) -> bool {
    if let Some(word) = thinking.as_str() {
        reasoning.effort.get_or_insert(word.to_owned());
        return true;
    }
    let budget = match (thinking["type"].as_str(), thinking["budget_tokens"].as_u64()) {
        (Some("enabled"), Some(tokens)) => Budget::Tokens(tokens),
        (Some("adaptive"), _) => Budget::Adaptive,
        (Some("disabled" | "between_tools"), _) => Budget::Off,
        _ => return false,
    };
    reasoning.budget = Some(budget);
    reasoning.shown = match thinking["display"].as_str() {
        Some("omitted") => Some(false),
        Some(_) => Some(true),
        None => None,
    };
    true
}

/// Whether a model is Anthropic's, by its id or by the inference profile that stands for it (`eu.anthropic.claude-…`).
fn is_claude(model: &str) -> bool {
    model.contains("anthropic.")
}

/// Writes them.
pub(super) fn write(request: &Request, habits: Habits, losses: &mut Losses) -> Object<'static> {
    let mut model = Object::default();
    if let Some(reasoning) = &request.reasoning {
        let mut thinking = Object::default();
        match reasoning.budget {
            _ if reasoning.is_off() => {
                thinking.put("type", Claude::of(&request.model).off());
            }
            // As on Messages: who is told to think so is asked for the thoughts before the calls.
            Some(Budget::Tokens(_)) if request.has_lost_thoughts(|it| block::is_known(it, habits)) => {
                losses.add(&unsayable::LOST_THOUGHTS);
            }
            Some(Budget::Tokens(tokens)) => {
                thinking.put("type", "enabled").put("budget_tokens", tokens);
            }
            Some(Budget::Adaptive) => {
                thinking.put("type", "adaptive");
            }
            // An effort alone makes no Claude think. A tool that must be called and thinking exclude each other.
            None if reasoning.effort.is_some()
                && is_claude(&request.model)
                && !request.choice.as_ref().is_some_and(Choice::is_forced) =>
            {
                thinking.put("type", "adaptive");
            }
            Some(Budget::Off) | None => {}
        }
        if let Some(shown) = reasoning.shown.filter(|_| !reasoning.is_off()) {
            if thinking.is_empty() {
                losses.add(&unsayable::SHOWN);
            } else {
                thinking.put("display", if shown { "summarized" } else { "omitted" });
            }
        }
        model.maybe("thinking", thinking.unless_empty());
    }
    model
}

/// The effort, in a word of Bedrock's; none at all is said as a setting of the thoughts.
pub(super) fn effort(request: &Request, losses: &mut Losses) -> Option<Value> {
    let word = request.reasoning.as_ref()?.effort.as_deref()?;
    match word {
        "none" => None,
        "minimal" => {
            losses.add(&unsayable::MINIMAL);
            Some(json!("low"))
        }
        word => Some(json!(word)),
    }
}
