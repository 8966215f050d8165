//! How a model of Anthropic's is told to think, which is another way in each generation.
//!
//! Source: Anthropic's "Thinking", "Extended thinking", "Effort" and the migration guides of its models: a budget of tokens up to 4.5, either
//! way in 4.6, as much as it finds right since 4.7 ("Claude 4.7 and later models do not support it and reject requests that use it"). Fable,
//! Mythos and Opus 5.5 always think, and Sonnet 5.5 is told `between_tools` in place of `disabled`; these refuse to be made to call a tool
//! (but Fable 5 and Mythos 5: `tool_choice: type "tool" and "any" are not supported for this model`). Opus 5 and Haiku 5.5 are kept from
//! thinking only up to the effort `high`.

use std::borrow::Cow;

use super::{Claude, Family};
use crate::hub::{Budget, Choice, Losses, Part, Reasoning, Request, Role, Unsayable};

pub(in crate::codec) static ADAPTIVE: Unsayable = Unsayable {
    what: "thinking without a budget",
    why: "said in tokens to Claude up to 4.5, which knows no other way: minimal and low 2,048, medium and no word 8,192, above it 16,384, \
          half of max_tokens where that is not more; the effort is left out then, save for Opus 4.5; and none is thought where that is \
          refused: by models before 3.7, with fewer than 1,025 tokens, where a tool must be called, or where calls stand without their \
          thoughts",
};
pub(in crate::codec) static BUDGET: Unsayable = Unsayable {
    what: "thinking budget",
    why: "said as an effort to Claude 4.7 and later, which refuse a number: up to 2,048 tokens low, up to 8,192 medium, above it high; left \
          out for earlier ones where a tool must be called",
};
pub(in crate::codec) static OFF: Unsayable = Unsayable {
    what: "thinking off",
    why: "said as the least there is: as a low effort to Fable, Mythos and Opus since 5.5, which always think; Sonnet since 5.5 still thinks \
          between calls",
};
pub(in crate::codec) static EFFORT: Unsayable = Unsayable {
    what: "reasoning_effort",
    why: "`xhigh` is said as `high` to Claude 4.6 and Opus 4.5, `max` to Opus 4.5, and both to Claude 5 and later where they are not to think",
};
pub(in crate::codec) static FORCED: Unsayable = Unsayable {
    what: "tool_choice",
    why: "that a tool must be called is left out for Opus and Sonnet since 5.5, Mythos Preview, and Fable and Mythos since 5.1, which refuse \
          it; where one is named, no others are offered",
};

/// The request as the model of its name takes it: itself where nothing is changed.
pub(in crate::codec) fn fitted<'a>(request: &'a Request, losses: &mut Losses) -> Cow<'a, Request> {
    let claude = Claude::of(&request.model);
    let reasoning = request.reasoning.as_ref().and_then(|asked| claude.reasoning(request, asked, losses));
    let choice = request.choice.clone().map(|choice| claude.choice(choice, losses));
    if reasoning == request.reasoning && choice == request.choice {
        return Cow::Borrowed(request);
    }
    Cow::Owned(Request { reasoning, choice, ..request.clone() })
}

impl Claude {
    /// It thinks as much as it finds right, and is told by an effort.
    fn adapts(self) -> bool {
        self.number.is_none_or(|number| number > (4, 5))
    }

    fn always_thinks(self) -> bool {
        self.number.is_some()
            && (self.family == Family::Fable || (self.family == Family::Opus && self.since((5, 5))))
    }

    /// It is kept from thinking at first, and thinks between its calls.
    fn thinks_between(self) -> bool {
        self.family == Family::Sonnet && self.since((5, 5))
    }

    /// The word for not thinking.
    pub(in crate::codec) fn off(self) -> &'static str {
        if self.thinks_between() { "between_tools" } else { "disabled" }
    }

    /// It refuses to be made to call a tool.
    fn is_free(self) -> bool {
        match self.family {
            Family::Opus | Family::Sonnet => self.since((5, 5)),
            Family::Fable => self.since((5, 1)),
            Family::Haiku | Family::Unknown => false,
        }
    }

    fn choice(self, asked: Choice, losses: &mut Losses) -> Choice {
        if !asked.is_forced() || !self.is_free() {
            return asked;
        }
        losses.add(&FORCED);
        match asked {
            Choice::Named(name) => Choice::Allowed { names: vec![name], required: false },
            Choice::Allowed { names, .. } => Choice::Allowed { names, required: false },
            _ => Choice::Auto,
        }
    }

    fn reasoning(self, request: &Request, asked: &Reasoning, losses: &mut Losses) -> Option<Reasoning> {
        if self.number.is_none() {
            return Some(asked.clone());
        }
        let forced = request.choice.as_ref().is_some_and(Choice::is_forced);
        if let (Some(Budget::Tokens(_)), true, false) = (asked.budget, forced, self.since((4, 7))) {
            losses.add(&BUDGET);
            return None;
        }
        if !self.adapts() {
            let fit = self.in_tokens(request, asked);
            losses.add_if(fit.as_ref() != Some(asked), &ADAPTIVE);
            return fit.map(|fit| self.with_effort(fit, losses));
        }
        let mut fit = asked.clone();
        if let (Some(Budget::Tokens(tokens)), true) = (asked.budget, self.since((4, 7))) {
            losses.add(&BUDGET);
            fit.budget = Some(Budget::Adaptive);
            fit.effort.get_or_insert_with(|| word(tokens).to_owned());
        }
        if asked.is_off() && self.always_thinks() {
            losses.add(&OFF);
            fit = Reasoning { effort: Some("low".to_owned()), budget: None, shown: asked.shown };
        }
        losses.add_if(asked.is_off() && self.thinks_between() && !request.tools.is_empty(), &OFF);
        Some(self.with_effort(fit, losses))
    }

    /// The next effort below, where it has none of that name.
    fn with_effort(self, mut asked: Reasoning, losses: &mut Losses) -> Reasoning {
        let highest = match asked.effort.as_deref() {
            Some("xhigh") => {
                self.number == Some((4, 6)) || self.is_opus_4_5() || (asked.is_off() && self.since((5, 0)))
            }
            Some("max") => self.is_opus_4_5() || (asked.is_off() && self.since((5, 0))),
            _ => false,
        };
        if highest {
            losses.add(&EFFORT);
            asked.effort = Some("high".to_owned());
        }
        asked
    }

    fn is_opus_4_5(self) -> bool {
        self.family == Family::Opus && self.number == Some((4, 5))
    }

    /// Thinking as models up to 4.5 know it: in so many tokens, which they have to be told.
    fn in_tokens(self, request: &Request, asked: &Reasoning) -> Option<Reasoning> {
        // Of them only Opus 4.5 knows efforts besides.
        let effort = asked.effort.clone().filter(|word| word == "none" || self.is_opus_4_5());
        let wished = asked.budget.is_some() || asked.effort.is_some() || asked.shown == Some(true);
        let told = matches!(asked.budget, Some(Budget::Tokens(_)));
        if told || asked.is_off() || !wished {
            return Some(Reasoning { effort, ..asked.clone() });
        }
        let tokens = self.tokens(request)?;
        Some(Reasoning { effort, budget: Some(Budget::Tokens(tokens)), shown: asked.shown })
    }

    /// The tokens that stand for an effort; `None`: it cannot think here.
    fn tokens(self, request: &Request) -> Option<u64> {
        const LEAST: u64 = 1024;
        // A tool that must be called and thinking exclude each other.
        let forced = request.choice.as_ref().is_some_and(Choice::is_forced);
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

/// The effort that stands for so many tokens.
fn word(tokens: u64) -> &'static str {
    match tokens {
        0..=2048 => "low",
        2049..=8192 => "medium",
        _ => "high",
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
