//! How much the model is to think: `thinkingConfig`.
//!
//! Source: Gemini API reference, "Thinking" (Gemini 3 takes levels and cannot be kept from thinking, 2.5 takes tokens, 2.5 Pro at least 128
//! of them), and "OpenAI compatibility" for the tokens and levels that efforts stand for.

use serde_json::Value;

use super::super::json::{Fields, Object, wrong};
use super::{spelling, unsayable};
use crate::hub::{Budget, Losses, Reasoning, Request, Unreadable};

/// What can be told of a model by its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    newer: bool,
    pro: bool,
}

impl Model {
    /// A name without a number, as `gemini-flash-latest`, is of the newest.
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or_default();
        let newer = !["gemini-1", "gemini-2"].iter().any(|older| name.starts_with(older));
        Self { newer, pro: name.contains("pro") }
    }

    /// Gemini 3 or later: it takes levels, wants the marks of its calls back, and sees pictures in outcomes.
    pub(super) fn is_newer(self) -> bool {
        self.newer
    }

    /// The least it can think.
    fn least(self) -> Said {
        match (self.newer, self.pro) {
            (true, true) => Said::Level("LOW"),
            (true, false) => Said::Level("MINIMAL"),
            (false, true) => Said::Tokens(128),
            (false, false) => Said::Tokens(0),
        }
    }
}

/// One of the two ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Said {
    Level(&'static str),
    Tokens(i64),
}

pub(super) fn read(
    config: &mut Fields,
    rest: &mut serde_json::Map<String, Value>,
) -> Result<Option<Reasoning>, Unreadable> {
    if !config.has("thinkingConfig") {
        return Ok(None);
    }
    let mut thinking = spelling::within(config, "thinkingConfig")?;
    let level = thinking.text("thinkingLevel")?.map(|level| level.to_ascii_lowercase());
    let budget = match thinking.any("thinkingBudget") {
        None => None,
        Some(tokens) => Some(match tokens.as_i64() {
            Some(0) => Budget::Off,
            Some(-1) => Budget::Adaptive,
            Some(tokens @ 1..) => Budget::Tokens(tokens.unsigned_abs()),
            _ => return Err(wrong(&thinking.path("thinkingBudget"), "a number of tokens, 0 or -1", &tokens)),
        }),
    };
    let reasoning = Reasoning {
        effort: level.filter(|level| level != "thinking_level_unspecified"),
        budget,
        shown: thinking.flag("includeThoughts")?,
    };
    spelling::keep(thinking, rest);
    Ok(Some(reasoning))
}

/// `thinkingConfig`, if anything is to be said.
pub(super) fn write(request: &Request, losses: &mut Losses) -> Option<Object<'static>> {
    let reasoning = request.reasoning.as_ref()?;
    let mut config = Object::default();
    match said(reasoning, Model::of(&request.model), losses) {
        Some(Said::Level(level)) => config.put("thinkingLevel", level),
        Some(Said::Tokens(tokens)) => config.put("thinkingBudget", tokens),
        None => &mut config,
    };
    config.maybe("includeThoughts", reasoning.shown);
    config.unless_empty()
}

fn said(reasoning: &Reasoning, model: Model, losses: &mut Losses) -> Option<Said> {
    if reasoning.is_off() {
        let least = model.least();
        losses.add_if(least != Said::Tokens(0), &unsayable::OFF);
        return Some(least);
    }
    let effort = reasoning.effort.as_deref();
    match (effort, reasoning.budget) {
        (Some(word), budget) if model.newer => {
            losses.add_if(matches!(budget, Some(Budget::Tokens(_))), &unsayable::BUDGET);
            level(word, model, losses)
        }
        (effort, Some(Budget::Tokens(tokens))) => {
            losses.add_if(effort.is_some(), &unsayable::EFFORT);
            i64::try_from(tokens).ok().map(Said::Tokens)
        }
        (None, Some(_)) => Some(Said::Tokens(-1)),
        (Some(word), _) => {
            losses.add(&unsayable::EFFORT);
            tokens(word)
        }
        (None, None) => None,
    }
}

fn level(word: &str, model: Model, losses: &mut Losses) -> Option<Said> {
    let (level, exact) = match word {
        "minimal" if model.pro => ("LOW", false),
        "minimal" => ("MINIMAL", true),
        "low" => ("LOW", true),
        "medium" => ("MEDIUM", true),
        "high" => ("HIGH", true),
        "xhigh" | "max" => ("HIGH", false),
        _ => {
            losses.add(&unsayable::EFFORT);
            return None;
        }
    };
    losses.add_if(!exact, &unsayable::EFFORT);
    Some(Said::Level(level))
}

fn tokens(word: &str) -> Option<Said> {
    match word {
        "minimal" | "low" => Some(Said::Tokens(1024)),
        "medium" => Some(Said::Tokens(8192)),
        "high" | "xhigh" | "max" => Some(Said::Tokens(24_576)),
        _ => None,
    }
}
