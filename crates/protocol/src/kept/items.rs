//! Items of a conversation: as they are kept, given back to a model, and listed.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{own_text, without};
use crate::envelope;

/// One answer with what it answers: what is kept of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Conversation {
    /// The answer, as its caller has it.
    pub response: Value,
    /// What was said since the answer before, each item with an id.
    pub input: Vec<Value>,
}

impl Conversation {
    /// What was kept.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How it is kept.
    pub fn text(&self) -> String {
        json!({"response": self.response, "input": self.input}).to_string()
    }

    /// All of its items, as a model is given them back.
    pub fn said(&self) -> impl Iterator<Item = Value> {
        self.listed().map(plain)
    }

    /// All of its items, as they are listed.
    pub fn listed(&self) -> impl Iterator<Item = Value> {
        let output = self.response["output"].as_array().into_iter().flatten();
        self.input.iter().chain(output).cloned()
    }
}

/// What a request says itself: the items of its input, each with an id. `seed`: a number nobody else has.
pub fn own_input(body: &[u8], seed: u128) -> Vec<Value> {
    let items: Vec<Value> = serde_json::from_str(&format!("[{}]", own_text(body))).unwrap_or_default();
    items.into_iter().enumerate().map(|(nth, item)| identified(item, nth, seed)).collect()
}

/// What a request says itself, as a model is given it back: items with commas between them. Of them nothing is built but their text.
pub fn own_said(body: &[u8]) -> String {
    let own = format!("[{}]", own_text(body));
    let items: Vec<&RawValue> = serde_json::from_str(&own).unwrap_or_default();
    let mut said = String::with_capacity(own.len());
    for item in items {
        let item = item.get().as_bytes();
        let kind = envelope::member(item, "type").map(|member| &item[member.value]);
        let plain = match kind {
            Some(b"\"item_reference\"") => item.to_vec(),
            _ => without(item, &["id", "status"]),
        };
        said.push_str(if said.is_empty() { "" } else { "," });
        said.push_str(std::str::from_utf8(&plain).unwrap_or_default());
    }
    said
}

/// An item with an id: its own, or one that is made up.
fn identified(mut item: Value, nth: usize, seed: u128) -> Value {
    let Some(fields) = item.as_object_mut() else { return item };
    if !fields.contains_key("type") && fields.contains_key("role") {
        fields.insert("type".to_owned(), "message".into());
    }
    if let Some(text) = fields.get("content").and_then(Value::as_str)
        && fields.get("type").is_some_and(|kind| kind == "message")
    {
        let kind = if fields.get("role").is_some_and(|role| role == "assistant") {
            "output_text"
        } else {
            "input_text"
        };
        let content = json!([{"type": kind, "text": text}]);
        fields.insert("content".to_owned(), content);
    }
    if !fields.get("id").is_some_and(Value::is_string) {
        let prefix = match fields.get("type").and_then(Value::as_str) {
            Some("message") => "msg_",
            Some("function_call" | "function_call_output") => "fc_",
            Some("custom_tool_call" | "custom_tool_call_output") => "ctc_",
            Some("reasoning") => "rs_",
            _ => "item_",
        };
        let id = format!("{prefix}{:032x}", seed.wrapping_add(nth as u128 + 1));
        fields.insert("id".to_owned(), id.into());
    }
    item
}

/// An item without what only tells that its vendor keeps it: an id sends a vendor looking for what it does not have.
fn plain(mut item: Value) -> Value {
    let reference = item["type"] == "item_reference";
    if let Some(fields) = item.as_object_mut().filter(|_| !reference) {
        fields.shift_remove("id");
        fields.shift_remove("status");
    }
    item
}
