//! What is asked: the conversation so far, the tools, and how the answer is wanted.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use super::part::{Part, Thought};
use crate::kept::Named;

/// One question, whatever language it was asked in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// The model's name. Languages that name it in their path leave it empty, and the path decides.
    pub model: String,
    /// What is said before the conversation: text and cache points.
    pub system: Vec<Part>,
    /// The conversation.
    pub turns: Vec<Turn>,
    /// The tools it may call.
    pub tools: Vec<Tool>,
    /// The common names that some of them stood under (Responses), so that their calls are given back under their own.
    pub namespaces: Vec<Namespace>,
    /// Whether it must call one.
    pub choice: Option<Choice>,
    /// Whether it may call several at once.
    pub parallel: Option<bool>,
    /// The shape of the answer's text.
    pub shape: Option<Shape>,
    /// How words are drawn, and how many.
    pub sampling: Sampling,
    /// How much it is to think.
    pub reasoning: Option<Reasoning>,
    /// The answer is wanted as a stream.
    pub stream: bool,
    /// The stream is wanted as one JSON array, not as events (Gemini without `alt=sse`).
    pub array: bool,
    /// The caller wants the usage chunk at the end of a stream (`stream_options.include_usage`).
    pub counted: bool,
    /// Who is behind the call, in the caller's own word.
    pub user: Option<String>,
    /// Notes of the caller's own.
    pub metadata: Option<Map<String, Value>>,
    /// How soon it is wanted, as the caller's language says it.
    pub tier: Option<String>,
    /// What calls with a common beginning share (`prompt_cache_key`).
    pub cache_key: Option<String>,
    /// How many words are wanted (`low`, `medium`, `high`).
    pub verbosity: Option<String>,
    /// What its answer is called, where the gateway itself may keep that (Responses).
    pub named: Option<Named>,
    /// Further fields, as they were written: the hub has no word for them, and another language hears nothing of them.
    pub rest: Map<String, Value>,
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The caller; also what came of calls.
    User,
    /// The model.
    Assistant,
    /// Instructions in the middle of the conversation.
    System,
}

/// What one of them says.
#[derive(Clone, PartialEq, Debug)]
pub struct Turn {
    /// Who.
    pub role: Role,
    /// What.
    pub parts: Vec<Part>,
    /// The speaker's name, where several share a role.
    pub name: Option<String>,
}

impl Turn {
    /// A turn without a name.
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None }
    }

    /// Whether the model said it.
    pub fn is_models(&self) -> bool {
        self.role == Role::Assistant
    }
}

/// A tool.
#[derive(Clone, PartialEq, Debug)]
pub enum Tool {
    /// The caller runs it.
    Function {
        /// Its name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// JSON Schema of its arguments; `None`: it takes none.
        schema: Option<Value>,
        /// The arguments must keep to the schema.
        strict: Option<bool>,
        /// A cache point behind it (see [`Part::CachePoint`]).
        cache: Option<Option<String>>,
    },
    /// The caller runs it, and its argument is free text.
    Custom {
        /// Its name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The grammar of the text, as OpenAI writes it.
        format: Option<Value>,
    },
    /// The vendor runs it (web search, code execution): only its own language knows it.
    Served(crate::dialect::Wire, Value),
}

impl Tool {
    /// The name the model calls it by; a vendor's own has none here.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } => Some(name),
            Self::Served(..) => None,
        }
    }
}

/// A common name of several tools. Everywhere else in the hub each of them is called by both names: see [`Namespace::full`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Namespace {
    /// The common name.
    pub name: String,
    /// What they are for.
    pub description: Option<String>,
    /// Their own names.
    pub tools: Vec<String>,
}

impl Namespace {
    /// What a tool of it is called where there are no namespaces.
    pub fn full(&self, tool: &str) -> String {
        format!("{}__{tool}", self.name)
    }
}

/// Whether a tool must be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// As the model likes.
    Auto,
    /// None may be called.
    None,
    /// One at least must be.
    Required,
    /// This one must be.
    Named(String),
    /// Only these may be called.
    Allowed {
        /// Their names.
        names: Vec<String>,
        /// One of them must be.
        required: bool,
    },
}

impl Choice {
    /// Whether the model must call a tool, whichever it is.
    pub fn is_forced(&self) -> bool {
        matches!(self, Self::Required | Self::Named(_) | Self::Allowed { required: true, .. })
    }
}

/// The shape of the answer's text.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// JSON of any shape.
    Json,
    /// JSON of this shape.
    Schema {
        /// What the shape is called; not every language names it.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The JSON Schema.
        schema: Value,
        /// The answer must keep to it.
        strict: Option<bool>,
    },
}

/// How words are drawn, and how many. Numbers are as they were written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sampling {
    /// The most tokens an answer may have, thinking included.
    pub most_tokens: Option<u64>,
    /// How freely words are drawn, 0 to 2 (Anthropic: to 1).
    pub temperature: Option<Number>,
    /// The share of probability words are drawn from.
    pub top_p: Option<Number>,
    /// The number of words one is drawn from.
    pub top_k: Option<Number>,
    /// The least probability, of the likeliest word's.
    pub min_p: Option<Number>,
    /// The same seed is to give the same words.
    pub seed: Option<Number>,
    /// Less of what was said often.
    pub frequency_penalty: Option<Number>,
    /// Less of what was said.
    pub presence_penalty: Option<Number>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// The number of answers.
    pub n: Option<u64>,
    /// Words made more or less likely, by token.
    pub logit_bias: Option<Map<String, Value>>,
    /// Probabilities are wanted.
    pub logprobs: Option<bool>,
    /// So many alternatives of each word with them.
    pub top_logprobs: Option<u64>,
}

/// How much the model is to think. Languages say it in words, in tokens, or in both.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reasoning {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<String>,
    /// In tokens.
    pub budget: Option<Budget>,
    /// The caller wants to read the thoughts, or a summary of them.
    pub shown: Option<bool>,
}

/// The tokens it may think.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Budget {
    /// None.
    Off,
    /// As many as it likes.
    Adaptive,
    /// So many.
    Tokens(u64),
}

impl Reasoning {
    /// Whether no thinking is wanted.
    pub fn is_off(&self) -> bool {
        self.budget == Some(Budget::Off) || self.effort.as_deref() == Some("none")
    }
}

impl Request {
    /// The turns with those joined that follow each other in one role, for languages whose roles take turns.
    pub fn merged(&self) -> Vec<Turn> {
        let mut merged: Vec<Turn> = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            match merged.last_mut() {
                Some(last) if last.role == turn.role && last.name == turn.name => {
                    last.parts.extend(turn.parts.iter().cloned())
                }
                _ => merged.push(turn.clone()),
            }
        }
        merged
    }

    /// Whether the model made calls since the user last spoke, and none of the thoughts from then is `known` to it again. What is said
    /// beside the outcome of a call does not begin anew.
    pub fn has_lost_thoughts(&self, known: impl Fn(&Thought) -> bool) -> bool {
        let (mut calls, mut knows) = (false, false);
        for run in self.turns.chunk_by(|one, next| one.is_models() == next.is_models()) {
            let any = |is: &dyn Fn(&Part) -> bool| run.iter().flat_map(|turn| &turn.parts).any(is);
            if run.iter().all(Turn::is_models) {
                calls |= any(&|part| matches!(part, Part::Call(_)));
                knows |= any(&|part| matches!(part, Part::Thought(thought) if known(thought)));
            } else if any(&|_| true) && !any(&|part| matches!(part, Part::Outcome(_))) {
                (calls, knows) = (false, false);
            }
        }
        calls && !knows
    }

    /// The namespace a tool stands in, and its own name there.
    pub fn namespace_of(&self, tool: &str) -> Option<(&Namespace, &str)> {
        self.namespaces.iter().find_map(|namespace| {
            let own = namespace.tools.iter().find(|own| namespace.full(own) == tool)?;
            Some((namespace, own.as_str()))
        })
    }

    /// The tool of each call that was made, by the call's id: for languages whose outcomes name the tool.
    pub fn called(&self) -> HashMap<&str, &str> {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        let calls = parts.filter_map(|part| if let Part::Call(call) = part { Some(call) } else { None });
        calls.map(|call| (call.id.as_str(), call.name.as_str())).collect()
    }
}
