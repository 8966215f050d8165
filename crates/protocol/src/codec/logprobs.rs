//! Probabilities of words, in the hub as OpenAI writes them: entries of a token, how likely it was, its bytes, and the likeliest in its place.
//!
//! Source: OpenAI API reference, "Chat Completions", `logprobs`.

use serde_json::{Map, Value, json};

/// Entries out of a list of them, with nothing left out: not everybody writes the bytes, and the others only where they were asked for.
pub(super) fn read(entries: &Value) -> Vec<Value> {
    let mut entries = entries.as_array().cloned().unwrap_or_default();
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        spell(entry);
        let others = entry.entry("top_logprobs").or_insert_with(|| json!([]));
        others.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut).for_each(spell);
    }
    entries
}

/// The same without the bytes, as the events of Responses have them (OpenAI API reference, `ResponseLogProb`); a whole answer has them.
pub(super) fn without_bytes(entries: &[Value]) -> Vec<Value> {
    let mut entries = entries.to_vec();
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        entry.shift_remove("bytes");
        let others = entry.get_mut("top_logprobs").and_then(Value::as_array_mut);
        for other in others.into_iter().flatten().filter_map(Value::as_object_mut) {
            other.shift_remove("bytes");
        }
    }
    entries
}

fn spell(entry: &mut Map<String, Value>) {
    if !entry.get("bytes").is_some_and(Value::is_array) {
        let bytes = entry.get("token").and_then(Value::as_str).map(|token| json!(token.as_bytes()));
        entry.insert("bytes".to_owned(), bytes.unwrap_or_else(|| json!([])));
    }
}

/// Those of words of a stream that are written with the next of them.
#[derive(Debug, Default)]
pub(super) struct Ahead(Vec<Value>);

impl Ahead {
    pub(super) fn add(&mut self, words: Vec<Value>) {
        self.0.extend(words);
    }

    /// All of them, if there are any.
    pub(super) fn take(&mut self) -> Option<Vec<Value>> {
        Some(std::mem::take(&mut self.0)).filter(|words| !words.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
