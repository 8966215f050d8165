//! What one model of Anthropic's takes and another refuses, wherever it is served: told by its name.
//!
//! Source: Anthropic's "Migrating to Claude 4.7" and model cards of Bedrock; refusals as they were told: `top_k` "must be unset when thinking
//! is enabled or in adaptive mode", `temperature` and `top_p` "cannot both be specified for this model" (since Opus 4.1, Sonnet 4.5 and Haiku
//! 4.5).

mod thinking;

use serde_json::Number;

pub(super) use thinking::{ADAPTIVE, BUDGET, EFFORT, FORCED, OFF, fitted};

use crate::hub::{Losses, Sampling, Unsayable};

/// What can be told of a model by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Claude {
    /// Its number; `None`: the name is of somebody's own choice, and does not say.
    number: Option<(u32, u32)>,
    family: Family,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Haiku,
    Sonnet,
    Opus,
    /// Fable and Mythos, which are one model to two kinds of customers.
    Fable,
    Unknown,
}

/// What a name without a number is of: the newest.
const NEWEST: (u32, u32) = (u32::MAX, 0);

impl Claude {
    /// The model of a name, whoever serves it: `claude-sonnet-4-5-20250929`, `us.anthropic.claude-3-7-sonnet-20250219-v1:0`.
    pub(super) fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let own = name.split_once("claude").map(|(_, rest)| rest);
        let Some(rest) = own.or_else(|| name.split_once("anthropic").map(|(_, rest)| rest)) else {
            return Self { number: None, family: Family::Unknown };
        };
        let words: Vec<&str> =
            rest.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        // Before the family's name or behind it; longer numbers are dates.
        let number = |at: usize| {
            words.get(at).filter(|word| word.len() <= 2).and_then(|word| word.parse::<u32>().ok())
        };
        let first = (0..2).find(|at| number(*at).is_some());
        let number =
            first.map_or(NEWEST, |at| (number(at).unwrap_or_default(), number(at + 1).unwrap_or_default()));
        let family = words.iter().find_map(|word| match *word {
            "haiku" => Some(Family::Haiku),
            "sonnet" => Some(Family::Sonnet),
            "opus" => Some(Family::Opus),
            "fable" | "mythos" => Some(Family::Fable),
            _ => None,
        });
        Self { number: Some(number), family: family.unwrap_or(Family::Unknown) }
    }

    /// The same for a name of Bedrock's; `None`: the model is another's. An ARN of the account's own does not say whose it is.
    pub(super) fn on_bedrock(name: &str) -> Option<Self> {
        let last = name.rsplit('/').next().unwrap_or_default();
        let hidden = name.is_empty() || (name.starts_with("arn:") && !last.contains('.'));
        let claude = Self::of(name);
        (hidden || claude.number.is_some()).then_some(claude)
    }

    fn since(self, number: (u32, u32)) -> bool {
        self.number.is_some_and(|own| own >= number)
    }

    /// Whether it is known to be older than that.
    pub(super) fn is_before(self, number: (u32, u32)) -> bool {
        self.number.is_some_and(|own| own < number)
    }

    /// What it takes of the settings by which words are drawn, when it thinks and when it does not.
    pub(super) fn draws(self, asked: &Drawn, thinks: bool) -> Drawn {
        let mut drawn = asked.clone();
        let fixed = self.since((4, 7));
        if thinks || fixed {
            drawn.top_k = None;
            drawn.temperature = drawn.temperature.filter(|number| is(number, |number| number == 1.0));
            let least = if fixed { 1.0 } else { 0.95 };
            drawn.top_p = drawn.top_p.filter(|number| is(number, |number| (least..=1.0).contains(&number)));
        }
        // Only the older ones take both.
        let both = self.number.is_some_and(|number| number <= (4, 0));
        if let (Some(temperature), Some(top_p), false) = (&drawn.temperature, &drawn.top_p, both) {
            // Who says what is so anyway wishes nothing by it; where both do, or neither, the temperature stays.
            let usual = is(temperature, |number| number == 1.0);
            if usual && !USUAL_TOP_P.iter().any(|usual| is(top_p, |number| number == *usual)) {
                drawn.temperature = None;
            } else {
                drawn.top_p = None;
            }
        }
        drawn
    }
}

/// What programs say for `top_p` that leave it as it is: OpenAI's and Gemini's.
const USUAL_TOP_P: [f64; 2] = [1.0, 0.95];

fn is(number: &Number, so: impl Fn(f64) -> bool) -> bool {
    number.as_f64().is_some_and(so)
}

/// The settings by which words are drawn that a model takes one beside the other, or does not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Drawn {
    pub(super) temperature: Option<Number>,
    pub(super) top_p: Option<Number>,
    pub(super) top_k: Option<Number>,
}

impl Drawn {
    /// What is asked for.
    pub(super) fn of(sampling: &Sampling) -> Self {
        Self {
            temperature: sampling.temperature.clone(),
            top_p: sampling.top_p.clone(),
            top_k: sampling.top_k.clone(),
        }
    }

    /// Tells what of the asked for is not among it: by the lines for the temperature, `top_p` and `top_k`.
    pub(super) fn tell(&self, asked: &Self, lines: [&Unsayable; 3], losses: &mut Losses) {
        let [temperature, top_p, top_k] = lines;
        losses.add_if(self.temperature != asked.temperature, temperature);
        losses.add_if(self.top_p != asked.top_p, top_p);
        losses.add_if(self.top_k != asked.top_k, top_k);
    }
}

#[cfg(test)]
mod tests;
