//! What one model of Anthropic's takes and another refuses, wherever it is served: told by its name.
//!
//! Source: Anthropic's "Extended thinking", "Adaptive thinking", "Migrating to Claude 4.7" and model cards of Bedrock; refusals as they were
//! told: `top_k` "must be unset when thinking is enabled or in adaptive mode", `temperature` and `top_p` "cannot both be specified for this
//! model" (since Opus 4.1, Sonnet 4.5 and Haiku 4.5).

use std::borrow::Cow;

use serde_json::Number;

use crate::hub::{Budget, Choice, Losses, Part, Reasoning, Request, Role, Sampling, Unsayable};

/// What can be told of a model by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Claude {
    /// Its number; `None`: the name is of somebody's own choice, and does not say.
    number: Option<(u32, u32)>,
    /// Of the largest family.
    opus: bool,
}

/// What a name without a number is of: the newest.
const NEWEST: (u32, u32) = (u32::MAX, 0);

impl Claude {
    /// The model of a name, whoever serves it: `claude-sonnet-4-5-20250929`, `us.anthropic.claude-3-7-sonnet-20250219-v1:0`.
    pub(super) fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let own = name.split_once("claude").map(|(_, rest)| rest);
        let Some(rest) = own.or_else(|| name.split_once("anthropic").map(|(_, rest)| rest)) else {
            return Self { number: None, opus: false };
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
        Self { number: Some(number), opus: words.contains(&"opus") }
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

/// Thinking as Claude models up to 4.5 know it: in so many tokens, which they have to be told. The request itself where nothing is changed.
pub(super) fn fitted<'a>(request: &'a Request, losses: &mut Losses, line: &Unsayable) -> Cow<'a, Request> {
    let claude = Claude::of(&request.model);
    let Some(asked) = request.reasoning.as_ref().filter(|_| !claude.adapts()) else {
        return Cow::Borrowed(request);
    };
    let effort = asked.effort.clone().filter(|word| word == "none" || claude.knows_efforts());
    let wished = asked.budget.is_some() || asked.effort.is_some() || asked.shown == Some(true);
    let fit = match asked.budget {
        Some(Budget::Tokens(_)) => Some(Reasoning { effort, ..asked.clone() }),
        _ if asked.is_off() || !wished => Some(Reasoning { effort, ..asked.clone() }),
        _ => claude.budget(request).map(|tokens| Reasoning {
            effort,
            budget: Some(Budget::Tokens(tokens)),
            shown: asked.shown,
        }),
    };
    if fit.as_ref() == Some(asked) {
        return Cow::Borrowed(request);
    }
    losses.add(line);
    Cow::Owned(Request { reasoning: fit, ..request.clone() })
}

impl Claude {
    /// It thinks as much as it finds right, and is told by an effort.
    fn adapts(self) -> bool {
        self.number.is_none_or(|number| number > (4, 5))
    }

    /// It knows efforts besides: of those that have to be told their budget only Opus 4.5.
    fn knows_efforts(self) -> bool {
        self.adapts() || (self.opus && self.number == Some((4, 5)))
    }

    /// The tokens that stand for an effort; `None`: it cannot think here.
    fn budget(self, request: &Request) -> Option<u64> {
        const LEAST: u64 = 1024;
        // A tool that must be called and thinking exclude each other.
        let forced = matches!(
            request.choice,
            Some(Choice::Required | Choice::Named(_) | Choice::Allowed { required: true, .. })
        );
        if forced || !self.since((3, 7)) || calls_without_thoughts(request) {
            return None;
        }
        let effort = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
        let tokens = match effort {
            Some("minimal" | "low") => 2048,
            Some("medium") | None => 8192,
            Some(_) => 16_384,
        };
        // They are part of the answer's limit, and have to be fewer.
        match request.sampling.most_tokens {
            Some(most) if most <= tokens => Some((most / 2).max(LEAST)).filter(|tokens| *tokens < most),
            _ => Some(tokens),
        }
    }
}

/// Whether the model is in the middle of calls that stand there without the thoughts that led to them: who is told a budget refuses that.
fn calls_without_thoughts(request: &Request) -> bool {
    let asks = |part: &Part| !matches!(part, Part::Outcome(_) | Part::CachePoint(_));
    let begun = |role: Role, parts: &[Part]| role != Role::Assistant && parts.iter().any(asks);
    let since = request.turns.iter().rev().take_while(|turn| !begun(turn.role, &turn.parts));
    let signed = |part: &Part| matches!(part, Part::Thought(thought) if thought.signature.is_some() || thought.sealed.is_some());
    since.filter(|turn| turn.role == Role::Assistant).any(|turn| {
        turn.parts.iter().any(|part| matches!(part, Part::Call(_))) && !turn.parts.iter().any(signed)
    })
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
