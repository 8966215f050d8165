//! What stands around the words of a chunk, alike in the streams of Chat and of Completions.
//!
//! Read with what others do differently: a first chunk without id and model (Azure), counts beside the reason (DeepSeek), in `x_groq` (Groq)
//! or in a chunk of their own.

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
