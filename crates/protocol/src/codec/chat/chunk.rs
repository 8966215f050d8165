//! What stands around the words of a chunk, alike in the streams of Chat and of Completions.
//!
//! Read with what others do differently: a first chunk without id and model (Azure), counts beside the reason (DeepSeek), in `x_groq` (Groq)
//! or in a chunk of their own.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use super::super::events;
use super::response;
use crate::hub::{Begun, Delta, Unreadable};

/// Reads chunks but for their words.
#[derive(Debug, Default)]
pub(in crate::codec) struct Frame {
    begun: bool,
}

impl Frame {
    /// Reads the data of an event; the first answer in it is `choice`'s. Further ones were not asked for.
    pub(in crate::codec) fn read(
        &mut self,
        data: &str,
        out: &mut Vec<Delta>,
        choice: impl FnOnce(&Value, &mut Vec<Delta>),
    ) -> Result<(), Unreadable> {
        if data.trim_start().starts_with("[DONE]") {
            return Ok(());
        }
        let chunk = events::json(data)?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            let words =
                error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
            out.push(Delta::Fault(words));
            return Ok(());
        }
        self.begin(&chunk, out);
        let mut choices = chunk["choices"].as_array().into_iter().flatten();
        if let Some(first) = choices.find(|choice| choice["index"].as_u64().unwrap_or_default() == 0) {
            choice(first, out);
        }
        let counted = chunk
            .get("usage")
            .filter(|usage| usage.is_object())
            .or_else(|| chunk.get("x_groq")?.get("usage"));
        if let Some(usage) = counted.and_then(Value::as_object) {
            out.push(Delta::Counts(response::counts(usage)));
        }
        Ok(())
    }

    /// Azure's first chunk has neither id nor model: the next one begins.
    fn begin(&mut self, chunk: &Value, out: &mut Vec<Delta>) {
        let word = |name: &str| chunk[name].as_str().filter(|word| !word.is_empty()).map(str::to_owned);
        if self.begun || (word("id").is_none() && word("model").is_none()) {
            return;
        }
        self.begun = true;
        out.push(Delta::Begin(Begun {
            id: word("id"),
            model: word("model"),
            created: chunk["created"].as_u64().filter(|at| *at > 0),
        }));
    }
}

/// A chunk, written straight from where its words are.
#[derive(serde::Serialize, Debug)]
pub(super) struct Chunk<'a, Delta> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a, Delta>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

impl<'a, Delta> Chunk<'a, Delta> {
    pub(super) fn of(
        (id, model, created): (&'a str, &'a str, u64),
        choices: &'a [Choice<'a, Delta>],
        usage: Option<Value>,
    ) -> Self {
        Self { id, object: "chat.completion.chunk", created, model, choices, usage }
    }
}

/// What a chunk says of an answer.
#[derive(serde::Serialize, Debug)]
pub(super) struct Choice<'a, Delta> {
    pub(super) index: u64,
    pub(super) delta: Delta,
    pub(super) logprobs: Option<Value>,
    pub(super) finish_reason: Option<&'a str>,
}

/// A field of the message that grows by a text.
#[derive(Debug)]
pub(super) struct Grown<'a>(pub(super) &'static str, pub(super) &'a str);

impl Serialize for Grown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map([(self.0, self.1)])
    }
}
