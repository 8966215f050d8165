//! What was said so far, written for a vendor: `instructions`, and `input` as items.

use serde_json::{Value, json};

use super::super::json::Object;
use super::super::{Habits, Wire};
use super::content::{is_inside, shown};
use super::unsayable;
use crate::hub::{Call, Losses, Outcome, Part, Request, Role, Thought, Unreadable};

/// How sealed thoughts of OpenAI's begin: they are Fernet tokens, whose first byte and first bytes of the time are always the same.
const OPENAI_SEAL: &str = "gAAAA";

/// What was said.
pub(super) struct Written {
    pub(super) instructions: Option<String>,
    pub(super) input: Vec<Value>,
}

pub(super) fn write(request: &Request, habits: Habits, losses: &mut Losses) -> Result<Written, Unreadable> {
    let system = if habits.own { "developer" } else { "system" };
    // The first text is the instructions, and any further ones follow as they were: joined they would be others.
    let mut further = request.system.clone();
    let first = further.iter().position(|part| matches!(part, Part::Text(_)));
    let instructions = first.and_then(|at| further.remove(at).into_text());
    let mut input = Vec::with_capacity(request.turns.len() + 1);
    let mut items = Items { out: &mut input, request, habits, losses };
    items.speaker(system, &further)?;
    for turn in &request.turns {
        items.losses.add_if(turn.name.is_some(), &unsayable::NAME);
        let role = match turn.role {
            Role::System => system,
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        if turn.parts.is_empty() {
            items.out.push(json!({"type": "message", "role": role, "content": ""}));
        }
        items.speaker(role, &turn.parts)?;
    }
    Ok(Written { instructions, input })
}

struct Items<'a> {
    out: &'a mut Vec<Value>,
    request: &'a Request,
    habits: Habits,
    losses: &'a mut Losses,
}

impl Items<'_> {
    /// What one says: messages, and items beside them, in order.
    fn speaker(&mut self, role: &str, parts: &[Part]) -> Result<(), Unreadable> {
        let mut words: Vec<Part> = Vec::new();
        for part in parts {
            let item = match part {
                Part::Call(call) => Some(self.call(call)),
                Part::Outcome(outcome) => Some(self.outcome(outcome)?),
                Part::Thought(thought) => self.thought(thought),
                Part::Opaque(Wire::Responses, item) if !is_inside(item) => Some(item.clone()),
                other => {
                    words.push(other.clone());
                    continue;
                }
            };
            if let Some(item) = item {
                self.message(role, &mut words)?;
                self.out.push(item);
            }
        }
        self.message(role, &mut words)
    }

    fn message(&mut self, role: &str, words: &mut Vec<Part>) -> Result<(), Unreadable> {
        let words = std::mem::take(words);
        if words.is_empty() {
            return Ok(());
        }
        let content = shown(&words, role == "assistant", self.losses)?;
        // Nothing is left of what another language said; an empty message would be refused.
        let empty = content == "" && !words.iter().any(|part| matches!(part, Part::Text(_)));
        if !empty {
            self.out.push(json!({"type": "message", "role": role, "content": content}));
        }
        Ok(())
    }

    fn call(&mut self, call: &Call) -> Value {
        let (namespace, name) = match self.request.namespace_of(&call.name) {
            Some((namespace, own)) => (Some(namespace.name.as_str()), own),
            None => (None, call.name.as_str()),
        };
        self.losses.add_if(call.signature.is_some(), &unsayable::CALL_MARK);
        let mut item = Object::default();
        item.put("type", if call.custom { "custom_tool_call" } else { "function_call" });
        item.put("call_id", call.id.as_str()).maybe("namespace", namespace).put("name", name);
        item.put(if call.custom { "input" } else { "arguments" }, call.arguments.as_str());
        item.done()
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<Value, Unreadable> {
        let mut parts = outcome.parts.clone();
        if outcome.failed {
            self.losses.add(&unsayable::FAILED);
            match parts.first_mut() {
                Some(Part::Text(text)) => text.insert_str(0, "Error: "),
                _ => parts.insert(0, Part::Text("Error: ".to_owned())),
            }
        }
        let output = shown(&parts, false, self.losses)?;
        let kind = if outcome.custom { "custom_tool_call_output" } else { "function_call_output" };
        Ok(json!({"type": kind, "call_id": outcome.call, "output": output}))
    }

    /// Thoughts the vendor will know as its own: sealed by it, or by their id; or in words, where it wants them so.
    fn thought(&mut self, thought: &Thought) -> Option<Value> {
        let ours = |sealed: &&String| thought.id.is_some() || sealed.starts_with(OPENAI_SEAL);
        let sealed = thought.sealed.as_ref().filter(ours);
        let known = thought.id.is_some() && thought.signature.is_none();
        if sealed.is_none() && !known && !self.habits.thoughts_back {
            self.losses.add(&unsayable::THOUGHT);
            return None;
        }
        let mut item = Object::default();
        item.put("type", "reasoning").maybe("id", thought.id.clone());
        let text = |kind: &str| json!([{"type": kind, "text": thought.text}]);
        match (thought.text.is_empty(), self.habits.thoughts_back) {
            (true, _) => item.put("summary", json!([])),
            (false, true) => item.put("summary", json!([])).put("content", text("reasoning_text")),
            (false, false) => item.put("summary", text("summary_text")),
        };
        item.maybe("encrypted_content", sealed.cloned());
        Some(item.done())
    }
}
